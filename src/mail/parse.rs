//! Reading mail that strangers wrote.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::{Message, MessageParser};

/// Takes a message apart; `None` for what is none. A message on which the parser itself fails is none
/// either: whoever hands it over would hand it over again and again.
pub fn parse(raw: &[u8]) -> Option<Message<'_>> {
    // Nothing of ours is changed in there: what unwinds leaves nothing half done.
    catch_unwind(AssertUnwindSafe(|| MessageParser::default().parse(raw))).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by fuzzing: a boundary in the place of a returned mail, on which mail-parser 0.11 fails
    /// in a debug build.
    #[test]
    fn a_message_that_breaks_the_parser_breaks_nothing_else() {
        let whole = "Content-Type: multipart/report; boundary=\"B\"\r\n\r\n\
            --B\r\nContent-Type: message/delivery-status\r\n\r\nStatus: 5.1.1\r\n\r\n\
            --B\r\nContent-Type: message/rfc822\r\n\r\nFrom: shop@example.test\r\n\r\nbody\r\n--B--\r\n";
        assert_eq!(parse(whole.as_bytes()).expect("the control").parts.len(), 3);
        let broken = whole.replace(
            "message/rfc822\r\n\r\n",
            "message/rfc822\r\n\n--B\r\nContent-Type: message/rfc822\r\n\r\n",
        );
        assert_eq!(parse(broken.as_bytes()).is_some(), !cfg!(debug_assertions));
    }
}
