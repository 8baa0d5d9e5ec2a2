//! From payloads to frames (RFC 6455 5.2 and 6.1).

use bytes::Bytes;

use crate::{
    close::{CLOSE_REASON_BYTES_MAX, CloseCode, CloseFrame},
    mask::apply_mask,
    opcode::{CONTROL_PAYLOAD_BYTES_MAX, Opcode},
};

/// A Ping or Pong of more than 125 octets cannot be sent (RFC 6455 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("control frame of {payload_bytes} bytes; at most 125 are allowed (RFC 6455 5.5)")]
pub struct ControlTooLong {
    /// How many octets it would have carried.
    pub payload_bytes: usize,
}

/// The head of an unmasked frame: at most 10 octets, on the stack. Deref it through
/// [`AsRef<[u8]>`] to write it before a payload that is sent from where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    octets: [u8; 10],
    len: u8,
}

impl AsRef<[u8]> for FrameHeader {
    fn as_ref(&self) -> &[u8] {
        &self.octets[..usize::from(self.len)]
    }
}

/// The head of an unmasked frame with a payload of `payload_len` octets, whose length is in its
/// shortest form (RFC 6455 5.2).
///
/// `rsv1` marks the first frame of a compressed message (RFC 7692 6). Whether the combination
/// makes sense (control frames have FIN and at most 125 octets) is up to the caller.
pub fn frame_header(fin: bool, rsv1: bool, opcode: Opcode, payload_len: usize) -> FrameHeader {
    let mut octets = [0; 10];
    octets[0] = u8::from(fin) << 7 | u8::from(rsv1) << 6 | u8::from(opcode);
    let len = match payload_len {
        0..=125 => {
            octets[1] = payload_len as u8;
            2
        }
        126..=0xffff => {
            octets[1] = 126;
            octets[2..4].copy_from_slice(&(payload_len as u16).to_be_bytes());
            4
        }
        _ => {
            octets[1] = 127;
            octets[2..].copy_from_slice(&(payload_len as u64).to_be_bytes());
            10
        }
    };
    FrameHeader { octets, len }
}

/// Appends one frame to `out`, masked if `mask` is given. A client must mask, with a key that
/// cannot be predicted, fresh for each frame (RFC 6455 5.3); a server must not.
///
/// Whether the combination makes sense (control frames have FIN and at most 125 octets) is up to
/// the caller.
pub fn append_frame(
    out: &mut Vec<u8>,
    fin: bool,
    opcode: Opcode,
    payload: &[u8],
    mask: Option<[u8; 4]>,
) {
    append(
        out,
        frame_header(fin, false, opcode, payload.len()),
        payload,
        mask,
    );
}

/// The same for the first or only frame of a compressed message, which RSV1 marks (RFC 7692 6.1);
/// those that follow are appended as any others. `payload` is a piece of what
/// [`Compressor::compress`](crate::Compressor::compress) has made of the message.
pub fn append_compressed_frame(
    out: &mut Vec<u8>,
    fin: bool,
    opcode: Opcode,
    payload: &[u8],
    mask: Option<[u8; 4]>,
) {
    append(
        out,
        frame_header(fin, true, opcode, payload.len()),
        payload,
        mask,
    );
}

fn append(out: &mut Vec<u8>, header: FrameHeader, payload: &[u8], mask: Option<[u8; 4]>) {
    let header = header.as_ref();
    out.reserve(header.len() + mask.map_or(0, |mask| mask.len()) + payload.len());
    let second = out.len() + 1;
    out.extend_from_slice(header);
    if let Some(mask) = mask {
        out[second] |= 0x80;
        out.extend_from_slice(&mask);
    }
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(mask) = mask {
        apply_mask(&mut out[start..], mask);
    }
}

/// A whole message or control frame as a server sends it: FIN, not masked, one allocation.
///
/// Whether a control frame has at most 125 octets is up to the caller; [`encode_ping`],
/// [`encode_pong`] and [`encode_close`] see to it.
pub fn encode_frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    let header = frame_header(true, false, opcode, payload.len());
    let header = header.as_ref();
    let mut frame = Vec::with_capacity(header.len() + payload.len());
    frame.extend_from_slice(header);
    frame.extend_from_slice(payload);
    // The vector is exactly full, so this takes it over as it is.
    Bytes::from(frame)
}

