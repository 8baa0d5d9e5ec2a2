//! Frames as a client writes them, and just enough reading to know when an answer is complete.
//!
//! The library's codec is of no use here: it will not send what breaks the protocol.

pub(super) const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;

const FIN: u8 = 0x80;
const MASK: u8 = 0x80;

/// Appends one frame (RFC 6455 5.2).
pub(super) fn append(
    bytes: &mut Vec<u8>,
    is_last: bool,
    opcode: u8,
    mask: Option<[u8; 4]>,
    payload: &[u8],
) {
    bytes.push(if is_last { FIN | opcode } else { opcode });
    let masked = if mask.is_some() { MASK } else { 0 };
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..=125), _) => bytes.push(masked | length),
        (_, Ok(length)) => {
            bytes.push(masked | 126);
            bytes.extend(length.to_be_bytes());
        }
        _ => {
            bytes.push(masked | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    let key = mask.unwrap_or_default();
    bytes.extend(mask.iter().flatten());
    bytes.extend(
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
}

/// What has come completely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The last frame of a text or binary message.
    pub(super) message: bool,
    /// A close frame.
    pub(super) close: bool,
}

/// How far a server has got with its frames.
pub(super) fn progress(mut bytes: &[u8]) -> Progress {
    let mut progress = Progress::default();
    while let Some((first, rest)) = skip_frame(bytes) {
        let opcode = first & 0x0f;
        progress.close |= opcode == CLOSE;
        progress.message |= first & FIN != 0 && opcode < CLOSE;
        bytes = rest;
    }
    progress
}

/// The first byte of the first frame, and what is behind that frame; `None` while it is incomplete.
fn skip_frame(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match second & !MASK {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u64::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u64::from_be_bytes(*length), rest)
        }
        length => (u64::from(length), rest),
    };
    let key = if second & MASK == 0 { 0 } else { 4 };
    let length = usize::try_from(length).ok()?.checked_add(key)?;
    let (_, rest) = rest.split_at_checked(length)?;
    Some((first, rest))
}
