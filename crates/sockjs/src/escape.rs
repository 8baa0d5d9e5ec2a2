//! How text is written within the quotes of a string, so that every browser of the last twenty
//! years reads it as it was.

/// What the first octet of a character says about the character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// It stands for itself.
    Plain,
    /// It is escaped, and has no other octets.
    Escaped,
    /// U+2000 to U+2FFF, of which some are escaped.
    Punctuation,
    /// U+F000 to U+FFFF, of which the last are escaped.
    Special,
}

/// JSON's own rules, with those that the protocol adds.
const JSON: [Class; 256] = classes(false);
/// The same for a script within a page: nothing in it may look like an end of the script.
const SCRIPT: [Class; 256] = classes(true);

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

const fn classes(is_script: bool) -> [Class; 256] {
    let mut classes = [Class::Plain; 256];
    let mut octet = 0;
    while octet < 0x20 {
        classes[octet] = Class::Escaped;
        octet += 1;
    }
    classes[b'"' as usize] = Class::Escaped;
    classes[b'\\' as usize] = Class::Escaped;
    if is_script {
        classes[b'<' as usize] = Class::Escaped;
    }
    classes[0xe2] = Class::Punctuation;
    classes[0xef] = Class::Special;
    classes
}

/// Appends `text` as it stands within the quotes of a string of JSON, without the quotes.
///
/// Beside what JSON wants escaped (`"`, `\` and U+0000 to U+001F), these become `\uXXXX` with small
/// letters, since browsers change them on the way: U+200C to U+200F, U+2028 to U+202F, U+2060 to
/// U+206F and U+FFF0 to U+FFFF (S55; sockjs-protocol, JSON Unicode Encoding). Where JSON has a
/// short escape, such as `\n`, it is that.
pub fn append_escaped(out: &mut Vec<u8>, text: &str) {
    append(out, text.as_bytes(), &JSON);
}

/// Appends `octets` as they stand within the quotes of a string in a script, which may be part of a
/// page: a `<` is escaped too.
pub(crate) fn append_escaped_for_script(out: &mut Vec<u8>, octets: &[u8]) {
    append(out, octets, &SCRIPT);
}

fn append(out: &mut Vec<u8>, octets: &[u8], classes: &[Class; 256]) {
    out.reserve(octets.len());
    let mut rest = octets;
    // Runs of what stands for itself are copied whole: nearly all text is one such run.
    while let Some(at) = rest.iter().position(|octet| is_notable(*octet, classes)) {
        let (plain, notable) = rest.split_at(at);
        out.extend_from_slice(plain);
        rest = append_first(out, notable, classes);
    }
    out.extend_from_slice(rest);
}

fn is_notable(octet: u8, classes: &[Class; 256]) -> bool {
    classes[usize::from(octet)] != Class::Plain
}

/// Appends the character that `octets` begin with, as itself or as its escape, and returns what
/// comes after it.
fn append_first<'a>(out: &mut Vec<u8>, octets: &'a [u8], classes: &[Class; 256]) -> &'a [u8] {
    match *octets {
        [first, ref rest @ ..] if classes[usize::from(first)] == Class::Escaped => {
            append_escape(out, u16::from(first));
            rest
        }
        [first @ (0xe2 | 0xef), second, third, ref rest @ ..]
            if is_mangled(first, second, third) =>
        {
            let high = u16::from(first & 0x0f) << 12;
            append_escape(
                out,
                high | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f),
            );
            rest
        }
        [first, ref rest @ ..] => {
            out.push(first);
            rest
        }
        [] => octets,
    }
}

/// Whether the three octets of a character are one that does not arrive everywhere as it was.
fn is_mangled(first: u8, second: u8, third: u8) -> bool {
    match (first, second) {
        (0xe2, 0x80) => matches!(third, 0x8c..=0x8f | 0xa8..=0xaf),
        (0xe2, 0x81) => matches!(third, 0xa0..=0xaf),
        (0xef, 0xbf) => matches!(third, 0xb0..=0xbf),
        _ => false,
    }
}

fn append_escape(out: &mut Vec<u8>, unit: u16) {
    let short = match unit {
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        0x22 => b'"',
        0x5c => b'\\',
        _ => {
            let digit = |shift: u16| HEX_DIGITS[usize::from(unit >> shift & 0xf)];
            out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = Vec::new();
        append_escaped(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn s55_exactly_the_characters_of_the_table_are_escaped() {
        for character in '\0'..=char::MAX {
            let is_listed = matches!(
                u32::from(character),
                0..=0x1f | 0x22 | 0x5c | 0x200c..=0x200f | 0x2028..=0x202f | 0x2060..=0x206f
                    | 0xfff0..=0xffff
            );
            let text = character.to_string();
            let expected = match character {
                '\u{8}' => "\\b".to_owned(),
                '\t' => "\\t".to_owned(),
                '\n' => "\\n".to_owned(),
                '\u{c}' => "\\f".to_owned(),
                '\r' => "\\r".to_owned(),
                '"' | '\\' => format!("\\{character}"),
                _ if is_listed => format!("\\u{:04x}", u32::from(character)),
                _ => text.clone(),
            };
            assert_eq!(escaped(&text), expected, "{:x}", u32::from(character));
        }
    }

    #[test]
    fn s55_what_stands_around_an_escape_stays() {
        assert_eq!(escaped(""), "");
        assert_eq!(
            escaped("plain, 你好, 🔔, \u{7f}"),
            "plain, 你好, 🔔, \u{7f}"
        );
        assert_eq!(
            escaped("a\u{200d}b\u{2027}\u{2028}c"),
            "a\\u200db\u{2027}\\u2028c"
        );
        assert_eq!(escaped("\"\n\0\""), "\\\"\\n\\u0000\\\"");
        assert_eq!(
            escaped("\u{ffef}\u{fff0}\u{1ffff}"),
            "\u{ffef}\\ufff0\u{1ffff}"
        );
    }

    #[test]
    fn s43_a_script_has_no_angle_bracket_and_takes_any_octets() {
        let mut out = Vec::new();
        append_escaped_for_script(&mut out, b"a[\"</script>\xe2\x80\xff\xe2\x80\xa8\xef\"]");
        assert_eq!(out, b"a[\\\"\\u003c/script>\xe2\x80\xff\\u2028\xef\\\"]");
    }
}
