#![no_main]

#[path = "../../../crates/wire/tests/entry_points/mod.rs"]
mod entry_points;

libfuzzer_sys::fuzz_target!(|text: &str| entry_points::subject(text));
