//! The server's side of the opening handshake (RFC 6455 4.2).

use std::collections::HashSet;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{
    HeaderMap, HeaderValue, Method, Version,
    header::{
        CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};

use super::{
    accept_key,
    error::HandshakeError,
    extensions::{ExtensionOffer, parse_extensions},
    has_token, is_token, list_elements,
};

/// Keys are padded base64. The bits that the padding leaves over are not looked at: RFC 6455 4.1
/// itself gives an example key, `AQIDBAUGBwgJCgsMDQ4PEC==`, in which they are not zero.
const KEY_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// A handshake request that keeps all the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeRequest {
    /// The value of `Sec-WebSocket-Accept` to answer with. Empty for a handshake by extended CONNECT,
    /// whose answer has no such header (RFC 8441 5.1).
    pub accept: String,
    /// The sub-protocols as offered, in the client's order of preference; see [`select_protocol`].
    pub protocols: Vec<String>,
    /// The extensions as offered, in the client's order of preference; see
    /// [`negotiate`](crate::negotiate).
    pub extensions: Vec<ExtensionOffer>,
}

impl HandshakeRequest {
    /// The headers of the answer with status 101 (RFC 6455 4.2.2). Without
    /// [`accept`](Self::accept) they are those of the answer with status 200 to an extended CONNECT:
    /// the protocol and the extensions (RFC 8441 5).
    ///
    /// A sub-protocol or an extension that the client has not offered is left out, because the
    /// client would have to close the connection (RFC 6455 4.1).
    pub fn response_headers(
        &self,
        protocol: Option<&str>,
        extensions: &[ExtensionOffer],
    ) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(5);
        if !self.accept.is_empty()
            && let Ok(accept) = HeaderValue::from_str(&self.accept)
        {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        let offered = |protocol: &&str| self.protocols.iter().any(|offer| offer == protocol);
        if let Some(Ok(protocol)) = protocol.filter(offered).map(HeaderValue::from_str) {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        for extension in extensions {
            let offered = self
                .extensions
                .iter()
                .any(|offer| offer.name == extension.name);
            if offered && let Ok(value) = HeaderValue::from_str(&extension.to_string()) {
                headers.append(SEC_WEBSOCKET_EXTENSIONS, value);
            }
        }
        headers
    }
}

/// Whether a request wants a WebSocket at all: its `Upgrade` headers have the element `websocket`,
/// in any case (RFC 9110 7.8). Otherwise it is plain HTTP, and [`validate_request`] is not for it.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    has_token(headers, &UPGRADE, "websocket")
}

/// Checks a handshake request (RFC 6455 4.2.1). The Origin header is not looked at: whom to let
/// in is a decision of the application.
///
/// # Errors
/// The first rule that the request breaks, with the status and headers to answer with.
pub fn validate_request(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
) -> Result<HandshakeRequest, HandshakeError> {
    if method != Method::GET {
        return Err(HandshakeError::MethodNotGet);
    }
    if version < Version::HTTP_11 {
        return Err(HandshakeError::HttpTooOld);
    }
    check_host(headers)?;
    if !is_upgrade(headers) {
        return Err(HandshakeError::UpgradeMissing);
    }
    if !has_token(headers, &CONNECTION, "upgrade") || has_token(headers, &CONNECTION, "close") {
        return Err(HandshakeError::ConnectionNotUpgrade);
    }
    if !is_version_13(headers) {
        return Err(HandshakeError::VersionUnsupported);
    }
    let accept = accept_key(read_key(headers)?);
    read_offers(accept, headers)
}

/// Checks a handshake by extended CONNECT, as it is in HTTP/2 and HTTP/3 (RFC 8441 5, RFC 9220 3).
/// `protocol` is what the pseudo-header `:protocol` says, and `headers` have the value of
/// `:authority` as `Host` (RFC 9113 8.3.1). There is no key, and whatever is sent as one is not
/// looked at. Otherwise it is [`validate_request`].
///
/// # Errors
/// The first rule that the request breaks, with the status and headers to answer with.
pub fn validate_extended_connect(
    method: &Method,
    protocol: &str,
    headers: &HeaderMap,
) -> Result<HandshakeRequest, HandshakeError> {
    if method != Method::CONNECT {
        return Err(HandshakeError::MethodNotConnect);
    }
    if protocol != "websocket" {
        return Err(HandshakeError::ProtocolNotWebSocket);
    }
    check_host(headers)?;
    if !is_version_13(headers) {
        return Err(HandshakeError::ConnectVersionUnsupported);
    }
    read_offers(String::new(), headers)
}

