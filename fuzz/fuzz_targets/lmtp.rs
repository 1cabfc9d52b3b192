//! A conversation by LMTP: any bytes, cut into lines as the listener cuts them.
#![no_main]

use doorkey::mail::lmtp::talk::{Content, Say, Talk};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (mut talk, mut content) = (Talk::new(), None::<Content>);
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        if let Some(taking) = &mut content {
            if taking.push(line) {
                assert!(!talk.finish().1.is_empty());
                content = None;
            }
            continue;
        }
        match talk.command(line, |recipient| !recipient.starts_with('x')) {
            Say::Answer(text) => assert!(text.ends_with("\r\n")),
            Say::Listen(_) => content = Some(Content::default()),
            Say::Goodbye(_) => return,
        }
    }
});
