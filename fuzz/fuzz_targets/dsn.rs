//! The fields of a delivery report (RFC 3464).
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = doorkey::mail::bounce::dsn::read(text);
});
