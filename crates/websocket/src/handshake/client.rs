//! The client's side of the opening handshake (RFC 6455 4.1).

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL,
        UPGRADE,
    },
};

use super::{
    accept_key,
    extensions::{ExtensionOffer, parse_extensions},
    has_token,
};

/// The longest head of a response that is read: 16 KiB.
pub const CLIENT_HEAD_BYTES_MAX: usize = 16 * 1024;

/// The opening handshake as a client: builds the request and checks the response.
///
/// ```
/// use campanile_websocket::ClientHandshake;
///
/// let handshake = ClientHandshake::new("server.example.com", "/chat", *b"the sample nonce")
///     .protocols(["chat", "superchat"]);
/// let request = String::from_utf8(handshake.request_bytes())?;
/// assert!(request.starts_with("GET /chat HTTP/1.1\r\nHost: server.example.com\r\n"));
/// assert!(request.contains("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
///
/// let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
///     Sec-WebSocket-Protocol: chat\r\n\r\n";
/// assert_eq!(handshake.read_response(&answer[..80])?, None); // more is to come
/// let (response, head_bytes) = handshake.read_response(answer)?.ok_or("incomplete")?;
/// assert_eq!(response.protocol.as_deref(), Some("chat"));
/// assert_eq!(head_bytes, answer.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClientHandshake {
    host: String,
    target: String,
    key: String,
    protocols: Vec<String>,
    extensions: Vec<ExtensionOffer>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The server's answer, found correct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientResponse {
    /// The status: 101.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The sub-protocol that the server chose among those offered.
    pub protocol: Option<String>,
    /// The extensions that the server accepted among those offered.
    pub extensions: Vec<ExtensionOffer>,
}

/// Why a response does not open a WebSocket. It is the server's fault, or its decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientHandshakeError {
    /// The server answered, but not with 101: a refusal, a redirect, a demand to authenticate.
    #[error("the server answered with status {status} instead of 101; see its headers and body")]
    Refused {
        /// The status.
        status: u16,
        /// The headers, such as `Location`, `Retry-After` or `WWW-Authenticate`.
        headers: Box<HeaderMap>,
        /// The octets of the head; the body follows.
        head_bytes: usize,
    },
    /// Not an HTTP/1.1 response.
    #[error(
        "the server's answer is not HTTP/1.1; is this a WebSocket server's port, and TLS right?"
    )]
    NotHttp,
    /// A line of the response's head is not a header.
    #[error("line {line} of the server's answer is not a header (RFC 9112 5)")]
    HeaderInvalid {
        /// The line within the head, the status line being 1.
        line: usize,
    },
    /// The head of the response is longer than [`CLIENT_HEAD_BYTES_MAX`].
    #[error("the head of the server's answer is over 16384 bytes")]
    HeadTooLong,
    /// `Upgrade` is not `websocket` (RFC 6455 4.1).
    #[error("the server did not answer with Upgrade: websocket (RFC 6455 4.1)")]
    UpgradeMissing,
    /// `Connection` lacks `upgrade` (RFC 6455 4.1).
    #[error("the server did not answer with Connection: Upgrade (RFC 6455 4.1)")]
    ConnectionNotUpgrade,
    /// `Sec-WebSocket-Accept` is missing, repeated or wrong (RFC 6455 4.1).
    #[error("the server's Sec-WebSocket-Accept does not match the key (RFC 6455 4.1)")]
    AcceptWrong,
    /// A sub-protocol was chosen that was not offered, or several were (RFC 6455 4.1).
    #[error("the server chose a sub-protocol that was not offered (RFC 6455 4.1)")]
    ProtocolNotOffered,
    /// An extension was accepted that was not offered, or the header is garbage (RFC 6455 4.1).
    #[error("the server accepted an extension that was not offered (RFC 6455 4.1)")]
    ExtensionNotOffered,
}

