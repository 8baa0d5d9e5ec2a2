//! The rules for frames (RFC 6455 5 and 8), one test each, named after the section.

use campanile_websocket::{
    CloseCode, CloseFrame, DecodeError, Decoded, Decoder, Event, Limits, Opcode, Role, append_frame,
};

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    append_frame(&mut out, fin, opcode, payload, Some(MASK));
    out
}

/// The error of a server that receives `parts` one after another, which must bring no event.
fn server_error(parts: &[&[u8]]) -> DecodeError {
    role_error(Role::Server, parts)
}

fn role_error(role: Role, parts: &[&[u8]]) -> DecodeError {
    let limits = Limits::default();
    let mut decoder = Decoder::new(role);
    for part in parts {
        let mut part = part.to_vec();
        match decoder.decode(&mut part, &limits) {
            Ok(Decoded { event: None, .. }) => {}
            Ok(decoded) => panic!("an event where an error was expected: {decoded:?}"),
            Err(error) => return error,
        }
    }
    panic!("no error");
}

#[track_caller]
fn assert_code(error: DecodeError, expected: DecodeError, code: CloseCode) {
    assert_eq!(error, expected);
    assert_eq!(error.close_code(), code);
}

#[test]
fn rfc6455_5_7_examples_decode() {
    let limits = Limits::default();
    let mut server = Decoder::new(Role::Server);
    let mut input = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let decoded = server.decode(&mut input, &limits).expect("legal");
    assert_eq!(
        decoded,
        Decoded {
            consumed: 11,
            event: Some(Event::Text("Hello")),
            is_last: true,
            inflated_bytes: 0,
        }
    );

    let mut client = Decoder::new(Role::Client);
    let mut input = *b"\x01\x03Hel\x80\x02lo";
    let decoded = client.decode(&mut input, &limits).expect("legal");
    assert_eq!(
        decoded,
        Decoded {
            consumed: 9,
            event: Some(Event::Text("Hello")),
            is_last: true,
            inflated_bytes: 0,
        }
    );
    let mut input = *b"\x89\x05Hello";
    let decoded = client.decode(&mut input, &limits).expect("legal");
    assert_eq!(
        decoded,
        Decoded {
            consumed: 7,
            event: Some(Event::Ping(b"Hello")),
            is_last: false,
            inflated_bytes: 0,
        }
    );
}

#[test]
fn rfc6455_5_1_unmasked_frame_from_a_client_is_1002() {
    let error = server_error(&[b"\x81\x05"]);
    assert_code(
        error,
        DecodeError::ClientFrameUnmasked,
        CloseCode::PROTOCOL_ERROR,
    );
}

#[test]
fn rfc6455_5_1_masked_frame_from_a_server_is_1002() {
    let error = role_error(Role::Client, &[&frame(true, Opcode::Text, b"x")]);
    assert_code(
        error,
        DecodeError::ServerFrameMasked,
        CloseCode::PROTOCOL_ERROR,
    );
}

#[test]
fn rfc6455_5_2_reserved_bits_are_1002() {
    for bit in [0x40, 0x20, 0x10] {
        for opcode in [0, 1, 2, 8, 9, 10] {
            let error = server_error(&[&[0x80 | bit | opcode]]);
            assert_code(
                error,
                DecodeError::ReservedBitSet,
                CloseCode::PROTOCOL_ERROR,
            );
        }
    }
}

#[test]
fn rfc6455_5_2_reserved_opcodes_are_1002() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15u8] {
        let error = server_error(&[&[0x80 | opcode]]);
        assert_code(
            error,
            DecodeError::UnknownOpcode { opcode },
            CloseCode::PROTOCOL_ERROR,
        );
    }
}

#[test]
fn rfc6455_5_2_lengths_that_are_not_minimal_are_1002() {
    let not_minimal: [&[u8]; 4] = [
        b"\x82\xfe\x00\x00",
        b"\x82\xfe\x00\x7d",
        b"\x82\xff\0\0\0\0\0\0\0\x05",
        b"\x82\xff\0\0\0\0\0\0\xff\xff",
    ];
    for head in not_minimal {
        let error = server_error(&[head]);
        assert_code(
            error,
            DecodeError::LengthNotMinimal,
            CloseCode::PROTOCOL_ERROR,
        );
    }
}

#[test]
fn rfc6455_5_2_length_with_its_top_bit_set_is_1002() {
    let error = server_error(&[b"\x82\xff\x80\0\0\0\0\0\0\x01"]);
    assert_code(
        error,
        DecodeError::LengthTopBitSet,
        CloseCode::PROTOCOL_ERROR,
    );
}

#[test]
fn rfc6455_5_4_continuation_with_nothing_open_is_1002() {
    let error = server_error(&[&frame(true, Opcode::Continuation, b"x")]);
    assert_code(
        error,
        DecodeError::ContinuationWithoutMessage,
        CloseCode::PROTOCOL_ERROR,
    );
}

#[test]
fn rfc6455_5_4_new_message_inside_an_open_one_is_1002() {
    let first = frame(false, Opcode::Text, b"");
    for opcode in [Opcode::Text, Opcode::Binary] {
        let error = server_error(&[&first, &frame(true, opcode, b"x")]);
        assert_code(
            error,
            DecodeError::MessageInsideMessage,
            CloseCode::PROTOCOL_ERROR,
        );
    }
}

#[test]
fn rfc6455_5_4_control_frames_may_come_between_fragments() {
    let mut input = frame(false, Opcode::Binary, b"a");
    input.extend(frame(true, Opcode::Ping, b"p"));
    input.extend(frame(true, Opcode::Continuation, b"b"));
    let limits = Limits::default();
    let mut decoder = Decoder::new(Role::Server);
    let decoded = decoder.decode(&mut input, &limits).expect("legal");
    assert_eq!(decoded.event, Some(Event::Ping(b"p")));
    let used = decoded.consumed;
    let decoded = decoder.decode(&mut input[used..], &limits).expect("legal");
    assert_eq!(decoded.event, Some(Event::Binary(b"ab")));
}

