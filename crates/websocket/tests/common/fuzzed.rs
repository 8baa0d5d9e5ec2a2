//! What the fuzz targets do with one input. The corpus is replayed through the same functions by
//! an ordinary test.

use campanile_websocket::{
    ClientHandshake, ClientHandshakeError, Compressor, DecodeError, Decoder, ExtensionOffer,
    HandshakeError, InflaterPool, Inflaters, Role, WindowBits, accept_deflate, is_token, negotiate,
    parse_extensions, select_protocol, validate_request,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header::SEC_WEBSOCKET_EXTENSIONS};

use super::reader::read;
use super::{LIMITS, Outcome, Owned, append_event, drive, drive_parts, passing_on, peer_mask};

/// Decodes `data` whole, in pieces and octet by octet, and requires the same outcome of all; and
/// of a decoder that gives parts.
/// Then encodes the events and requires them to come back.
///
/// The first octet says how: bit 0 for the client's role, bit 1 for an inflater, and the other
/// bits, plus one, are the size of the pieces. The rest is the stream.
pub(crate) fn decode_input(data: &[u8]) -> Option<DecodeError> {
    let (&how, stream) = data.split_first()?;
    let role = if how & 1 == 0 {
        Role::Server
    } else {
        Role::Client
    };
    let decoder = || match how & 2 {
        0 => Decoder::new(role),
        _ => passing_on(role),
    };
    let whole = drive(decoder(), [stream], &LIMITS);
    let pieces = drive(decoder(), stream.chunks(usize::from(how >> 2) + 1), &LIMITS);
    assert_eq!(pieces, whole);
    let octets = drive(decoder(), stream.chunks(1), &LIMITS);
    assert_eq!(octets, whole);
    let cut = || stream.chunks(usize::from(how >> 2) + 1);
    let parts = drive_parts(decoder(), cut(), &LIMITS);
    assert_eq!(drive_parts(decoder(), [stream], &LIMITS), parts);
    assert_eq!(drive_parts(decoder(), stream.chunks(1), &LIMITS), parts);
    // A message that is too long as a whole is none in parts.
    if !matches!(whole.error, Some(DecodeError::MessageTooBig { .. })) {
        assert_eq!(parts, whole, "parts are the messages");
    }
    let Outcome { events, error } = whole;
    if let Some(error) = error {
        assert!(error.reason().len() <= 123);
    }
    assert_round_trip(role, events);
    error
}

fn assert_round_trip(role: Role, events: Vec<Owned>) {
    let mut stream = Vec::new();
    for event in &events {
        append_event(
            &mut stream,
            event,
            peer_mask(role, [0x12, 0x00, 0xff, 0x80]),
        );
    }
    let limits = campanile_websocket::Limits::default();
    let again = drive(Decoder::new(role), [stream.as_slice()], &limits);
    assert_eq!(
        again,
        Outcome {
            events,
            error: None
        }
    );
}

/// How long a message may be that [`inflater_input`] inflates.
const INFLATED_BYTES_MAX: usize = 1 << 16;

/// Inflates `data` whole, in pieces and octet by octet, and requires the same outcome of all, and of
/// a reader of its own. Then compresses the message and requires it to come back.
///
/// The first octet says how: three bits for the window to compress with, and the other bits, plus
/// one, are the size of the pieces. The rest is the message.
pub(crate) fn inflater_input(data: &[u8]) -> Option<DecodeError> {
    let (&how, data) = data.split_first()?;
    let pool = InflaterPool::new();
    let whole = inflate(&pool, [data]);
    let pieces = inflate(&pool, data.chunks(usize::from(how >> 3) + 1));
    let octets = inflate(&pool, data.chunks(1));
    // What is wrong in more than one way may be found out in either, depending on the pieces.
    assert_eq!(whole.as_ref().ok(), pieces.as_ref().ok());
    assert_eq!(whole.as_ref().ok(), octets.as_ref().ok());
    let message = match whole {
        Ok(message) => message,
        Err(error) => return Some(error),
    };
    if let Some(read) = read(data, 1 << 15) {
        assert!(read == message, "the reader has read something else");
    }
    let window = WindowBits::new(9 + (how & 7)).unwrap_or_default();
    let mut compressed = Vec::new();
    let done = Compressor::new(window).compress(&message, &mut compressed);
    done.expect("anything can be compressed");
    assert!(read(&compressed, 1 << window.get()).as_ref() == Some(&message));
    assert!(inflate(&pool, [compressed.as_slice()]).as_ref() == Ok(&message));
    None
}

