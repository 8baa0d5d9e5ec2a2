//! UTF-8 that arrives in pieces (RFC 6455 8.1, RFC 3629).

/// The text has an octet that cannot be there, or ends within a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotUtf8;

/// The beginning of a character whose other octets have not arrived yet: up to three octets.
///
/// With it, text can be validated piece by piece, each octet once, wherever the network or the
/// peer has cut it; and a bad octet is found when it arrives, not when the message is complete.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Utf8Tail {
    octets: [u8; 3],
    len: u8,
}

impl Utf8Tail {
    /// How many octets wait for the rest of their character.
    pub(crate) fn len(self) -> usize {
        usize::from(self.len)
    }

    /// Appends the characters which `chunk` completes to `text` and keeps the octets of an
    /// unfinished one.
    pub(crate) fn append(&mut self, chunk: &[u8], text: &mut String) -> Result<(), NotUtf8> {
        let chunk = self.complete_character(chunk, text)?;
        let whole = self.hold_back(chunk)?;
        text.push_str(simdutf8::basic::from_utf8(whole).map_err(|_| NotUtf8)?);
        Ok(())
    }

    /// Keeps the octets of an unfinished character at the end of `chunk` and returns those before
    /// it, unchecked. For when nothing is unfinished.
    #[inline]
    pub(crate) fn hold_back<'c>(&mut self, chunk: &'c [u8]) -> Result<&'c [u8], NotUtf8> {
        let (whole, begun) = chunk.split_at(chunk.len() - unfinished_len(chunk));
        if begun.is_empty() {
            return Ok(whole);
        }
        if !is_beginning(begun) {
            return Err(NotUtf8);
        }
        self.octets[..begun.len()].copy_from_slice(begun);
        self.len = begun.len() as u8;
        Ok(whole)
    }

    /// Ends the text: nothing may be unfinished.
    pub(crate) fn finish(self) -> Result<(), NotUtf8> {
        if self.len == 0 { Ok(()) } else { Err(NotUtf8) }
    }

    /// Moves octets from `chunk` to the unfinished character until it is complete; returns what
    /// is left of `chunk`, which is nothing if the character is still unfinished.
    fn complete_character<'c>(
        &mut self,
        chunk: &'c [u8],
        text: &mut String,
    ) -> Result<&'c [u8], NotUtf8> {
        if self.len == 0 {
            return Ok(chunk);
        }
        let begun = self.len();
        let missing = character_len(self.octets[0]) - begun;
        let taken = missing.min(chunk.len());
        let mut character = [0; 4];
        character[..begun].copy_from_slice(&self.octets[..begun]);
        character[begun..begun + taken].copy_from_slice(&chunk[..taken]);
        let character = &character[..begun + taken];
        if taken < missing {
            if !is_beginning(character) {
                return Err(NotUtf8);
            }
            self.octets[..character.len()].copy_from_slice(character);
            self.len = character.len() as u8;
            return Ok(&[]);
        }
        text.push_str(std::str::from_utf8(character).map_err(|_| NotUtf8)?);
        self.len = 0;
        Ok(&chunk[taken..])
    }
}

/// How many octets the character has which starts with `first`, one that
/// [`is_beginning`] or [`unfinished_len`] has seen.
fn character_len(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

/// How many octets at the end of `chunk` belong to a character that is not complete. Looks at
/// three octets at most; whether they are legal is for others to find out.
fn unfinished_len(chunk: &[u8]) -> usize {
    for (back, octet) in chunk.iter().rev().take(3).enumerate() {
        let is_continuation = octet & 0xc0 == 0x80;
        if !is_continuation {
            let seen = back + 1;
            return if character_len(*octet) > seen {
                seen
            } else {
                0
            };
        }
    }
    0
}

/// Whether `octets`, one to three of them, can be continued to a character. Only octets that are
/// missing are forgiven: `ED A0` (a surrogate) and `F4 90` (over U+10FFFF) are wrong already.
fn is_beginning(octets: &[u8]) -> bool {
    match std::str::from_utf8(octets) {
        Ok(_) => false,
        Err(error) => error.valid_up_to() == 0 && error.error_len().is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(pieces: &[&[u8]]) -> Result<String, NotUtf8> {
        let mut tail = Utf8Tail::default();
        let mut text = String::new();
        for piece in pieces {
            tail.append(piece, &mut text)?;
        }
        tail.finish()?;
        Ok(text)
    }

    /// The number of octets after which one-octet pieces are refused.
    fn refused_after(octets: &[u8]) -> Option<usize> {
        let mut tail = Utf8Tail::default();
        let mut text = String::new();
        octets
            .iter()
            .position(|octet| tail.append(&[*octet], &mut text).is_err())
            .map(|i| i + 1)
    }

    #[test]
    fn rfc6455_8_1_characters_may_be_cut_anywhere() {
        let text = "aé€😀z\u{10ffff}\u{800}\u{fffd}";
        let octets = text.as_bytes();
        for first in 0..=octets.len() {
            for second in first..=octets.len() {
                let pieces = [&octets[..first], &octets[first..second], &octets[second..]];
                assert_eq!(feed(&pieces).as_deref(), Ok(text));
            }
        }
        let single: Vec<&[u8]> = octets.chunks(1).collect();
        assert_eq!(feed(&single).as_deref(), Ok(text));
    }

    #[test]
    fn rfc6455_8_1_a_bad_octet_is_refused_as_soon_as_it_is_there() {
        assert_eq!(refused_after(b"\xc0\xaf"), Some(1));
        assert_eq!(refused_after(b"a\x80"), Some(2));
        assert_eq!(refused_after(b"\xe0\x80\x80"), Some(2));
        assert_eq!(refused_after(b"\xed\xa0\x80"), Some(2));
        assert_eq!(refused_after(b"\xf0\x8f\xbf\xbf"), Some(2));
        assert_eq!(refused_after(b"\xf4\x90\x80\x80"), Some(2));
        assert_eq!(refused_after(b"\xf5"), Some(1));
        assert_eq!(refused_after(b"\xff"), Some(1));
        assert_eq!(refused_after(b"\xe2\x82\x41"), Some(3));
        assert_eq!(refused_after("κόσμε".as_bytes()), None);
    }

    #[test]
    fn rfc6455_8_1_bad_octets_are_refused_also_within_long_pieces() {
        for bad in [
            &b"\xc0\xaf"[..],
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\x80",
            b"\xf0\x9f",
        ] {
            let mut octets = vec![b'x'; 200];
            octets.extend_from_slice(bad);
            octets.extend_from_slice(&[b'y'; 200]);
            assert_eq!(feed(&[&octets]), Err(NotUtf8), "{bad:?}");
            let end = 200 + bad.len();
            assert_eq!(feed(&[&octets[..end]]), Err(NotUtf8), "{bad:?} at the end");
        }
    }

    #[test]
    fn rfc6455_8_1_text_may_not_end_within_a_character() {
        for cut in [&b"\xc3"[..], b"\xe2\x82", b"\xf0\x9f\x98"] {
            assert_eq!(feed(&[cut]), Err(NotUtf8));
        }
    }
}
