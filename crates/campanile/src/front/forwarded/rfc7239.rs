//! The grammar of the `Forwarded` header (RFC 7239 4).

use campanile_websocket::is_token;

/// What one proxy has written. Parameters that are of no use here are left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// `for`: the address or name of whoever the proxy was asked by.
    pub(super) client: Option<String>,
    /// `proto`: the scheme that was used.
    pub(super) proto: Option<String>,
    /// `host`: the Host header as the proxy got it.
    pub(super) host: Option<String>,
}

/// Reads one header line, from left to right in one pass. `None` if it breaks the grammar, or an
/// element has a parameter twice.
pub(super) fn read(line: &str) -> Option<Vec<Element>> {
    let mut elements = Vec::new();
    let mut element = Element::default();
    let mut is_empty = true;
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if !rest.starts_with([',', ';']) && !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = read_value(after)?;
            let known = match name.to_ascii_lowercase().as_str() {
                "for" => Some(&mut element.client),
                "proto" => Some(&mut element.proto),
                "host" => Some(&mut element.host),
                other if is_token(other) => None,
                _ => return None,
            };
            if let Some(known) = known
                && known.replace(value).is_some()
            {
                return None;
            }
            is_empty = false;
            rest = after.trim_start_matches([' ', '\t']);
        }
        if let Some(after) = rest.strip_prefix(';') {
            rest = after;
            continue;
        }
        // A list may have empty elements (RFC 9110 5.6.1.2).
        if !std::mem::replace(&mut is_empty, true) {
            elements.push(std::mem::take(&mut element));
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Some(elements),
            None => return None,
        }
    }
}

/// A token or a quoted string at the beginning of the text, and what follows it.
fn read_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';', ' ', '\t']).unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        return is_token(token).then(|| (token.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Option<Vec<String>> {
        let show = |element: &Element| {
            let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".into());
            format!(
                "{} {} {}",
                part(&element.client),
                part(&element.proto),
                part(&element.host)
            )
        };
        Some(read(line)?.iter().map(show).collect())
    }

    #[test]
    fn rfc7239_4_the_examples_and_the_grammars_corners_are_read() {
        let table: [(&str, &[&str]); 12] = [
            ("for=\"_gazonk\"", &["_gazonk - -"]),
            (
                "For=\"[2001:db8:cafe::17]:4711\"",
                &["[2001:db8:cafe::17]:4711 - -"],
            ),
            (
                "for=192.0.2.60;proto=http;by=203.0.113.43",
                &["192.0.2.60 http -"],
            ),
            (
                "for=192.0.2.43, for=198.51.100.17",
                &["192.0.2.43 - -", "198.51.100.17 - -"],
            ),
            (
                "for=1.1.1.1 ; HOST=\"a.example:80\" ,proto=https",
                &["1.1.1.1 - a.example:80", "- https -"],
            ),
            ("", &[]),
            (" , ,for=a,", &["a - -"]),
            ("for=a;", &["a - -"]),
            (";for=a", &["a - -"]),
            ("secret=\"for=evil, \\\"for=worse\";for=a", &["a - -"]),
            ("for=\"a\\\"b\"", &["a\"b - -"]),
            ("for=\"\"", &[" - -"]),
        ];
        for (line, expected) in table {
            let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
            assert_eq!(shown(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn rfc7239_4_what_breaks_the_grammar_is_refused() {
        for line in [
            "for",
            "for=",
            "=a",
            "for=a b",
            "for=a for=b",
            "for=\"a",
            "for=\"a\\",
            "for=[::1]",
            "for=1.1.1.1:80",
            "for=a;for=b",
            "for =a",
            "for=\"a\"b",
            "f\u{f6}r=a",
        ] {
            assert_eq!(shown(line), None, "{line}");
        }
    }

    #[test]
    fn cve_2020_7662_an_unclosed_quote_is_read_once() {
        assert_eq!(shown(&format!("for=\"{}", "\\a".repeat(30_000))), None);
    }
}
