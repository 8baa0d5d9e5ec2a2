//! Client frames, right and wrong, laid out by hand (RFC 6455 5.2).

/// FIN and text.
pub const TEXT: u8 = 0x81;
/// FIN and binary.
pub const BINARY: u8 = 0x82;
/// FIN and continuation.
pub const LAST: u8 = 0x80;
/// Text, more to come.
pub const TEXT_FIRST: u8 = 0x01;
/// Binary, more to come.
pub const BINARY_FIRST: u8 = 0x02;
/// Continuation, more to come.
pub const MORE: u8 = 0x00;
/// FIN and close.
pub const CLOSE: u8 = 0x88;
/// FIN and ping.
pub const PING: u8 = 0x89;
/// FIN and pong.
pub const PONG: u8 = 0x8A;

/// RSV1: on the first frame of a message, it is compressed (RFC 7692 6).
pub const COMPRESSED: u8 = 0x40;

/// The mask of every frame here: a test must be repeatable, and no proxy is to be protected.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
/// The bit that says that a frame is masked.
const MASKED: u8 = 0x80;

/// How the length of a payload is written (RFC 6455 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthForm {
    /// Seven bits: up to 125.
    Short,
    /// 126 and 16 bits.
    Two,
    /// 127 and 64 bits.
    Eight,
}

/// A masked frame with the shortest length form. `first` is its first octet.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let form = match payload.len() {
        0..=125 => LengthForm::Short,
        126..=0xFFFF => LengthForm::Two,
        _ => LengthForm::Eight,
    };
    frame_with_form(first, form, payload)
}

/// A masked frame whose length is written in the form `form`.
pub fn frame_with_form(first: u8, form: LengthForm, payload: &[u8]) -> Vec<u8> {
    let mut out = header(first, form, payload.len() as u64);
    let start = out.len();
    out.extend_from_slice(payload);
    mask(&mut out[start..]);
    out
}

/// The header of a masked frame that claims `length` octets of payload.
///
/// # Panics
/// When `length` does not fit `form`.
pub fn header(first: u8, form: LengthForm, length: u64) -> Vec<u8> {
    let mut out = vec![first];
    match form {
        LengthForm::Short => {
            assert!(length <= 125, "{length} does not fit seven bits");
            out.push(MASKED | u8::try_from(length).expect("at most 125"));
        }
        LengthForm::Two => {
            out.push(MASKED | 126);
            out.extend(u16::try_from(length).expect("at most 65535").to_be_bytes());
        }
        LengthForm::Eight => {
            out.push(MASKED | 127);
            out.extend(length.to_be_bytes());
        }
    }
    out.extend(MASK);
    out
}

/// Masks the beginning of a payload that follows a [`header`].
pub fn mask(payload: &mut [u8]) {
    for (octet, key) in payload.iter_mut().zip(MASK.iter().cycle()) {
        *octet ^= key;
    }
}

/// A short frame that a client may not send: it is not masked.
///
/// # Panics
/// When `payload` has more than 125 octets.
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() <= 125, "only short frames");
    let mut out = vec![first, u8::try_from(payload.len()).expect("at most 125")];
    out.extend_from_slice(payload);
    out
}

/// A Close frame with any code, legal or not.
pub fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason);
    frame(CLOSE, &payload)
}