fn is_version_13(headers: &HeaderMap) -> bool {
    let mut versions = headers.get_all(SEC_WEBSOCKET_VERSION).iter();
    versions.next().is_some_and(|version| version == "13") && versions.next().is_none()
}

fn read_offers(accept: String, headers: &HeaderMap) -> Result<HandshakeRequest, HandshakeError> {
    Ok(HandshakeRequest {
        accept,
        protocols: read_protocols(headers)?,
        extensions: parse_extensions(headers)?,
    })
}

/// The first protocol on the client's list that is also in `supported`, compared without regard
/// to case and returned as the client spells it. `None` if there is none: then the answer has no
/// `Sec-WebSocket-Protocol` (RFC 6455 4.2.2, S5).
pub fn select_protocol<'a>(
    offered: &'a [String],
    supported: &[impl AsRef<str>],
) -> Option<&'a str> {
    offered
        .iter()
        .find(|offer| {
            supported
                .iter()
                .any(|known| known.as_ref().eq_ignore_ascii_case(offer))
        })
        .map(String::as_str)
}

fn read_key(headers: &HeaderMap) -> Result<&str, HandshakeError> {
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let key = keys.next().ok_or(HandshakeError::KeyMissing)?;
    if keys.next().is_some() {
        return Err(HandshakeError::KeyRepeated);
    }
    let key = key.to_str().map_err(|_| HandshakeError::KeyInvalid)?;
    // 16 octets are 24 characters; the buffer has room for what 24 characters could decode to.
    let mut nonce = [0; 18];
    match KEY_BASE64.decode_slice(key, &mut nonce) {
        Ok(16) if key.len() == 24 => Ok(key),
        _ => Err(HandshakeError::KeyInvalid),
    }
}

fn read_protocols(headers: &HeaderMap) -> Result<Vec<String>, HandshakeError> {
    let mut protocols = Vec::new();
    let mut seen = HashSet::new();
    for protocol in list_elements(headers, &SEC_WEBSOCKET_PROTOCOL) {
        if !is_token(protocol) {
            return Err(HandshakeError::ProtocolInvalid);
        }
        if !seen.insert(protocol) {
            return Err(HandshakeError::ProtocolRepeated);
        }
        protocols.push(protocol.to_owned());
    }
    Ok(protocols)
}

/// Exactly one `Host` with a host and an optional port (RFC 9112 3.2, RFC 3986 3.2.2).
fn check_host(headers: &HeaderMap) -> Result<(), HandshakeError> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().ok_or(HandshakeError::HostMissing)?;
    if hosts.next().is_some() {
        return Err(HandshakeError::HostRepeated);
    }
    if is_host(host.as_bytes()) {
        Ok(())
    } else {
        Err(HandshakeError::HostInvalid)
    }
}

fn is_host(host: &[u8]) -> bool {
    let (name_is_legal, port) = match host.strip_prefix(b"[") {
        Some(literal) => {
            let Some(end) = literal.iter().position(|octet| *octet == b']') else {
                return false;
            };
            let (address, rest) = literal.split_at(end);
            let is_address = |octet: &u8| octet.is_ascii_hexdigit() || b":.".contains(octet);
            (
                !address.is_empty() && address.iter().all(is_address),
                &rest[1..],
            )
        }
        None => {
            let end = host
                .iter()
                .position(|octet| *octet == b':')
                .unwrap_or(host.len());
            let (name, rest) = host.split_at(end);
            (
                !name.is_empty() && name.iter().copied().all(is_name_octet),
                rest,
            )
        }
    };
    let port_is_legal = match port.split_first() {
        None => true,
        Some((b':', digits)) => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    };
    name_is_legal && port_is_legal
}

/// What a registered name consists of: unreserved characters, percent signs and sub-delimiters
/// (RFC 3986 3.2.2).
fn is_name_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&octet)
}
