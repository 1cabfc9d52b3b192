//! Events of Amazon SES, and the addresses of certificates.
#![no_main]

use doorkey::mail::hooks::{certificate, ses};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let _ = ses::parse(body);
    if let Ok(url) = std::str::from_utf8(body)
        && let Some((host, _)) = certificate::pinned(url)
    {
        assert!(host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"));
    }
});