/// One message in several frames as a server sends it, one frame for each of `parts`, one behind
/// the other (RFC 6455 5.4, S26). The first has `opcode`, the others are continuations, the last
/// has FIN. No parts make an empty message. It is never compressed; one allocation.
///
/// Parts of a text message may cut characters (RFC 6455 5.6), but together they must be UTF-8. That
/// they are, and that `opcode` is [`Opcode::Text`] or [`Opcode::Binary`], is up to the caller. For
/// a message whose parts are not there at once, see [`append_frame`].
pub fn encode_fragments(opcode: Opcode, parts: &[&[u8]]) -> Bytes {
    if parts.is_empty() {
        return encode_frame(opcode, &[]);
    }
    let header = |index: usize, part: &[u8]| {
        let opcode = match index {
            0 => opcode,
            _ => Opcode::Continuation,
        };
        frame_header(index + 1 == parts.len(), false, opcode, part.len())
    };
    let run_bytes = parts
        .iter()
        .map(|part| {
            frame_header(false, false, opcode, part.len())
                .as_ref()
                .len()
                + part.len()
        })
        .sum();
    let mut run = Vec::with_capacity(run_bytes);
    for (index, part) in parts.iter().enumerate() {
        run.extend_from_slice(header(index, part).as_ref());
        run.extend_from_slice(part);
    }
    // The vector is exactly full, so this takes it over as it is.
    Bytes::from(run)
}

/// A text message as a server sends it (RFC 6455 5.6).
pub fn encode_text(text: &str) -> Bytes {
    encode_frame(Opcode::Text, text.as_bytes())
}

/// A binary message as a server sends it (RFC 6455 5.6).
pub fn encode_binary(data: &[u8]) -> Bytes {
    encode_frame(Opcode::Binary, data)
}

/// A Ping with a payload of the caller's, which its Pong brings back, as a server sends it
/// (RFC 6455 5.5.2).
///
/// # Errors
/// [`ControlTooLong`] for more than 125 octets.
pub fn encode_ping(payload: &[u8]) -> Result<Bytes, ControlTooLong> {
    encode_control(Opcode::Ping, payload)
}

/// A Pong as a server sends it (RFC 6455 5.5.3): the answer to a Ping, with its payload, or an
/// unasked-for sign of life, with any.
///
/// # Errors
/// [`ControlTooLong`] for more than 125 octets.
pub fn encode_pong(payload: &[u8]) -> Result<Bytes, ControlTooLong> {
    encode_control(Opcode::Pong, payload)
}

fn encode_control(opcode: Opcode, payload: &[u8]) -> Result<Bytes, ControlTooLong> {
    if payload.len() > CONTROL_PAYLOAD_BYTES_MAX {
        return Err(ControlTooLong {
            payload_bytes: payload.len(),
        });
    }
    Ok(encode_frame(opcode, payload))
}

/// A Close frame as a server sends it (RFC 6455 5.5.1). A reason that is longer than
/// [`CLOSE_REASON_BYTES_MAX`] octets is cut there, between two characters.
pub fn encode_close(code: CloseCode, reason: &str) -> Bytes {
    let reason = &reason[..reason.floor_char_boundary(CLOSE_REASON_BYTES_MAX)];
    let mut body = [0; CONTROL_PAYLOAD_BYTES_MAX];
    let end = 2 + reason.len();
    body[..2].copy_from_slice(&code.get().to_be_bytes());
    body[2..end].copy_from_slice(reason.as_bytes());
    encode_frame(Opcode::Close, &body[..end])
}

/// A Close frame without a body, as a server sends it (RFC 6455 5.5.1).
pub fn encode_close_empty() -> Bytes {
    Bytes::from_static(&[0x88, 0])
}

