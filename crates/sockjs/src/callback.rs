//! The name of a page's function, as a request gives it.

use std::fmt;

use crate::form::value_of;

/// How long the name of a callback may be, in octets. sockjs-client's have 11; short ones leave no
/// room for what would make the answer something else than a script.
pub const CALLBACK_BYTES_MAX: usize = 64;

/// The name of the function that an answer calls, such as `_jp.a1b2c3`: letters and digits of
/// ASCII, `-`, `_` and `.`, so it can stand in a script and in a page (S43).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Callback(Box<str>);

/// Why a request has no callback that could be called. The answer is 500 with this text
/// (sockjs-protocol, HtmlFile and JsonPolling).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// The query has none.
    #[error("\"callback\" parameter required: name the function to call, as in ?c=receive")]
    Missing,
    /// It is too long, or has other characters than names have.
    #[error(
        "invalid \"callback\" parameter: use at most {CALLBACK_BYTES_MAX} of the letters A to Z, \
         a to z, digits, '-', '_' and '.'"
    )]
    Invalid,
}

impl Callback {
    /// The callback that is called `name`.
    ///
    /// # Errors
    /// When `name` is empty, longer than [`CALLBACK_BYTES_MAX`], or no name.
    pub fn new(name: &str) -> Result<Self, CallbackError> {
        Self::from_octets(name.as_bytes())
    }

    /// The callback that a request's query names by its parameter `c`: `c=_jp.a1b2c3`, without the
    /// question mark.
    ///
    /// # Errors
    /// When there is none, or it is not one.
    pub fn from_query(query: Option<&str>) -> Result<Self, CallbackError> {
        let query = query.unwrap_or_default();
        let name = value_of(query.as_bytes(), b"c").ok_or(CallbackError::Missing)?;
        Self::from_octets(&name)
    }

    fn from_octets(name: &[u8]) -> Result<Self, CallbackError> {
        let is_allowed = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_.".contains(octet);
        if name.is_empty() {
            return Err(CallbackError::Missing);
        }
        if name.len() > CALLBACK_BYTES_MAX || !name.iter().all(is_allowed) {
            return Err(CallbackError::Invalid);
        }
        // It is ASCII, so each octet is a character.
        Ok(Self(name.iter().map(|octet| char::from(*octet)).collect()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Callback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s43_a_callback_comes_from_the_query() {
        let name = |query| Callback::from_query(Some(query)).map(|it| it.to_string());
        assert_eq!(name("c=%63allback"), Ok("callback".to_owned()));
        assert_eq!(name("t=1&c=_jp.a-Z_9&c=other"), Ok("_jp.a-Z_9".to_owned()));
        assert_eq!(Callback::new("x").unwrap().as_str(), "x");
    }

    #[test]
    fn s43_without_a_callback_it_is_said_that_one_is_required() {
        for query in [
            None,
            Some(""),
            Some("c"),
            Some("c="),
            Some("cc=x"),
            Some("C=x"),
        ] {
            let error = Callback::from_query(query).unwrap_err();
            assert_eq!(error, CallbackError::Missing, "{query:?}");
            assert!(
                error
                    .to_string()
                    .starts_with("\"callback\" parameter required")
            );
        }
    }

    #[test]
    fn s43_what_is_no_name_is_refused() {
        let long = format!("c={}", "x".repeat(CALLBACK_BYTES_MAX + 1));
        for query in [
            "c=%20",
            "c=*",
            "c=abc(",
            "c=abc%28",
            "c=alert(1)",
            "c=a;b",
            "c=a+b",
            "c=a%00",
            "c=%3C/script%3E",
            "c=a%0d%0a",
            "c=%ff",
            "c=é",
            "c=a%2",
            "c=a[0]",
            &long,
        ] {
            let error = Callback::from_query(Some(query)).unwrap_err();
            assert_eq!(error, CallbackError::Invalid, "{query}");
            assert!(
                error
                    .to_string()
                    .starts_with("invalid \"callback\" parameter")
            );
        }
        assert!(Callback::new(&long[3..]).is_ok());
    }
}
