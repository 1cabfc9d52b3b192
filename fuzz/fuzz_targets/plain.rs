//! The words of servers that write no report.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = doorkey::mail::bounce::plain::read("", text);
    let _ = doorkey::mail::bounce::plain::read("Undeliverable", text);
});
