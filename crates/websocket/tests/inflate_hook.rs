//! How compressed messages pass through the hook (RFC 7692).

use std::sync::Arc;

use campanile_websocket::{
    CloseCode, DecodeError, Decoder, Event, Inflate, InflateOutput, Inflaters, Limits, Opcode,
    Role, append_frame, frame_header,
};

#[track_caller]
fn assert_code(error: DecodeError, expected: DecodeError, code: CloseCode) {
    assert_eq!(error, expected);
    assert_eq!(error.close_code(), code);
}

/// Stands in for an inflater: every octet counts for three.
struct Triple;

impl Inflate for Triple {
    fn inflate(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut InflateOutput<'_>,
    ) -> Result<(), DecodeError> {
        for octet in input {
            output(&[*octet; 3])?;
        }
        if last && input == b"!" {
            Err(DecodeError::InflateFailed)
        } else {
            Ok(())
        }
    }
}

impl Inflaters for Triple {
    fn lend(&self) -> Box<dyn Inflate> {
        Box::new(Self)
    }

    fn take_back(&self, _inflater: Box<dyn Inflate>) {}
}

fn decoder() -> Decoder {
    Decoder::new(Role::Client).with_inflaters(Arc::new(Triple))
}

fn deflated(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = frame_header(fin, true, opcode, payload.len())
        .as_ref()
        .to_vec();
    out.extend_from_slice(payload);
    out
}

#[test]
fn rfc7692_6_compressed_messages_go_through_the_inflater() {
    let limits = Limits {
        message_bytes_max: 30,
        ..Limits::default()
    };
    let mut decoder = decoder();
    let mut input = deflated(true, Opcode::Text, b"ab");
    let decoded = decoder.decode(&mut input, &limits).expect("legal");
    assert_eq!(decoded.event, Some(Event::Text("aaabbb")));

    let mut input = deflated(false, Opcode::Binary, b"a");
    append_frame(&mut input, true, Opcode::Continuation, b"c", None);
    let decoded = decoder.decode(&mut input, &limits).expect("legal");
    assert_eq!(decoded.event, Some(Event::Binary(b"aaaccc")));

    let mut plain = Vec::new();
    append_frame(&mut plain, true, Opcode::Text, b"as it is", None);
    let decoded = decoder.decode(&mut plain, &limits).expect("legal");
    assert_eq!(decoded.event, Some(Event::Text("as it is")));
}

#[test]
fn rfc7692_6_rsv1_on_other_than_first_frames_is_1002() {
    let limits = Limits::default();
    for opcode in [0x00, 0x08, 0x09, 0x0a] {
        let mut decoder = decoder();
        let mut first = deflated(false, Opcode::Text, b"");
        assert_eq!(
            decoder.decode(&mut first, &limits).expect("legal").event,
            None
        );
        let error = decoder
            .decode(&mut [0xc0 | opcode], &limits)
            .expect_err("RSV1");
        assert_code(
            error,
            DecodeError::ReservedBitSet,
            CloseCode::PROTOCOL_ERROR,
        );
    }
}

#[test]
fn rfc7692_8_what_inflates_over_the_limit_is_1009_and_bad_text_1007() {
    let limits = Limits {
        message_bytes_max: 30,
        ..Limits::default()
    };
    let cases = [
        (
            &[b'x'; 11][..],
            DecodeError::MessageTooBig {
                message_bytes_max: 30,
            },
        ),
        (&[0xff], DecodeError::TextNotUtf8),
        (b"!", DecodeError::InflateFailed),
    ];
    for (payload, expected) in cases {
        let mut decoder = decoder();
        let mut input = deflated(true, Opcode::Text, payload);
        assert_eq!(decoder.decode(&mut input, &limits), Err(expected));
    }
}
