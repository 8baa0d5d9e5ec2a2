//! Up to where destinations without a history have been published to: what cannot be replayed.
//!
//! There may be any number of such destinations, so they share a fixed number of places. Whoever
//! asks about one gets the newest position of all that share its place: never less than the truth.

use std::hash::{BuildHasher, Hash};

use super::hashing::Folding;
use crate::destination::Destination;
use crate::patterns::Pattern;

/// How many places named destinations share, and private ones as many.
const PLACES: usize = 1_024;

/// How many places the first words of named destinations share, for patterns.
const WORDS: usize = 256;

/// The newest positions that were let go of, by destination.
pub(super) struct Gone {
    named: Box<[u64]>,
    private: Box<[u64]>,
    /// Of named destinations, by their first word: patterns mostly begin with one.
    words: Box<[u64]>,
    /// Of all named destinations.
    newest: u64,
}

impl Default for Gone {
    fn default() -> Self {
        Self {
            named: vec![0; PLACES].into(),
            private: vec![0; PLACES].into(),
            words: vec![0; WORDS].into(),
            newest: 0,
        }
    }
}

impl Gone {
    /// Notes that what was published to a destination at this position cannot be replayed.
    pub(super) fn note(&mut self, destination: &Destination, position: u64) {
        match destination {
            Destination::Named(name) => {
                raise(&mut self.named, name.as_bytes(), position);
                raise(&mut self.words, first_word(name), position);
                self.newest = self.newest.max(position);
            }
            Destination::Private(private) if private.is_of_session() => {
                // The session that comes back has another id: only the name is the same.
                raise(&mut self.private, private.name().as_bytes(), position);
            }
            Destination::Private(private) => raise(&mut self.private, private, position),
            Destination::Endpoint(_)
            | Destination::User(_)
            | Destination::Queue(_)
            | Destination::Matching(_) => {}
        }
    }

    /// The newest position that a destination may have let go of; for those that cannot be recovered
    /// at all, the end of the world.
    pub(super) fn newest(&self, destination: &Destination) -> u64 {
        match destination {
            Destination::Named(name) => self.named[place(&self.named, name.as_bytes())],
            Destination::Private(private) if private.is_of_session() => {
                self.private[place(&self.private, private.name().as_bytes())]
            }
            Destination::Private(private) => self.private[place(&self.private, private)],
            Destination::Matching(pattern) => self.newest_matching(pattern),
            Destination::Endpoint(_) | Destination::User(_) | Destination::Queue(_) => u64::MAX,
        }
    }

    fn newest_matching(&self, pattern: &Pattern) -> u64 {
        let word = first_word(pattern.text());
        let is_literal = !word.iter().any(|byte| b"*?{}".contains(byte));
        match is_literal && !word.is_empty() {
            true => self.words[place(&self.words, word)],
            false => self.newest,
        }
    }
}

/// The text between the first separators, whichever they are. A pattern whose first word has no
/// wildcard matches only what begins with the same word.
fn first_word(text: &str) -> &[u8] {
    let is_separator = |byte: &u8| matches!(byte, b'/' | b'.');
    let text = text.as_bytes();
    let begin = text.iter().position(|byte| !is_separator(byte));
    let text = &text[begin.unwrap_or(text.len())..];
    let end = text.iter().position(is_separator);
    &text[..end.unwrap_or(text.len())]
}

fn raise(table: &mut [u64], key: impl Hash, position: u64) {
    let place = place(table, key);
    table[place] = table[place].max(position);
}

/// The same in every run: who shares a place with whom must not change what a test sees.
fn place(table: &[u64], key: impl Hash) -> usize {
    (Folding::fixed().hash_one(key) % table.len() as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patterns::Separator;

    fn matching(text: &str, separator: Separator) -> Destination {
        Destination::matching(Pattern::parse(text, separator).expect("a pattern"))
    }

    #[test]
    fn s98_a_pattern_is_told_of_every_destination_that_it_matches() {
        let patterns = [
            ("/a/**", Separator::Slash),
            ("/a/*", Separator::Slash),
            ("/a.*/b", Separator::Slash),
            ("/a*/b", Separator::Slash),
            ("/?/b", Separator::Slash),
            ("/**", Separator::Slash),
            ("/*/b", Separator::Slash),
            ("/{x}/b", Separator::Slash),
            ("/../*", Separator::Slash),
            ("a.*", Separator::Dot),
            ("/a/b.*", Separator::Dot),
            ("**", Separator::Dot),
        ];
        let names = [
            "/a", "/a/", "//a/b", "/a/b", "/a/b/c", "/a.x/b", "/ab/b", "/x/b", "/../x", "a.b",
            "/a/b.c", "/a/b.", "/", "", ".",
        ];
        let mut matches = 0;
        for (text, separator) in patterns {
            let pattern = matching(text, separator);
            let Destination::Matching(parsed) = &pattern else {
                panic!("{text} has a wildcard");
            };
            for name in names.iter().filter(|name| parsed.matches(name)) {
                let mut gone = Gone::default();
                gone.note(&Destination::named(*name), 7);
                assert_eq!(gone.newest(&pattern), 7, "{text} {name}");
                matches += 1;
            }
        }
        assert!(matches > patterns.len(), "{matches}");
        // What is elsewhere does not spoil it.
        let mut gone = Gone::default();
        gone.note(&Destination::named("/b/a"), 7);
        assert_eq!(gone.newest(&matching("/a/**", Separator::Slash)), 0);
        assert_eq!(gone.newest(&matching("/**", Separator::Slash)), 7);
    }
}
