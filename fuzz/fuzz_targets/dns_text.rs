//! Text records: SPF, and the lists of tags that DKIM and DMARC are.
#![no_main]

use doorkey::mail::doctor::{spf::record::Record, tags::Tags};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = Record::parse(text);
    let _ = Tags::parse(text);
});
