//! What a mail server answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|wire: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(doorkey::mail::smtp::count_replies(wire));
});
