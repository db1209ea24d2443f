//! Code generated from proto/ and fallible conversions to core types.
