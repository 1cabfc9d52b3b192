//! A whole message, as it comes by LMTP or through the pipe.
#![no_main]

use doorkey::mail::bounce;

libfuzzer_sys::fuzz_target!(|raw: &[u8]| {
    for sender in [None, Some(""), Some("ada@example.test")] {
        if let Ok(notice) = bounce::read(raw, sender) {
            assert!(notice.clues.len() <= 32);
        }
    }
});
