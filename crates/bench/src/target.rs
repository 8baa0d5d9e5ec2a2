//! Where the server is, and what each session asks it for.

use std::{
    io,
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    time::Duration,
};

use campanile_websocket::{ClientHandshake, ExtensionOffer};
use http::{HeaderName, HeaderValue, Uri, header};

use crate::{
    dialect,
    error::BenchError,
    plan::{Dialect, Plan},
};

/// How long the first connection may take.
const FIRST_CONNECTION: Duration = Duration::from_secs(5);

/// A server's address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    host: String,
    port: u16,
    /// The value of the `Host` header.
    host_header: String,
    /// Path and query, with `{room}` and `{session}` in it.
    path: String,
    /// What is behind `#`: it never goes into the request (RFC 6455 3); to a dialect it may be
    /// the channel or the namespace.
    fragment: String,
}

/// The port of STOMP over TCP.
const STOMP_PORT: u16 = 61_613;

impl Target {
    /// Takes the URL of a WebSocket server apart.
    pub(crate) fn parse(url: &str) -> Result<Self, BenchError> {
        Self::with_scheme(url, "ws", 80)
    }

    /// Takes the URL of a server that speaks STOMP over TCP apart, `tcp://HOST:PORT`.
    pub(crate) fn parse_tcp(url: &str) -> Result<Self, BenchError> {
        Self::with_scheme(url, "tcp", STOMP_PORT)
    }

    fn with_scheme(url: &str, scheme: &str, default_port: u16) -> Result<Self, BenchError> {
        let wrong = |why| BenchError::Url {
            url: url.to_owned(),
            why,
        };
        let (before, fragment) = url.split_once('#').unwrap_or((url, ""));
        // Braces are no octets of a URL, and stand for others here.
        let escaped = before.replace('{', "%7B").replace('}', "%7D");
        let uri: Uri = escaped
            .parse()
            .map_err(|_| wrong("it is not a URL; write ws://HOST:PORT/PATH"))?;
        match uri.scheme_str() {
            Some(found) if found == scheme => {}
            Some("wss") => return Err(wrong("TLS is not available; measure behind its proxy")),
            _ if scheme == "tcp" => return Err(wrong("for queues it must begin with tcp://")),
            _ => return Err(wrong("it must begin with ws://")),
        }
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
        let host = authority.host();
        let port = match (authority.port_u16(), authority.as_str() == host) {
            (Some(port), _) => port,
            (None, true) => default_port,
            (None, false) => return Err(wrong("its port is not a number up to 65535")),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            host_header: if port == 80 {
                host.to_owned()
            } else {
                format!("{host}:{port}")
            },
            path: path.replace("%7B", "{").replace("%7D", "}"),
            fragment: fragment.to_owned(),
        })
    }

    /// The first of the host's addresses that accepts a connection.
    pub(crate) fn reach(&self) -> Result<SocketAddr, BenchError> {
        let unreachable = |source| BenchError::Unreachable {
            host: self.host.clone(),
            port: self.port,
            source,
        };
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let candidates = (self.host.as_str(), self.port).to_socket_addrs();
        for candidate in candidates.map_err(unreachable)? {
            match TcpStream::connect_timeout(&candidate, FIRST_CONNECTION) {
                Ok(_) => return Ok(candidate),
                Err(error) => last = error,
            }
        }
        Err(unreachable(last))
    }

    /// The opening handshake of a session, with the headers that a browser sends.
    pub(crate) fn handshake(
        &self,
        plan: &Plan,
        session: usize,
        nonce: [u8; 16],
    ) -> ClientHandshake {
        let path = dialect::path(plan.dialect, &self.path, &nonce);
        let path = fill_in(&path, plan.channel_of(session), session);
        let mut handshake = ClientHandshake::new(&self.host_header, &path, nonce);
        let origin = format!("http://{}", self.host_header);
        if let Ok(origin) = HeaderValue::from_str(&origin) {
            handshake = handshake.header(header::ORIGIN, origin);
        }
        for (name, value) in BROWSER_HEADERS {
            handshake = handshake.header(name, HeaderValue::from_static(value));
        }
        if plan.deflate {
            let parameters = ["server_no_context_takeover", "client_no_context_takeover"];
            handshake = handshake.extensions([ExtensionOffer {
                name: "permessage-deflate".to_owned(),
                parameters: parameters.map(|name| (name.to_owned(), None)).to_vec(),
            }]);
        }
        handshake
    }

    /// What is behind `#`.
    pub(crate) fn fragment(&self) -> &str {
        &self.fragment
    }

    /// The channel or namespace of a session, if the URL names one.
    pub(crate) fn destination(&self, plan: &Plan, session: usize) -> String {
        fill_in(&self.fragment, plan.channel_of(session), session)
    }

    /// The destination that a dialect assumes when the URL names none.
    pub(crate) fn with_defaults_of(mut self, dialect: Dialect) -> Self {
        if self.fragment.is_empty() {
            dialect::default_destination(dialect).clone_into(&mut self.fragment);
        }
        self
    }
}

fn fill_in(text: &str, room: usize, session: usize) -> String {
    text.replace("{room}", &room.to_string())
        .replace("{session}", &session.to_string())
}

/// What a browser adds to a handshake: a server that keeps headers is measured with some.
const BROWSER_HEADERS: [(HeaderName, &str); 5] = [
    (header::PRAGMA, "no-cache"),
    (header::CACHE_CONTROL, "no-cache"),
    (
        header::USER_AGENT,
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/140.0.0.0 Safari/537.36",
    ),
    (header::ACCEPT_ENCODING, "gzip, deflate, br, zstd"),
    (header::ACCEPT_LANGUAGE, "en-GB,en;q=0.9,zh;q=0.8"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Shape;

    #[test]
    fn the_parts_of_a_url() {
        let target =
            Target::parse("ws://[::1]:8080/rooms/{room}?a=b#channel-{room}").expect("legal");
        assert_eq!((target.host.as_str(), target.port), ("::1", 8080));
        assert_eq!(target.host_header, "[::1]:8080");
        assert_eq!(target.path, "/rooms/{room}?a=b");
        let mut plan = Plan::new(Shape::Rooms, "");
        plan.rooms = 10;
        assert_eq!(target.destination(&plan, 27), "channel-7");
        let request = target.handshake(&plan, 27, [0; 16]).request_bytes();
        let request = String::from_utf8(request).expect("text");
        assert!(request.starts_with("GET /rooms/7?a=b HTTP/1.1\r\nHost: [::1]:8080\r\n"));
        assert!(
            request.contains("\r\norigin: http://[::1]:8080\r\n"),
            "{request}"
        );
    }

    #[test]
    fn stomp_over_tcp_has_a_port_of_its_own() {
        let target = Target::parse_tcp("tcp://localhost#/queue/{queue}").expect("legal");
        assert_eq!((target.host.as_str(), target.port), ("localhost", 61_613));
        assert_eq!(target.fragment(), "/queue/{queue}");
        let error = Target::parse_tcp("ws://localhost/").expect_err("WebSocket");
        assert!(error.to_string().contains("tcp://"), "{error}");
    }

    #[test]
    fn what_cannot_be_measured_says_why() {
        for (url, word) in [
            ("http://example.com/", "ws://"),
            ("wss://example.com/", "TLS"),
            ("chat", "ws://"),
            ("ws://example.com:99999/", "port"),
            ("tcp://example.com:61613", "ws://"),
            ("ws://exa mple/", "URL"),
        ] {
            let error = Target::parse(url).expect_err(url).to_string();
            assert!(error.contains(word), "{url}: {error}");
        }
    }
}
