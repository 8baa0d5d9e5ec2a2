//! Patterns of LIKE, matched without going back.
//!
//! All places of the pattern that the text so far could have come to are the bits of one number;
//! each character of the text moves them at once. The time is proportional to the text, whatever
//! the pattern.

use super::PATTERN_CHARS_MAX;

/// A pattern: `%` is for any text, `_` for any character.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Like {
    /// Each character of the pattern, in order, with the places where it stands.
    letters: Box<[(char, u128)]>,
    /// The places of `_`.
    any: u128,
    /// The places before which a `%` stands, where a match may stay.
    gaps: u128,
    /// The place behind the pattern.
    end: u128,
}

/// Why a pattern cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LikeError {
    Escape,
    TooLong,
}

impl Like {
    pub(super) fn new(pattern: &str, escape: Option<char>) -> Result<Self, LikeError> {
        let mut letters: Vec<(char, u128)> = Vec::new();
        let (mut any, mut gaps) = (0, 0);
        let mut place = 1_u128;
        let mut chars_left = PATTERN_CHARS_MAX;
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            let mut letter = Some(character);
            if Some(character) == escape {
                letter = characters.next();
                let may_follow = |it: char| it == '%' || it == '_' || Some(it) == escape;
                if !letter.is_some_and(may_follow) {
                    return Err(LikeError::Escape);
                }
            } else if character == '%' {
                gaps |= place;
                continue;
            } else if character == '_' {
                any |= place;
                letter = None;
            }
            if let Some(letter) = letter {
                match letters.binary_search_by_key(&letter, |it| it.0) {
                    Ok(found) => letters[found].1 |= place,
                    Err(before) => letters.insert(before, (letter, place)),
                }
            }
            chars_left = chars_left.checked_sub(1).ok_or(LikeError::TooLong)?;
            place <<= 1;
        }
        Ok(Self {
            letters: letters.into_boxed_slice(),
            any,
            gaps,
            end: place,
        })
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let mut places = 1_u128;
        for character in text.chars() {
            let found = self.letters.binary_search_by_key(&character, |it| it.0);
            let fitting = self.any | found.map_or(0, |found| self.letters[found].1);
            places = (places & fitting) << 1 | places & self.gaps;
            if places == 0 {
                return false;
            }
        }
        places & self.end != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(pattern: &str, text: &str) -> bool {
        Like::new(pattern, Some('\\')).expect("legal").matches(text)
    }

    /// The obvious way, for comparison.
    fn slow(pattern: &[char], text: &[char]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some('%'), _) => {
                slow(&pattern[1..], text) || !text.is_empty() && slow(pattern, &text[1..])
            }
            (Some(letter), Some(found)) => {
                (*letter == '_' || letter == found) && slow(&pattern[1..], &text[1..])
            }
            _ => false,
        }
    }

    #[test]
    fn s88_patterns_match_as_the_obvious_way_does() {
        let alphabet = ['a', 'b', '%', '_'];
        let words = |letters: usize| {
            (0..=4_u32).flat_map(move |length| {
                (0..letters.pow(length)).map(move |mut number| {
                    let mut word = Vec::new();
                    for _ in 0..length {
                        word.push(alphabet[number % letters]);
                        number /= letters;
                    }
                    word
                })
            })
        };
        for pattern in words(4) {
            let text: String = pattern.iter().collect();
            let compiled = Like::new(&text, None).expect("legal");
            for word in words(2) {
                let expected = slow(&pattern, &word);
                let word: String = word.iter().collect();
                assert_eq!(compiled.matches(&word), expected, "{text} on {word}");
            }
        }
    }

    #[test]
    fn s88_patterns_know_escapes_and_characters() {
        assert!(like("12%3", "12993") && !like("12%3", "1234"));
        assert!(like("l_se", "lose") && like("l_se", "löse") && !like("l_se", "loose"));
        assert!(like("\\_%", "_foo") && !like("\\_%", "bar"));
        assert!(like("100\\%", "100%") && !like("100\\%", "1000"));
        assert!(like("a\\\\b", "a\\b"));
        assert!(like("", "") && !like("", "a") && like("%", "") && like("%%", "你好"));
        assert_eq!(Like::new("a\\b", Some('\\')), Err(LikeError::Escape));
        assert_eq!(Like::new("a\\", Some('\\')), Err(LikeError::Escape));
    }

    #[test]
    fn s88_a_pattern_has_up_to_127_characters() {
        let longest = "_".repeat(126) + "x";
        let text = "a".repeat(126) + "x";
        assert!(like(&longest, &text) && !like(&longest, &text[1..]));
        assert_eq!(Like::new(&"a".repeat(128), None), Err(LikeError::TooLong));
        assert!(like(&"%".repeat(1000), "anything"));
    }

    #[test]
    fn s88_a_hostile_pattern_costs_one_step_a_character() {
        // Going back would take more steps here than there is time.
        let pattern = "%a".repeat(127) + "%";
        let text = "a".repeat(126) + &"b".repeat(8000);
        assert!(!like(&pattern, &text));
    }
}
