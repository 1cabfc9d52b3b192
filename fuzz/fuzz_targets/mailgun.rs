//! Mailgun's webhooks.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let _ = doorkey::mail::hooks::mailgun::read(body, "key", 1_795_444_500_000_000);
    if let Ok(value) = serde_json::from_slice(body) {
        let _ = doorkey::mail::hooks::mailgun::parse(&value);
    }
});