/// The answer to a Close frame, as a server sends it: its code comes back, without the reason
/// (RFC 6455 5.5.1).
pub fn encode_close_reply(received: Option<&CloseFrame>) -> Bytes {
    match received {
        Some(frame) => encode_close(frame.code, ""),
        None => encode_close_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6455_5_7_examples() {
        assert_eq!(encode_text("Hello")[..], *b"\x81\x05Hello");
        assert_eq!(encode_ping(b"Hello").expect("short")[..], *b"\x89\x05Hello");
        assert_eq!(encode_binary(&[0; 256])[..4], *b"\x82\x7e\x01\x00");
        let long = encode_binary(&[0; 65_536]);
        assert_eq!(long[..10], *b"\x82\x7f\0\0\0\0\0\x01\0\0");
        assert_eq!(long.len(), 65_546);

        let mut out = Vec::new();
        append_frame(
            &mut out,
            true,
            Opcode::Text,
            b"Hello",
            Some([0x37, 0xfa, 0x21, 0x3d]),
        );
        assert_eq!(out, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        out.clear();
        append_frame(&mut out, false, Opcode::Text, b"Hel", None);
        append_frame(&mut out, true, Opcode::Continuation, b"lo", None);
        assert_eq!(out, b"\x01\x03Hel\x80\x02lo");
    }

    #[test]
    fn rfc6455_5_2_lengths_are_in_their_shortest_form() {
        for (length, header_bytes) in [
            (0, 2),
            (125, 2),
            (126, 4),
            (65_535, 4),
            (65_536, 10),
            (1 << 40, 10),
        ] {
            let header = frame_header(true, false, Opcode::Binary, length);
            assert_eq!(header.as_ref().len(), header_bytes, "{length}");
        }
    }

    #[test]
    fn rfc7692_6_rsv1_marks_a_compressed_message() {
        assert_eq!(
            frame_header(true, true, Opcode::Text, 3).as_ref(),
            [0xc1, 3]
        );
    }

    #[test]
    fn s26_one_message_in_several_frames() {
        let run = encode_fragments(Opcode::Text, &[b"Hel", b"", b"lo"]);
        assert_eq!(run[..], *b"\x01\x03Hel\x00\x00\x80\x02lo");
        let cut = encode_fragments(Opcode::Text, &[b"\xc3", b"\xa9"]);
        assert_eq!(cut[..], *b"\x01\x01\xc3\x80\x01\xa9");
        let long = encode_fragments(Opcode::Binary, &[&[0; 126], &[0; 65_536]]);
        assert_eq!(long[..4], *b"\x02\x7e\x00\x7e");
        assert_eq!(long[130..140], *b"\x80\x7f\0\0\0\0\0\x01\0\0");
        assert_eq!(long.len(), 140 + 65_536);
    }

    #[test]
    fn s26_one_fragment_or_none_is_one_frame() {
        assert_eq!(
            encode_fragments(Opcode::Text, &[b"all"]),
            encode_text("all")
        );
        assert_eq!(encode_fragments(Opcode::Binary, &[]), encode_binary(b""));
    }

    #[test]
    fn s26_pings_have_payloads_and_pongs_come_unasked() {
        assert_eq!(encode_ping(b"now").expect("short")[..], *b"\x89\x03now");
        assert_eq!(encode_pong(b"").expect("short")[..], *b"\x8a\x00");
        assert_eq!(encode_pong(&[1; 125]).expect("short").len(), 127);
        let error = encode_ping(&[0; 126]).expect_err("too long");
        assert_eq!(
            error.to_string(),
            "control frame of 126 bytes; at most 125 are allowed (RFC 6455 5.5)"
        );
    }

    #[test]
    fn rfc6455_5_5_pings_and_pongs_over_125_octets_are_not_encoded() {
        assert!(encode_ping(&[0; 125]).is_ok());
        assert_eq!(
            encode_pong(&[0; 126]),
            Err(ControlTooLong { payload_bytes: 126 })
        );
    }

    #[test]
    fn rfc6455_5_5_1_long_reasons_are_cut_between_characters() {
        assert_eq!(
            encode_close(CloseCode::NORMAL, "bye")[..],
            *b"\x88\x05\x03\xe8bye"
        );
        assert_eq!(
            encode_close(CloseCode::NORMAL, &"x".repeat(500)).len(),
            2 + 125
        );
        // 61 characters of 2 octets fit into 123 octets.
        assert_eq!(
            encode_close(CloseCode::NORMAL, &"é".repeat(500)).len(),
            2 + 2 + 122
        );
        assert_eq!(encode_close_empty()[..], *b"\x88\x00");
    }

    #[test]
    fn rfc6455_5_5_1_the_reply_echoes_the_code() {
        let received = CloseFrame {
            code: CloseCode::GOING_AWAY,
            reason: "leaving".into(),
        };
        assert_eq!(
            encode_close_reply(Some(&received))[..],
            *b"\x88\x02\x03\xe9"
        );
        assert_eq!(encode_close_reply(None), encode_close_empty());
    }
}
