//! Authentication-Results (RFC 8601).
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = doorkey::mail::test_mail::results::parse(text);
});
