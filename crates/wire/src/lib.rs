//! Choria v1 and v2 messages and subjects: decode, edit headers in place, encode.