fn inflate<'p>(
    pool: &InflaterPool,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Result<Vec<u8>, DecodeError> {
    let mut inflater = pool.lend();
    let mut message = Vec::new();
    let mut output = |octets: &[u8]| {
        if message.len() + octets.len() > INFLATED_BYTES_MAX {
            let message_bytes_max = INFLATED_BYTES_MAX;
            return Err(DecodeError::MessageTooBig { message_bytes_max });
        }
        message.extend_from_slice(octets);
        Ok(())
    };
    for piece in pieces {
        inflater.inflate(piece, false, &mut output)?;
    }
    inflater.inflate(&[], true, &mut output)?;
    pool.take_back(inflater);
    Ok(message)
}

/// What the two sides of the handshake say to one input.
pub(crate) struct HandshakeOutcome {
    pub(crate) server: Result<(), HandshakeError>,
    pub(crate) client: Result<Option<usize>, ClientHandshakeError>,
}

/// Reads `data` as a request, as a response and as an extension header.
pub(crate) fn handshake_input(data: &[u8]) -> HandshakeOutcome {
    extension_input(data);
    HandshakeOutcome {
        server: request_input(data),
        client: response_input(data),
    }
}

/// Takes the lines of `data` for a request line and headers as loosely as possible: what an HTTP
/// server would refuse earlier is to be tested too.
fn request_input(data: &[u8]) -> Result<(), HandshakeError> {
    let mut lines = data.split(|octet| *octet == b'\n').map(<[u8]>::trim_ascii);
    let request_line = lines.next().unwrap_or_default();
    let method = request_line
        .split(|octet| *octet == b' ')
        .next()
        .unwrap_or_default();
    let method = Method::from_bytes(method).unwrap_or(Method::PUT);
    let is_old = request_line.ends_with(b"HTTP/1.0");
    let version = if is_old {
        Version::HTTP_10
    } else {
        Version::HTTP_11
    };
    let mut headers = HeaderMap::new();
    for line in lines.take(1000) {
        let colon = line
            .iter()
            .position(|octet| *octet == b':')
            .unwrap_or(line.len());
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line.get(colon + 1..).unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let request = match validate_request(&method, version, &headers) {
        Ok(request) => request,
        Err(error) => {
            assert!([400, 405, 426].contains(&error.status().as_u16()));
            assert_eq!(error.headers().is_empty(), error.status().as_u16() == 400);
            return Err(error);
        }
    };
    assert_eq!(request.accept.len(), 28);
    assert!(request.protocols.iter().all(|protocol| is_token(protocol)));
    let protocol = select_protocol(&request.protocols, &["CHAT", "v12.stomp"]);
    let deflate = negotiate(&request.extensions, |offer| {
        accept_deflate(offer).map(|it| it.1)
    });
    assert!(deflate.len() <= 1);
    let accepted = negotiate(&request.extensions, |offer| Some(offer.clone()));
    let answer = request.response_headers(protocol, &accepted);
    assert_eq!(
        answer.get("sec-websocket-protocol").is_some(),
        protocol.is_some()
    );
    assert_eq!(parse_extensions(&answer).as_ref(), Ok(&accepted));
    Ok(())
}

fn response_input(data: &[u8]) -> Result<Option<usize>, ClientHandshakeError> {
    let offer = ExtensionOffer {
        name: "permessage-deflate".into(),
        parameters: Vec::new(),
    };
    let handshake = ClientHandshake::new("localhost", "/", *b"the sample nonce")
        .protocols(["chat"])
        .extensions([offer]);
    let outcome = handshake.read_response(data)?;
    if let Some((_, head_bytes)) = &outcome {
        assert_eq!(
            handshake.read_response(&data[..*head_bytes]),
            Ok(outcome.clone())
        );
        assert_eq!(handshake.read_response(&data[..head_bytes - 1]), Ok(None));
    }
    Ok(outcome.map(|(_, head_bytes)| head_bytes))
}

fn extension_input(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert(SEC_WEBSOCKET_EXTENSIONS, value);
    let Ok(offers) = parse_extensions(&headers) else {
        return;
    };
    let texts: Vec<String> = offers.iter().map(ToString::to_string).collect();
    let value = HeaderValue::from_str(&texts.join(", ")).expect("tokens are header text");
    headers.insert(SEC_WEBSOCKET_EXTENSIONS, value);
    assert_eq!(parse_extensions(&headers), Ok(offers));
}
