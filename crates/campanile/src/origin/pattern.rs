//! Patterns of origins: any sub-domain, any port.

use std::fmt;

use super::{Origin, OriginError, read_origin};

const STAR: &str = "a `*` stands for one or more whole labels at the beginning of the host, as in \
                    https://*.example.com, or for the port, as in http://localhost:*";

/// An origin, or many: `https://*.example.com`, `http://localhost:*`.
///
/// * The scheme is compared exactly, without regard to case. It cannot be left open.
/// * A host that begins with `*.` stands for every host that has one or more labels before the
///   rest: `*.example.com` is `a.example.com` and `a.b.example.com`, but neither `example.com`
///   itself nor `evil-example.com` nor `a.example.com.evil.com`. Any other host is compared exactly.
/// * A port of `*` stands for every port, the scheme's default one included. No port is the
///   default one; any other is compared exactly.
///
/// Comparing takes time in proportion to the origin's length, whatever the pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OriginPattern {
    /// The scheme, host and port, without the stars.
    rest: Origin,
    any_subdomain: bool,
    any_port: bool,
}

impl OriginPattern {
    /// Reads a pattern. An origin without `*` is one, too.
    ///
    /// # Errors
    /// [`OriginError`] says what is wrong and what to write instead.
    pub fn parse(entry: &str) -> Result<Self, OriginError> {
        let refused = |advice| OriginError {
            entry: entry.to_owned(),
            advice,
        };
        let (before_port, any_port) = match entry.strip_suffix(":*") {
            Some(before) => (before, true),
            None => (entry, false),
        };
        if any_port && has_port(before_port) {
            return Err(refused(STAR));
        }
        let starred = before_port.split_once("://*.");
        let plain = match starred {
            Some((scheme, rest)) => format!("{scheme}://{rest}"),
            None => before_port.to_owned(),
        };
        if plain.contains('*') {
            return Err(refused(STAR));
        }
        let rest = Origin::parse(&plain).map_err(|error| refused(error.advice))?;
        if starred.is_some() && !may_have_subdomains(&rest.host) {
            return Err(refused(
                "after `*.` write the end of a name: labels with dots between them, no address",
            ));
        }
        Ok(Self {
            rest,
            any_subdomain: starred.is_some(),
            any_port,
        })
    }

    /// Whether an origin fits.
    pub fn matches(&self, origin: &Origin) -> bool {
        let host_fits = if self.any_subdomain {
            let labels = origin.host.strip_suffix(&*self.rest.host);
            labels
                .and_then(|labels| labels.strip_suffix('.'))
                .is_some_and(|labels| labels.split('.').all(|label| !label.is_empty()))
        } else {
            origin.host == self.rest.host
        };
        host_fits
            && origin.scheme == self.rest.scheme
            && (self.any_port || origin.port == self.rest.port)
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.any_subdomain { "*." } else { "" };
        write!(formatter, "{}://{star}{}", self.rest.scheme, self.rest.host)?;
        match self.rest.port {
            Some(port) => write!(formatter, ":{port}"),
            None if self.any_port => formatter.write_str(":*"),
            None => Ok(()),
        }
    }
}

impl std::str::FromStr for OriginPattern {
    type Err = OriginError;

    fn from_str(entry: &str) -> Result<Self, OriginError> {
        Self::parse(entry)
    }
}

/// Whether there is a port, also the default one, which an [`Origin`] does not tell.
fn has_port(entry: &str) -> bool {
    let authority = entry.split_once("://").map_or("", |(_, rest)| rest);
    let after_address = authority
        .rfind(']')
        .map_or(authority, |end| &authority[end..]);
    after_address.contains(':')
}

