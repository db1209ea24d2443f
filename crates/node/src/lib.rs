//! A Choria node server.