#[test]
fn rfc6455_5_5_control_frame_over_125_octets_is_1002() {
    for opcode in [8, 9, 10] {
        let error = server_error(&[&[0x80 | opcode, 0xfe]]);
        assert_code(
            error,
            DecodeError::ControlTooLong,
            CloseCode::PROTOCOL_ERROR,
        );
    }
}

#[test]
fn rfc6455_5_5_fragmented_control_frame_is_1002() {
    for opcode in [8, 9, 10] {
        let error = server_error(&[&[opcode]]);
        assert_code(
            error,
            DecodeError::ControlFragmented,
            CloseCode::PROTOCOL_ERROR,
        );
    }
}

#[test]
fn rfc6455_5_5_1_close_body_of_one_octet_is_1002() {
    let error = server_error(&[&frame(true, Opcode::Close, b"\x03")]);
    assert_code(
        error,
        DecodeError::CloseBodyTooShort,
        CloseCode::PROTOCOL_ERROR,
    );
}

#[test]
fn rfc6455_7_4_close_codes_that_may_not_be_sent_are_1002() {
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535u16,
    ] {
        let error = server_error(&[&frame(true, Opcode::Close, &code.to_be_bytes())]);
        assert_code(
            error,
            DecodeError::CloseCodeInvalid { code },
            CloseCode::PROTOCOL_ERROR,
        );
    }
}

#[test]
fn rfc6455_7_4_close_codes_that_may_be_sent_are_reported() {
    let limits = Limits::default();
    for code in (1000..=1003)
        .chain(1007..=1014)
        .chain([3000, 3999, 4000, 4999])
    {
        let mut body = u16::to_be_bytes(code).to_vec();
        body.extend_from_slice("bye ✓".as_bytes());
        let mut input = frame(true, Opcode::Close, &body);
        let mut decoder = Decoder::new(Role::Server);
        let decoded = decoder.decode(&mut input, &limits).expect("legal");
        let code = CloseCode::new(code).expect("legal");
        let expected = CloseFrame {
            code,
            reason: "bye ✓".into(),
        };
        assert_eq!(decoded.event, Some(Event::Close(Some(expected))));
    }
}

#[test]
fn rfc6455_5_5_1_close_reason_that_is_not_utf8_is_1007() {
    let error = server_error(&[&frame(true, Opcode::Close, b"\x03\xe8\xed\xa0\x80")]);
    assert_code(
        error,
        DecodeError::CloseReasonNotUtf8,
        CloseCode::INVALID_PAYLOAD,
    );
}

#[test]
fn rfc6455_5_5_1_what_follows_a_close_frame_is_ignored() {
    let mut input = frame(true, Opcode::Close, b"");
    input.extend_from_slice(b"\xff\xff not a frame");
    let limits = Limits::default();
    let mut decoder = Decoder::new(Role::Server);
    let decoded = decoder.decode(&mut input, &limits).expect("legal");
    assert_eq!(
        decoded,
        Decoded {
            consumed: 6,
            event: Some(Event::Close(None)),
            is_last: false,
            inflated_bytes: 0,
        }
    );
    assert!(decoder.is_closed());
    let rest = &mut input[6..];
    let length = rest.len();
    let decoded = decoder.decode(rest, &limits).expect("ignored");
    assert_eq!(
        decoded,
        Decoded {
            consumed: length,
            event: None,
            is_last: false,
            inflated_bytes: 0,
        }
    );
}

#[test]
fn rfc6455_8_1_text_that_is_not_utf8_is_1007() {
    for bad in [
        &b"\xc0\xaf"[..],
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"ok\xff",
        b"\xe2\x82",
    ] {
        let error = server_error(&[&frame(true, Opcode::Text, bad)]);
        assert_code(error, DecodeError::TextNotUtf8, CloseCode::INVALID_PAYLOAD);
        let first = frame(false, Opcode::Text, b"");
        let error = server_error(&[&first, &frame(true, Opcode::Continuation, bad)]);
        assert_code(error, DecodeError::TextNotUtf8, CloseCode::INVALID_PAYLOAD);
    }
}

#[test]
fn rfc6455_8_1_text_fails_at_the_first_bad_octet_of_an_unfinished_frame() {
    // The surrogate's second octet is impossible; neither its third nor the frame's end is there.
    let whole = frame(true, Opcode::Text, b"abc\xed\xa0\x80 and much more");
    let upto_bad = 2 + 4 + 5;
    let error = server_error(&[&whole[..upto_bad - 1], &whole[upto_bad - 1..upto_bad]]);
    assert_code(error, DecodeError::TextNotUtf8, CloseCode::INVALID_PAYLOAD);
}

#[test]
fn rfc6455_8_1_a_character_may_be_split_over_frames() {
    let mut input = frame(false, Opcode::Text, b"\xf0\x9f");
    input.extend(frame(true, Opcode::Ping, b""));
    input.extend(frame(false, Opcode::Continuation, b""));
    input.extend(frame(false, Opcode::Continuation, b"\x98"));
    input.extend(frame(true, Opcode::Continuation, b"\x80"));
    let limits = Limits::default();
    let mut decoder = Decoder::new(Role::Server);
    let used = decoder
        .decode(&mut input, &limits)
        .expect("the ping")
        .consumed;
    let decoded = decoder.decode(&mut input[used..], &limits).expect("legal");
    assert_eq!(decoded.event, Some(Event::Text("😀")));
}
