//! Frames as a server sends them, read from where they lie (RFC 6455 5.2).
//!
//! This is no validator: it takes a stream apart as fast as it can, and refuses only what it
//! could not take apart, or what would make a measurement meaningless.

/// A whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// The last frame of its message.
    pub(crate) last: bool,
    /// RSV1: its message is compressed (RFC 7692 6).
    pub(crate) compressed: bool,
    /// The opcode: one of those below, or another number.
    pub(crate) opcode: u8,
    pub(crate) payload: &'a [u8],
}

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// Why a stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the server sent a masked frame (RFC 6455 5.1)")]
    Masked,
    #[error("the server set a reserved bit that stands for nothing (RFC 6455 5.2)")]
    Reserved,
    #[error("the server sent a frame of {0} bytes, more than this run expects")]
    TooLong(u64),
}

/// Takes a frame from the front of `octets`, and says how many octets it is. `None` while it is
/// not complete. A frame must not be longer than `bytes_max`, its head included.
#[inline]
pub(crate) fn next(
    octets: &[u8],
    bytes_max: usize,
) -> Result<Option<(Frame<'_>, usize)>, FrameError> {
    let &[first, second, ref rest @ ..] = octets else {
        return Ok(None);
    };
    if second & 0x80 != 0 {
        return Err(FrameError::Masked);
    }
    if first & 0x30 != 0 {
        return Err(FrameError::Reserved);
    }
    let (head, length) = match second {
        126 => match rest.first_chunk::<2>() {
            Some(length) => (4, u64::from(u16::from_be_bytes(*length))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(length) => (10, u64::from_be_bytes(*length)),
            None => return Ok(None),
        },
        short => (2, u64::from(short)),
    };
    if length > (bytes_max - head) as u64 {
        return Err(FrameError::TooLong(length));
    }
    let end = head + length as usize;
    let Some(payload) = octets.get(head..end) else {
        return Ok(None);
    };
    let frame = Frame {
        last: first & 0x80 != 0,
        compressed: first & 0x40 != 0,
        opcode: first & 0x0f,
        payload,
    };
    Ok(Some((frame, end)))
}

#[cfg(test)]
mod tests {
    use campanile_websocket::{Opcode, encode_text, frame_header};

    use super::*;

    const MAX: usize = 100_000;

    #[test]
    fn a_frame_of_any_length_is_read_only_when_complete() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let text = "a".repeat(length);
            let mut stream = encode_text(&text).to_vec();
            let end = stream.len();
            // However the stream is cut, an incomplete frame is not taken.
            for cut in (0..end.min(20)).chain([end / 2, end - 1]) {
                assert_eq!(next(&stream[..cut], MAX), Ok(None), "{length} cut at {cut}");
            }
            stream.extend_from_slice(&[0x89, 0]);
            let (frame, used) = next(&stream, MAX).expect("legal").expect("complete");
            assert_eq!((frame.payload, used), (text.as_bytes(), end));
            assert_eq!(
                (frame.opcode, frame.last, frame.compressed),
                (1, true, false)
            );
            let (ping, used) = next(&stream[end..], MAX).expect("legal").expect("complete");
            assert_eq!((ping.opcode, ping.payload, used), (PING, &b""[..], 2));
        }
    }

    #[test]
    fn the_bits_of_the_first_octet_are_told() {
        let header = frame_header(false, true, Opcode::Binary, 0);
        let (frame, _) = next(header.as_ref(), MAX)
            .expect("legal")
            .expect("complete");
        assert_eq!(
            (frame.opcode, frame.last, frame.compressed),
            (2, false, true)
        );
    }

    #[test]
    fn what_cannot_be_read_on_is_refused_from_its_head() {
        assert_eq!(next(&[0x81, 0x80], MAX), Err(FrameError::Masked));
        assert_eq!(next(&[0xa1, 0], MAX), Err(FrameError::Reserved));
        let huge = [0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(next(&huge, MAX), Err(FrameError::TooLong(0xff << 56)));
        let over = frame_header(true, false, Opcode::Text, MAX - 9);
        assert!(next(over.as_ref(), MAX).is_err());
        let just = frame_header(true, false, Opcode::Text, MAX - 10);
        assert_eq!(next(just.as_ref(), MAX), Ok(None));
    }
}
