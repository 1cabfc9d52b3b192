//! SendGrid's events.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let _ = doorkey::mail::hooks::sendgrid::parse(body);
});
