//! Up to where somebody has received, as a token that clients keep and hand back.

use std::fmt;
use std::str::FromStr;

use crate::publication::PublicationId;

/// Up to where somebody has received: one position for each log. There is one log so far, so it is
/// written like the [id](PublicationId) of the last publication: `epoch-position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which life of the log.
    pub epoch: u64,
    /// Everything up to this position has been received.
    pub position: u64,
}

/// The text is no cursor of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad-cursor: hand back a cursor or a message's id as it came")]
pub struct CursorInvalid;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, position } = *self;
        PublicationId { epoch, position }.fmt(f)
    }
}

impl From<PublicationId> for Cursor {
    fn from(PublicationId { epoch, position }: PublicationId) -> Self {
        Self { epoch, position }
    }
}

impl FromStr for Cursor {
    type Err = CursorInvalid;

    /// Takes what [`Display`](fmt::Display) has written, and nothing else: no sign, no leading
    /// zeros, no capitals.
    fn from_str(text: &str) -> Result<Self, CursorInvalid> {
        let (epoch, position) = text.split_once('-').ok_or(CursorInvalid)?;
        let cursor = Self {
            epoch: u64::from_str_radix(epoch, 16).map_err(|_| CursorInvalid)?,
            position: position.parse().map_err(|_| CursorInvalid)?,
        };
        match cursor.to_string() == text {
            true => Ok(cursor),
            false => Err(CursorInvalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s98_a_cursor_is_read_as_it_was_written_and_in_no_other_spelling() {
        let cursor = Cursor {
            epoch: 0xab0,
            position: 17,
        };
        assert_eq!(cursor.to_string(), "ab0-17");
        assert_eq!("ab0-17".parse(), Ok(cursor));
        for wrong in [
            "",
            "-",
            "ab0",
            "ab0-",
            "-17",
            "AB0-17",
            "0ab0-17",
            "ab0-017",
            "ab0-+17",
            "+ab0-17",
            "ab0-17-",
            "ab0 -17",
            "ab0-18446744073709551616",
            "g-1",
        ] {
            assert_eq!(wrong.parse::<Cursor>(), Err(CursorInvalid), "{wrong}");
        }
    }
}
