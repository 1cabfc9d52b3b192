//! The fields of a feedback report (RFC 5965).
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = doorkey::mail::bounce::arf::read(text);
});