/// Whether the text is a name. An IPv4 address ends with a number, and no name's last label is one.
fn may_have_subdomains(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    !host.starts_with('[')
        && host.split('.').all(|label| !label.is_empty())
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the value of an `Origin` header fits one of the patterns.
pub(super) fn any_matches(patterns: &[OriginPattern], value: &str) -> bool {
    read_origin(value).is_ok_and(|origin| patterns.iter().any(|pattern| pattern.matches(&origin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, origin: &str) -> bool {
        any_matches(&[OriginPattern::parse(pattern).expect(pattern)], origin)
    }

    #[test]
    fn s10_a_star_stands_for_whole_labels_or_the_port() {
        let table = [
            ("https://*.example.com", "https://a.example.com", true),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "HTTPS://A.EXAMPLE.COM:443", true),
            ("HTTPS://*.Example.com:443", "https://a.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://.example.com", false),
            ("https://*.example.com", "https://a..example.com", false),
            ("https://*.example.com", "https://..example.com", false),
            ("https://*.example.com", "https://evil-example.com", false),
            ("https://*.example.com", "https://evilexample.com", false),
            ("https://*.good.com", "https://good.com.evil.com", false),
            ("https://*.good.com", "https://a.good.com.evil.com", false),
            ("https://*.good.com", "https://a.good.com.", false),
            ("https://*.good.com", "http://a.good.com", false),
            ("https://*.good.com", "https://a.good.com:8443", false),
            ("https://*.good.com", "https://evil.com/.good.com", false),
            ("https://*.good.com", "https://evil.com#.good.com", false),
            ("https://*.good.com", "https://evil.com?.good.com", false),
            ("https://*.good.com", "https://evil.com\\.good.com", false),
            ("https://*.good.com", "https://evil.com:443.good.com", false),
            ("https://*.good.com", "https://user@a.good.com", false),
            ("https://*.good.com", "https://a.good.com@evil.com", false),
            ("https://*.good.com", "https://x@evil.com:1.good.com", false),
            ("https://*.good.com", "https://a%2egood.com", false),
            ("https://*.good.com", "https://\u{430}.good.com", false),
            ("https://*.good.com", "https://*.good.com", false),
            ("https://*.good.com", "null", false),
            ("https://*.good.com", "", false),
            ("https://*.good.com:*", "https://a.good.com", true),
            ("https://*.good.com:*", "https://a.good.com:8443", true),
            ("https://*.good.com:*", "https://a.good.com:", false),
            ("https://*.good.com:*", "https://a.good.com:x", false),
            ("https://*.good.com:8443", "https://a.good.com:8443", true),
            ("https://*.good.com:8443", "https://a.good.com", false),
            ("http://localhost:*", "http://localhost", true),
            ("http://localhost:*", "http://localhost:3000", true),
            ("http://localhost:*", "http://localhost:0", false),
            ("http://localhost:*", "https://localhost:3000", false),
            ("http://localhost:*", "http://localhost.evil.com:1", false),
            ("http://localhost:*", "http://a.localhost:1", false),
            ("http://[::1]:*", "http://[0::1]:3000", true),
            ("http://[::1]:*", "http://[::2]:3000", false),
            ("http://*.localhost:*", "http://app.localhost:5173", true),
            ("https://exact.com", "https://exact.com", true),
            ("https://exact.com", "https://a.exact.com", false),
            ("capacitor://localhost", "capacitor://localhost", true),
        ];
        for (pattern, origin, expected) in table {
            assert_eq!(fits(pattern, origin), expected, "{origin} as {pattern}");
        }
    }

    #[test]
    fn s10_refused_patterns_say_what_to_do() {
        let table = [
            ("*", "whole labels"),
            ("https://*", "whole labels"),
            ("https://*:8443", "whole labels"),
            ("https://*example.com", "whole labels"),
            ("https://a*.example.com", "whole labels"),
            ("https://*.*.example.com", "whole labels"),
            ("https://a.*.example.com", "whole labels"),
            ("https://example.*", "whole labels"),
            ("*://example.com", "whole labels"),
            ("https://example.com:80*", "whole labels"),
            ("https://example.com:443:*", "whole labels"),
            ("https://*.", "the host is missing"),
            ("https://*..com", "labels with dots"),
            ("https://*.com.", "labels with dots"),
            ("https://*.0.0.1", "no address"),
            ("https://*.[::1]", "no address"),
            ("wss://*.example.com", "write http:// or https://"),
            ("https://*.example.com/", "the slash included"),
            ("null", "only the policy `any`"),
        ];
        for (entry, advice) in table {
            let error = OriginPattern::parse(entry).expect_err(entry);
            assert_eq!(error.entry(), entry);
            assert!(error.to_string().contains(advice), "{error}");
        }
    }

    #[test]
    fn s10_patterns_are_shown_in_their_normal_form() {
        for (entry, shown) in [
            ("HTTPS://*.Good.com:443", "https://*.good.com"),
            ("http://localhost:*", "http://localhost:*"),
            ("http://*.good.com:8080", "http://*.good.com:8080"),
        ] {
            let pattern: OriginPattern = entry.parse().expect("a pattern");
            assert_eq!(pattern.to_string(), shown);
        }
    }

    #[test]
    fn s10_a_hostile_origin_is_read_once() {
        let origin = format!("https://{}evil.com", "a.good.com.".repeat(1_000_000));
        assert!(!fits("https://*.good.com", &origin));
    }
}
