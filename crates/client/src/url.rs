//! The parts of a `ws://` or `wss://` address that a connection needs (RFC 6455 3), and of those for
//! STOMP over TCP.

use http::Uri;

use crate::error::{ClientError, UrlProblem};

/// An address to connect to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Host name or IP address, without the brackets of IPv6.
    pub(crate) host: String,
    /// Port; when the address names none, the scheme's.
    pub(crate) port: u16,
    /// Its scheme stands for TLS.
    pub(crate) is_secure: bool,
    /// Value of the `Host` header: the port is left out when it is the scheme's.
    pub(crate) host_header: String,
    /// Path and query, never empty.
    pub(crate) path_and_query: String,
}

/// What an address may begin with.
struct Scheme {
    name: &'static str,
    is_secure: bool,
    port: u16,
}

const WEBSOCKET: [Scheme; 2] = [
    Scheme {
        name: "ws",
        is_secure: false,
        port: 80,
    },
    Scheme {
        name: "wss",
        is_secure: true,
        port: 443,
    },
];

/// STOMP over TCP: brokers listen on 61613, and with TLS on 61614.
#[cfg(feature = "stomp")]
const STOMP: [Scheme; 2] = [
    Scheme {
        name: "stomp",
        is_secure: false,
        port: 61613,
    },
    Scheme {
        name: "stomps",
        is_secure: true,
        port: 61614,
    },
];

impl Address {
    /// Takes an address apart.
    pub(crate) fn parse(url: &str) -> Result<Self, ClientError> {
        Self::parts(url, &WEBSOCKET).map_err(|problem| ClientError::Url {
            url: url.to_owned(),
            problem,
        })
    }

    /// Takes an address apart that STOMP is spoken at over TCP. `None`: it begins with neither
    /// `stomp://` nor `stomps://`.
    #[cfg(feature = "stomp")]
    pub(crate) fn parse_stomp(url: &str) -> Option<Result<Self, ClientError>> {
        let (scheme, _) = url.split_once("://")?;
        if !STOMP
            .iter()
            .any(|one| one.name.eq_ignore_ascii_case(scheme))
        {
            return None;
        }
        let parts = Self::parts(url, &STOMP);
        Some(parts.map_err(|problem| ClientError::Url {
            url: url.to_owned(),
            problem,
        }))
    }

    fn parts(url: &str, schemes: &[Scheme]) -> Result<Self, UrlProblem> {
        if url.contains('#') {
            return Err(UrlProblem::Fragment);
        }
        let uri: Uri = url.parse().map_err(|_| UrlProblem::Syntax)?;
        let scheme = uri
            .scheme_str()
            .and_then(|name| schemes.iter().find(|it| it.name.eq_ignore_ascii_case(name)))
            .ok_or(UrlProblem::Scheme)?;
        if scheme.is_secure && !cfg!(feature = "tls") {
            return Err(UrlProblem::Tls);
        }
        let usual_port = scheme.port;
        let authority = uri.authority().ok_or(UrlProblem::Host)?;
        if authority.as_str().contains('@') {
            return Err(UrlProblem::UserInfo);
        }
        let written = authority.host();
        let host = written.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(UrlProblem::Host);
        }
        // `port()` is also `None` for a port that is not a number up to 65535.
        let port = match (authority.port(), authority.as_str() == written) {
            (Some(port), _) => port.as_u16(),
            (None, true) => usual_port,
            (None, false) => return Err(UrlProblem::Syntax),
        };
        let path_and_query = match uri.path_and_query().map(http::uri::PathAndQuery::as_str) {
            None | Some("") => "/".to_owned(),
            Some(query) if query.starts_with('?') => format!("/{query}"),
            Some(path) => path.to_owned(),
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            is_secure: scheme.is_secure,
            host_header: if port == usual_port {
                written.to_owned()
            } else {
                format!("{written}:{port}")
            },
            path_and_query,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(url: &str) -> UrlProblem {
        match Address::parse(url) {
            Err(ClientError::Url { problem, .. }) => problem,
            other => panic!("{url} gave {other:?}"),
        }
    }

    #[test]
    fn the_parts_of_an_address() {
        let address = Address::parse("ws://example.com:8080/chat?name=Alice").expect("an address");
        assert_eq!(address.host, "example.com");
        assert_eq!(address.port, 8080);
        assert_eq!(address.host_header, "example.com:8080");
        assert_eq!(address.path_and_query, "/chat?name=Alice");
    }

    #[test]
    fn port_80_and_the_path_are_implied() {
        let address = Address::parse("ws://example.com").expect("an address");
        assert_eq!(address.port, 80);
        assert_eq!(address.host_header, "example.com");
        assert_eq!(address.path_and_query, "/");
        let address = Address::parse("ws://example.com?a=b").expect("an address");
        assert_eq!(address.path_and_query, "/?a=b");
    }

    #[test]
    fn an_ipv6_host_loses_its_brackets_only_for_the_socket() {
        let address = Address::parse("ws://[::1]:8080/").expect("an address");
        assert_eq!(address.host, "::1");
        assert_eq!(address.host_header, "[::1]:8080");
    }

    #[test]
    fn each_wrong_address_says_what_is_wrong() {
        assert_eq!(problem("http://example.com/"), UrlProblem::Scheme);
        assert_eq!(problem("/chat"), UrlProblem::Scheme);
        assert_eq!(problem("ws://example.com/#top"), UrlProblem::Fragment);
        assert_eq!(problem("ws://user@example.com/"), UrlProblem::UserInfo);
        assert_eq!(problem("ws://exa mple.com/"), UrlProblem::Syntax);
        assert_eq!(problem("ws://example.com:99999/"), UrlProblem::Syntax);
        assert_eq!(problem(""), UrlProblem::Syntax);
    }

    #[cfg(feature = "stomp")]
    #[test]
    fn s180_stomp_addresses_have_the_brokers_port() {
        let parse = |url| Address::parse_stomp(url).map(|it| it.expect("an address"));
        let address = parse("stomp://127.0.0.1").expect("one for TCP");
        assert_eq!((&*address.host, address.port), ("127.0.0.1", 61613));
        assert!(!address.is_secure);
        assert_eq!(parse("STOMP://[::1]:7/").expect("one for TCP").port, 7);
        assert_eq!(parse("ws://127.0.0.1/stomp"), None);
        assert_eq!(parse("127.0.0.1:61613"), None);
        assert!(Address::parse_stomp("stomp://").expect("one").is_err());
        #[cfg(feature = "tls")]
        assert_eq!(parse("stomps://a").expect("one for TCP").port, 61614);
    }

    #[cfg(feature = "tls")]
    #[test]
    fn s3_port_443_is_implied_by_wss() {
        let address = Address::parse("wss://example.com/chat").expect("an address");
        assert!(address.is_secure);
        assert_eq!(address.port, 443);
        assert_eq!(address.host_header, "example.com");
        let address = Address::parse("wss://example.com:80/").expect("an address");
        assert_eq!(address.host_header, "example.com:80");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn without_tls_wss_says_what_is_missing() {
        assert_eq!(problem("wss://example.com/"), UrlProblem::Tls);
    }
}
