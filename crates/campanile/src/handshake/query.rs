//! The query of a URL, decoded as forms are.

use std::borrow::Cow;

/// The pairs of a query string in `application/x-www-form-urlencoded`. A pair whose escapes are
/// not UTF-8 keeps replacement characters.
pub fn query_pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_form(name), decode_form(value))
        })
}

fn decode_form(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned();
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_values_are_decoded_as_forms_are() {
        let pairs: Vec<_> = query_pairs("a=%E4%BD%A0+b%2B&&c&d=%zz").collect();
        assert_eq!(
            pairs,
            [
                ("a".into(), "你 b+".into()),
                ("c".into(), "".into()),
                ("d".into(), Cow::Borrowed("%zz"))
            ]
        );
    }
}
