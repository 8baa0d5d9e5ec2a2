//! Up to where a subscription has got, so that it can go on from there.

use std::{fmt, str::FromStr};

/// Up to where a subscription has got: for
/// [`Subscribing::after`](super::Subscribing::after), after a loss or in another process. On
/// Campanile the [id](super::StompMessage::id) of a message is one, too.
///
/// As text it is what the server calls it. Nothing can be read from it but by that server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which life of the server's log.
    epoch: u64,
    position: u64,
}

/// The text is no cursor: it is handed back as [`Cursor`]'s `Display` has written it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no cursor; give one as it was told, or a message's id, such as 18c2a9f0b3d4e5f6-17")]
pub struct CursorInvalid;

impl Cursor {
    /// Whether `later` is of the same log, and beyond this one.
    pub(super) fn is_before(self, later: Self) -> bool {
        self.epoch == later.epoch && self.position < later.position
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:x}-{}", self.epoch, self.position)
    }
}

impl FromStr for Cursor {
    type Err = CursorInvalid;

    /// Takes what a server has written, in no other spelling.
    fn from_str(text: &str) -> Result<Self, CursorInvalid> {
        let (epoch, position) = text.split_once('-').ok_or(CursorInvalid)?;
        Ok(Self {
            epoch: number(epoch, 16)?,
            position: number(position, 10)?,
        })
    }
}

/// A number in the one spelling that `Display` gives it: no sign, no capitals, no leading zeros.
fn number(text: &str, radix: u32) -> Result<u64, CursorInvalid> {
    let is_plain = |octet: u8| octet.is_ascii_digit() || octet.is_ascii_lowercase();
    if !text.bytes().all(is_plain) || (text.len() > 1 && text.starts_with('0')) {
        return Err(CursorInvalid);
    }
    u64::from_str_radix(text, radix).map_err(|_| CursorInvalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(text: &str) -> Cursor {
        text.parse().expect("a cursor")
    }

    #[test]
    fn s98_a_cursor_is_handed_back_as_it_was_told() {
        for text in ["0-0", "ab0-17", "ffffffffffffffff-18446744073709551615"] {
            assert_eq!(cursor(text).to_string(), text);
        }
        for wrong in [
            "",
            "-",
            "17",
            "ab0-",
            "-17",
            "AB0-17",
            "0ab0-17",
            "ab0-017",
            "+ab0-17",
            "ab0-+17",
            "ab0-17-",
            "ab0-1a",
            "m-1",
            "ab0-18446744073709551616",
        ] {
            assert_eq!(wrong.parse::<Cursor>(), Err(CursorInvalid), "{wrong}");
        }
    }

    #[test]
    fn s98_cursors_of_other_lives_of_the_log_are_not_before_each_other() {
        assert!(cursor("a-9").is_before(cursor("a-10")));
        assert!(!cursor("a-10").is_before(cursor("a-10")));
        assert!(!cursor("a-9").is_before(cursor("b-10")));
    }
}
