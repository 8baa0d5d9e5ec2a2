//! The answers beside sessions, and headers that many have.

use std::borrow::Cow;

/// The text at an endpoint's path, of type `text/plain; charset=UTF-8` (S34).
pub const GREETING: &str = "Welcome to SockJS!\n";

/// The header `Cache-Control` of `/info` and of all that belongs to a session, also where a method
/// would not let it be cached: iOS 6 cached POST (S35, S51).
pub const NOT_CACHED: &str = "no-store, no-cache, no-transform, must-revalidate, max-age=0";

/// The header `Cache-Control` of preflights and of the iframe's page (S44, S50).
pub const CACHED_FOR_A_YEAR: &str = "public, max-age=31536000";

const COOKIE: &str = "JSESSIONID";

/// The body of `/info`, of type `application/json; charset=UTF-8` (S35, S36, S37).
///
/// - `has_websocket`: whether a client need not try the transport in vain.
/// - `is_cookie_needed`: whether a client must send cookies, for load balancers that look at them.
/// - `entropy`: a number that nobody can foresee, another one for each request: browsers without a
///   good source of chance make session ids of it.
pub fn info(has_websocket: bool, is_cookie_needed: bool, entropy: u32) -> String {
    // Clients do not look at the origins; the protocol wants them to be all.
    format!(
        "{{\"websocket\":{has_websocket},\"origins\":[\"*:*\"],\
         \"cookie_needed\":{is_cookie_needed},\"entropy\":{entropy}}}"
    )
}

/// The header `Set-Cookie` of a session's answers, where load balancers want one: the cookie
/// `JSESSIONID` that the request has in its header `Cookie`, else a dummy (sockjs-protocol,
/// JSESSIONID cookie).
///
/// A value with characters that none may have (RFC 6265 4.1.1) is not repeated.
pub fn session_cookie(cookies: Option<&str>) -> String {
    let sent = cookies.unwrap_or_default().split(';').find_map(|cookie| {
        let (name, value) = cookie.split_once('=')?;
        (name.trim() == COOKIE).then_some(value.trim())
    });
    let is_allowed =
        |octet| matches!(octet, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e);
    let value = match sent {
        Some(value) if !value.is_empty() && value.bytes().all(is_allowed) => value,
        _ => "dummy",
    };
    format!("{COOKIE}={value}; path=/")
}

/// `text` as it may stand in an attribute's double quotes.
pub(crate) fn escape_attribute(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn s35_s36_s37_info_says_what_the_server_can() {
        for (websocket, cookie_needed, entropy) in [(true, false, 0), (false, true, u32::MAX)] {
            let value: Value =
                serde_json::from_str(&info(websocket, cookie_needed, entropy)).unwrap();
            let expected = json!({
                "websocket": websocket,
                "origins": ["*:*"],
                "cookie_needed": cookie_needed,
                "entropy": entropy,
            });
            assert_eq!(value, expected);
        }
    }

    #[test]
    fn s36_the_cookie_of_a_session_is_repeated() {
        assert_eq!(session_cookie(None), "JSESSIONID=dummy; path=/");
        assert_eq!(session_cookie(Some("a=b")), "JSESSIONID=dummy; path=/");
        let cookies = Some("a=b; JSESSIONID=abc.def-1; XJSESSIONID=x");
        assert_eq!(session_cookie(cookies), "JSESSIONID=abc.def-1; path=/");
        for value in ["", "a b", "a\r\nb", "a,b", "\"a\"", "é", "a\\b"] {
            let cookies = format!("JSESSIONID={value}");
            assert_eq!(session_cookie(Some(&cookies)), "JSESSIONID=dummy; path=/");
        }
    }
}
