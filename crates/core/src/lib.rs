//! The gateway machine: routes, adverts, sessions, queues, accounting; pure.
