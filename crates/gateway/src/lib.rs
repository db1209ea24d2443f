//! The gateway daemon: shell loop, links, gossip, admin, configuration, metrics.