impl ClientHandshake {
    /// A handshake with `host` (with `:port` unless it is the scheme's own) for `path_and_query`.
    ///
    /// `nonce` must be fresh random octets for each connection (RFC 6455 4.1). What cannot be in
    /// a request line or a `Host` header (controls, spaces, octets beyond ASCII) is
    /// percent-encoded, a fragment (`#…`) is cut off (RFC 6455 3), and a missing first `/` is
    /// added; so nobody can smuggle headers in here.
    pub fn new(host: &str, path_and_query: &str, nonce: [u8; 16]) -> Self {
        let path = path_and_query.split('#').next().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        Self {
            host: percent_encoded(host),
            target: format!("{slash}{}", percent_encoded(path)),
            key: STANDARD.encode(nonce),
            protocols: Vec::new(),
            extensions: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Offers sub-protocols, the preferred one first. What is not a token cannot be a
    /// sub-protocol and is left out (RFC 6455 4.1).
    #[must_use]
    pub fn protocols(mut self, protocols: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let protocols = protocols.into_iter().map(Into::into);
        self.protocols = protocols
            .filter(|protocol| super::is_token(protocol))
            .collect();
        self
    }

    /// Offers extensions, the preferred one first.
    #[must_use]
    pub fn extensions(mut self, extensions: impl IntoIterator<Item = ExtensionOffer>) -> Self {
        self.extensions = extensions.into_iter().collect();
        self
    }

    /// Adds a header, such as `Origin`, `Cookie` or `Authorization`. Those that the handshake
    /// itself consists of (`Host`, `Upgrade`, `Connection`, `Sec-WebSocket-…`) are ignored.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        let is_ours = [HOST, UPGRADE, CONNECTION].contains(&name)
            || name.as_str().starts_with("sec-websocket-");
        if !is_ours {
            self.headers.push((name, value));
        }
        self
    }

    /// The request to send.
    pub fn request_bytes(&self) -> Vec<u8> {
        let mut request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n",
            self.target, self.host, self.key
        )
        .into_bytes();
        let mut push = |name: &str, value: &[u8]| {
            request.extend_from_slice(name.as_bytes());
            request.extend_from_slice(b": ");
            request.extend_from_slice(value);
            request.extend_from_slice(b"\r\n");
        };
        if !self.protocols.is_empty() {
            push(
                "Sec-WebSocket-Protocol",
                self.protocols.join(", ").as_bytes(),
            );
        }
        for extension in &self.extensions {
            if let Ok(value) = HeaderValue::from_str(&extension.to_string()) {
                push("Sec-WebSocket-Extensions", value.as_bytes());
            }
        }
        for (name, value) in &self.headers {
            push(name.as_str(), value.as_bytes());
        }
        request.extend_from_slice(b"\r\n");
        request
    }

    /// Reads the response from the front of `bytes`, all that has been received so far. `None` if
    /// its head is not complete; otherwise the response and the octets of its head, behind which
    /// the first frames may follow.
    ///
    /// # Errors
    /// Whatever does not open a WebSocket (RFC 6455 4.1): the connection must be closed.
    pub fn read_response(
        &self,
        bytes: &[u8],
    ) -> Result<Option<(ClientResponse, usize)>, ClientHandshakeError> {
        let Some((status, headers, head_bytes)) = read_head(bytes)? else {
            return Ok(None);
        };
        if status != 101 {
            let headers = Box::new(headers);
            return Err(ClientHandshakeError::Refused {
                status,
                headers,
                head_bytes,
            });
        }
        if !has_token(&headers, &UPGRADE, "websocket") {
            return Err(ClientHandshakeError::UpgradeMissing);
        }
        if !has_token(&headers, &CONNECTION, "upgrade") {
            return Err(ClientHandshakeError::ConnectionNotUpgrade);
        }
        let mut accepts = headers.get_all(SEC_WEBSOCKET_ACCEPT).iter();
        let expected = accept_key(&self.key);
        let matches = accepts
            .next()
            .is_some_and(|accept| accept.as_bytes() == expected.as_bytes());
        if !matches || accepts.next().is_some() {
            return Err(ClientHandshakeError::AcceptWrong);
        }
        let protocol = self.read_protocol(&headers)?;
        let extensions = self.read_extensions(&headers)?;
        Ok(Some((
            ClientResponse {
                status,
                headers,
                protocol,
                extensions,
            },
            head_bytes,
        )))
    }

