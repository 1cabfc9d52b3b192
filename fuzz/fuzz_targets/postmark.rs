//! Postmark's webhooks.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let _ = doorkey::mail::hooks::postmark::parse(body);
});
