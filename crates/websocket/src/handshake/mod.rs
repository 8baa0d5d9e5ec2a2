//! The opening handshake (RFC 6455 4), over the types of the `http` crate.

pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod extensions;
pub(crate) mod request;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName};
use sha1::{Digest, Sha1};

/// What a key is joined with before hashing (RFC 6455 1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of `Sec-WebSocket-Accept` that answers the `Sec-WebSocket-Key` `key`
/// (RFC 6455 4.2.2): 28 characters.
///
/// ```
/// use campanile_websocket::accept_key;
///
/// assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &str) -> String {
    let mut hasher = Sha1::new();
    hasher.update(key.as_bytes());
    hasher.update(KEY_SUFFIX);
    STANDARD.encode(hasher.finalize())
}

/// Whether `text` is a token: one or more of the characters that HTTP allows in names
/// (RFC 9110 5.6.2). Sub-protocols and extensions are named by tokens.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_octet)
}

pub(crate) fn is_token_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

/// The elements of the comma-separated lists in all headers called `name`; empty elements are
/// skipped (RFC 9110 5.6.1.2). A value that is not ASCII text yields one element that is no token.
pub(crate) fn list_elements<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("\u{fffd}").split(','))
        .map(|element| element.trim_matches([' ', '\t']))
        .filter(|element| !element.is_empty())
}

/// Whether the lists in all headers called `name` have the element `token`, in any case.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    list_elements(headers, name).any(|element| element.eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use http::header::CONNECTION;

    use super::*;

    #[test]
    fn rfc6455_1_3_accept_of_the_example_key() {
        assert_eq!(
            accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn rfc9110_5_6_1_lists_span_headers_and_may_have_empty_elements() {
        let mut headers = HeaderMap::new();
        headers.append(CONNECTION, " a ,, b".parse().expect("a value"));
        headers.append(CONNECTION, "".parse().expect("a value"));
        headers.append(CONNECTION, "C".parse().expect("a value"));
        assert_eq!(
            list_elements(&headers, &CONNECTION).collect::<Vec<_>>(),
            ["a", "b", "C"]
        );
        assert!(has_token(&headers, &CONNECTION, "c"));
        assert!(!has_token(&headers, &CONNECTION, "ab"));
    }
}
