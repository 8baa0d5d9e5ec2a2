//! What is refused because it is too much (RFC 6455 10.4).

use campanile_websocket::{CloseCode, DecodeError, Decoder, Limits, Opcode, Role, append_frame};

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    append_frame(&mut out, fin, opcode, payload, Some(MASK));
    out
}

#[track_caller]
fn assert_code(error: DecodeError, expected: DecodeError, code: CloseCode) {
    assert_eq!(error, expected);
    assert_eq!(error.close_code(), code);
}

#[test]
fn rfc6455_10_4_lengths_over_the_limits_are_1009_from_the_header() {
    let too_big = DecodeError::MessageTooBig {
        message_bytes_max: 65_536,
    };
    for head in [
        &b"\x82\xff\0\0\0\0\0\x01\0\x01"[..],
        b"\x82\xff\x40\0\0\0\0\0\0\0",
    ] {
        let mut head = head.to_vec();
        let mut decoder = Decoder::new(Role::Server);
        let error = decoder.decode(&mut head, &Limits::default());
        assert_code(error.expect_err("too long"), too_big, CloseCode::TOO_BIG);
    }
    assert_eq!(too_big.reason(), "too-big: message over 65536 bytes");

    let limits = Limits {
        frame_bytes_max: 10,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(Role::Server);
    let error = decoder
        .decode(&mut [0x82, 0x80 | 11], &limits)
        .expect_err("too long");
    assert_code(
        error,
        DecodeError::FrameTooBig {
            frame_bytes_max: 10,
        },
        CloseCode::TOO_BIG,
    );
}

#[test]
fn rfc6455_10_4_fragments_together_over_the_limit_are_1009() {
    let limits = Limits {
        message_bytes_max: 10,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(Role::Server);
    let mut input = frame(false, Opcode::Text, b"12345");
    input.extend(frame(false, Opcode::Continuation, b"67890"));
    assert_eq!(
        decoder
            .decode(&mut input, &limits)
            .expect("exactly the limit")
            .event,
        None
    );
    let error = decoder
        .decode(&mut [0x80, 0x81], &limits)
        .expect_err("one too many");
    let expected = DecodeError::MessageTooBig {
        message_bytes_max: 10,
    };
    assert_code(error, expected, CloseCode::TOO_BIG);
}

#[test]
fn rfc6455_10_4_endless_empty_fragments_are_1009() {
    let limits = Limits::default();
    let mut decoder = Decoder::new(Role::Server);
    let mut first = frame(false, Opcode::Text, b"");
    decoder.decode(&mut first, &limits).expect("legal");
    let mut sent = 1;
    let error = loop {
        let mut empty = frame(false, Opcode::Continuation, b"");
        match decoder.decode(&mut empty, &limits) {
            Ok(_) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(sent, limits.fragments_max);
    let expected = DecodeError::TooManyFragments {
        fragments_max: 1024,
    };
    assert_code(error, expected, CloseCode::TOO_BIG);
}
