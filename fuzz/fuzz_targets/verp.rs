//! Marked addresses: none that we did not make is read, in whatever form.
#![no_main]

use doorkey::config::BounceConfig;
use doorkey::mail::bounce::verp::Verp;
use doorkey::secret::Secret;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let verp = Verp::new(Secret::new([7; 32]).derive("bounces"), &BounceConfig::default());
    assert!(verp.read_any(text).is_none());
});
