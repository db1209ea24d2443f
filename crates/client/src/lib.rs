//! A Choria client library.