    fn read_protocol(&self, headers: &HeaderMap) -> Result<Option<String>, ClientHandshakeError> {
        let mut chosen = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
        let Some(value) = chosen.next() else {
            return Ok(None);
        };
        let offered = self
            .protocols
            .iter()
            .find(|offer| offer.as_bytes() == value.as_bytes());
        match (offered, chosen.next()) {
            (Some(protocol), None) => Ok(Some(protocol.clone())),
            _ => Err(ClientHandshakeError::ProtocolNotOffered),
        }
    }

    fn read_extensions(
        &self,
        headers: &HeaderMap,
    ) -> Result<Vec<ExtensionOffer>, ClientHandshakeError> {
        if !headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
            return Ok(Vec::new());
        }
        let accepted =
            parse_extensions(headers).map_err(|_| ClientHandshakeError::ExtensionNotOffered)?;
        let is_offered = |answer: &ExtensionOffer| {
            self.extensions
                .iter()
                .any(|offer| offer.name == answer.name)
        };
        if !accepted.iter().all(is_offered) {
            return Err(ClientHandshakeError::ExtensionNotOffered);
        }
        Ok(accepted)
    }
}

/// The status, the headers and the length of a response's head (RFC 9112 4 and 5).
fn read_head(bytes: &[u8]) -> Result<Option<(u16, HeaderMap, usize)>, ClientHandshakeError> {
    const VERSION: &[u8] = b"HTTP/1.1 ";
    let seen = bytes.len().min(VERSION.len());
    if bytes[..seen] != VERSION[..seen] {
        return Err(ClientHandshakeError::NotHttp);
    }
    let searched = &bytes[..bytes.len().min(CLIENT_HEAD_BYTES_MAX)];
    let Some(end) = searched.windows(4).position(|window| window == b"\r\n\r\n") else {
        let too_long = bytes.len() >= CLIENT_HEAD_BYTES_MAX;
        return if too_long {
            Err(ClientHandshakeError::HeadTooLong)
        } else {
            Ok(None)
        };
    };
    let mut lines = LineReader {
        rest: &bytes[..end],
    };
    let status = lines
        .next()
        .and_then(|line| read_status(&line[VERSION.len()..]));
    let status = status.ok_or(ClientHandshakeError::NotHttp)?;
    let mut headers = HeaderMap::new();
    for (index, line) in lines.enumerate() {
        let (name, value) =
            read_header(line).ok_or(ClientHandshakeError::HeaderInvalid { line: index + 2 })?;
        headers.append(name, value);
    }
    Ok(Some((status, headers, end + 4)))
}

/// Three digits, and a reason phrase that nobody reads.
fn read_status(text: &[u8]) -> Option<u16> {
    let (code, rest) = text.split_first_chunk::<3>()?;
    if !code.iter().all(u8::is_ascii_digit) || rest.first().is_some_and(|octet| *octet != b' ') {
        return None;
    }
    Some(
        code.iter()
            .fold(0, |number, digit| number * 10 + u16::from(digit - b'0')),
    )
}

fn read_header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|octet| *octet == b':')?;
    let name = HeaderName::from_bytes(&line[..colon]).ok()?;
    let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
    Some((name, value))
}

/// Lines that end with CR LF, or with the end.
struct LineReader<'b> {
    rest: &'b [u8],
}

impl<'b> Iterator for LineReader<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.windows(2).position(|window| window == b"\r\n");
        let (line, rest) = match end {
            Some(end) => (&self.rest[..end], &self.rest[end + 2..]),
            None => (self.rest, &[][..]),
        };
        self.rest = rest;
        Some(line)
    }
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_graphic() {
            encoded.push(char::from(octet));
        } else {
            encoded.push_str(&format!("%{octet:02X}"));
        }
    }
    encoded
}
