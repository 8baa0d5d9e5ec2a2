//! Why a request is not answered with 101.

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ALLOW, CONNECTION, SEC_WEBSOCKET_VERSION, UPGRADE},
};

/// What is wrong with a handshake request. It is always the client's fault: answer with
/// [`status`](Self::status), [`headers`](Self::headers), and the `Display` text as explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The method is not GET (RFC 6455 4.1). 405.
    #[error("a WebSocket handshake must be a GET request (RFC 6455 4.1); send GET")]
    MethodNotGet,
    /// HTTP before 1.1 (RFC 6455 4.1). 400.
    #[error("a WebSocket handshake needs HTTP/1.1 (RFC 6455 4.1); send HTTP/1.1")]
    HttpTooOld,
    /// No `Host` (RFC 6455 4.2.1). 400.
    #[error("the Host header is missing (RFC 6455 4.2.1); send the server's name and port")]
    HostMissing,
    /// More than one `Host` (RFC 9112 3.2). 400.
    #[error("the Host header was sent more than once (RFC 9112 3.2); send it once")]
    HostRepeated,
    /// `Host` is not a host with an optional port (RFC 9112 3.2). 400.
    #[error("the Host header is not a host with an optional port (RFC 9112 3.2); send HOST:PORT")]
    HostInvalid,
    /// `Upgrade` does not have the element `websocket` (RFC 6455 4.2.1). 400.
    #[error("the Upgrade header is not websocket (RFC 6455 4.2.1); send Upgrade: websocket")]
    UpgradeMissing,
    /// `Connection` does not have the element `upgrade`, or has `close` too (RFC 6455 4.2.1). 400.
    #[error(
        "the Connection header does not ask to upgrade (RFC 6455 4.2.1); send Connection: Upgrade"
    )]
    ConnectionNotUpgrade,
    /// `Sec-WebSocket-Version` is absent or anything but `13` (RFC 6455 4.4). 426.
    #[error("the WebSocket version is not 13 (RFC 6455 4.4); send Sec-WebSocket-Version: 13")]
    VersionUnsupported,
    /// The same in an extended CONNECT (RFC 8441 5), where 426 would need headers that HTTP/2 does
    /// not have. 400.
    #[error("the WebSocket version is not 13 (RFC 6455 4.4); send sec-websocket-version: 13")]
    ConnectVersionUnsupported,
    /// The method of an extended CONNECT is another one (RFC 8441 4). 405.
    #[error("a WebSocket handshake over HTTP/2 must be a CONNECT (RFC 8441 5); send CONNECT")]
    MethodNotConnect,
    /// The `:protocol` of an extended CONNECT is not `websocket` (RFC 8441 5, RFC 9220 3). 501.
    #[error(
        "this server connects to nothing but WebSockets (RFC 8441 5); send :protocol websocket"
    )]
    ProtocolNotWebSocket,
    /// No `Sec-WebSocket-Key` (RFC 6455 4.2.1). 400.
    #[error(
        "the Sec-WebSocket-Key header is missing (RFC 6455 4.2.1); send 16 random bytes as base64"
    )]
    KeyMissing,
    /// More than one `Sec-WebSocket-Key` (RFC 6455 11.3.1). 400.
    #[error("the Sec-WebSocket-Key header was sent more than once (RFC 6455 11.3.1); send it once")]
    KeyRepeated,
    /// `Sec-WebSocket-Key` is not the base64 form of 16 octets (RFC 6455 4.2.1). 400.
    #[error(
        "the Sec-WebSocket-Key is not 16 bytes in base64 (RFC 6455 4.2.1); send 16 random bytes"
    )]
    KeyInvalid,
    /// A sub-protocol is not a token (RFC 6455 4.1). 400.
    #[error("Sec-WebSocket-Protocol has an element that is no token (RFC 6455 4.1); send tokens")]
    ProtocolInvalid,
    /// A sub-protocol was offered twice (RFC 6455 4.1). 400.
    #[error("Sec-WebSocket-Protocol offers a protocol twice (RFC 6455 4.1); offer each once")]
    ProtocolRepeated,
    /// `Sec-WebSocket-Extensions` breaks the grammar (RFC 6455 9.1). 400.
    #[error(
        "Sec-WebSocket-Extensions cannot be read at byte {offset} of header line {line} \
         (RFC 6455 9.1); send NAME; PARAMETER=TOKEN"
    )]
    ExtensionsInvalid {
        /// Which of the headers of that name, from 1.
        line: usize,
        /// How many octets of its value could be read.
        offset: usize,
    },
}

impl HandshakeError {
    /// The status to answer with: 405, 426, 501 or 400.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::MethodNotGet | Self::MethodNotConnect => StatusCode::METHOD_NOT_ALLOWED,
            Self::ProtocolNotWebSocket => StatusCode::NOT_IMPLEMENTED,
            Self::VersionUnsupported => StatusCode::UPGRADE_REQUIRED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The headers that belong to the status: `Allow: GET` with 405 (RFC 9110 15.5.6);
    /// `Sec-WebSocket-Version: 13` (RFC 6455 4.4), `Upgrade` and `Connection` (RFC 9110 15.5.22)
    /// with 426, and the first of them with 400 where that stands for 426; none with others.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match self {
            Self::MethodNotGet => {
                headers.insert(ALLOW, HeaderValue::from_static("GET"));
            }
            Self::MethodNotConnect => {
                headers.insert(ALLOW, HeaderValue::from_static("CONNECT"));
            }
            Self::ConnectVersionUnsupported => {
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            Self::VersionUnsupported => {
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            }
            _ => {}
        }
        headers
    }
}
