//! Messages that come in parts (S20 and S193 of the Java stack).

#[path = "common/deflated.rs"]
#[expect(dead_code, reason = "each test uses its part")]
mod deflated;

use campanile_websocket::{
    CloseCode, DecodeError, Decoder, Event, Limits, Opcode, Role, WindowBits, append_frame,
    encode_fragments, frame_header,
};

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    append_frame(&mut out, fin, opcode, payload, Some(MASK));
    out
}

fn in_parts() -> Decoder {
    Decoder::new(Role::Server).in_parts()
}

/// What `input` gives, in words: the kind, what it carries, and `.` where a message ends.
fn told(decoder: &mut Decoder, input: &[u8]) -> Result<Vec<String>, DecodeError> {
    let mut input = input.to_vec();
    let mut rest = input.as_mut_slice();
    let mut events = Vec::new();
    loop {
        let decoded = decoder.decode(rest, &Limits::default())?;
        let end = if decoded.is_last { "." } else { "" };
        let consumed = decoded.consumed;
        match decoded.event {
            None => return Ok(events),
            Some(Event::Text(text)) => events.push(format!("text {text}{end}")),
            Some(Event::Binary(data)) => events.push(format!("binary {data:?}{end}")),
            Some(Event::Ping(data)) => events.push(format!("ping {data:?}{end}")),
            Some(Event::Pong(data)) => events.push(format!("pong {data:?}{end}")),
            Some(Event::Close(_)) => events.push(format!("close{end}")),
        }
        rest = &mut rest[consumed..];
    }
}

#[track_caller]
fn assert_told(decoder: &mut Decoder, input: &[u8], expected: &[&str]) {
    assert_eq!(told(decoder, input).expect("legal"), expected);
}

#[test]
fn s20_parts_come_as_their_frames_arrive() {
    let mut decoder = in_parts();
    assert_told(
        &mut decoder,
        &frame(false, Opcode::Text, b"one"),
        &["text one"],
    );
    assert!(!decoder.is_idle());
    let ping = frame(true, Opcode::Ping, &[7]);
    assert_told(&mut decoder, &ping, &["ping [7]"]);
    let more = [
        frame(false, Opcode::Continuation, b"two"),
        frame(true, Opcode::Continuation, b"three"),
        frame(true, Opcode::Binary, &[1]),
        frame(true, Opcode::Close, b""),
    ];
    let expected = ["text two", "text three.", "binary [1].", "close"];
    assert_told(&mut decoder, &more.concat(), &expected);
    assert!(decoder.is_closed());
}

#[test]
fn s20_a_frame_gives_what_has_arrived_of_it() {
    let mut decoder = in_parts();
    let whole = frame(true, Opcode::Binary, &[1, 2, 3, 4, 5]);
    let ping = frame(true, Opcode::Ping, &[9; 3]);
    assert_told(&mut decoder, &whole[..8], &["binary [1, 2]"]);
    assert_told(&mut decoder, &[], &[]);
    assert_told(&mut decoder, &whole[8..10], &["binary [3, 4]"]);
    let end = [&whole[10..], &ping[..7]].concat();
    assert_told(&mut decoder, &end, &["binary [5]."]);
    assert_told(&mut decoder, &ping[7..], &["ping [9, 9, 9]"]);
    assert!(decoder.is_idle());
}

#[test]
fn s20_empty_parts_are_told_only_where_a_message_begins_or_ends() {
    let mut decoder = in_parts();
    assert_told(&mut decoder, &frame(true, Opcode::Text, b""), &["text ."]);
    let message = [
        frame(false, Opcode::Text, b""),
        frame(false, Opcode::Continuation, b""),
        frame(false, Opcode::Continuation, b"x"),
        frame(false, Opcode::Continuation, b""),
        frame(true, Opcode::Continuation, b""),
    ];
    let expected = ["text ", "text x", "text ."];
    assert_told(&mut decoder, &message.concat(), &expected);
    let mut octet_by_octet = Vec::new();
    for octet in message.concat() {
        octet_by_octet.extend(told(&mut decoder, &[octet]).expect("legal"));
    }
    assert_eq!(octet_by_octet, expected);
}

#[test]
fn s193_parts_of_text_are_whole_characters() {
    let mut decoder = in_parts();
    let text = "aé€😀".as_bytes();
    let pieces = [&text[..2], &text[2..5], &text[5..8], &text[8..]];
    let mut told_so_far = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let opcode = match index {
            0 => Opcode::Text,
            _ => Opcode::Continuation,
        };
        let input = frame(index == 3, opcode, piece);
        told_so_far.extend(told(&mut decoder, &input).expect("legal"));
    }
    assert_eq!(told_so_far, ["text a", "text é", "text €", "text 😀."]);

    // Cut by the network, the last octet of a character with the first of the next ones.
    let input = frame(true, Opcode::Text, "ééé".as_bytes());
    assert_told(&mut decoder, &input[..7], &[]);
    assert_told(&mut decoder, &input[7..9], &["text é"]);
    assert_told(&mut decoder, &input[9..], &["text éé."]);
    assert!(decoder.is_idle());
}

#[test]
fn s193_text_that_is_not_utf8_is_1007_at_its_first_bad_octet() {
    // How many octets of payload are legal, alone and behind others.
    for (bad, legal) in [
        (&b"\xff"[..], 0),
        (b"\xc0\xaf", 0),
        (b"\xed\xa0\x80", 1),
        (b"\xf4\x90\x80\x80", 1),
        (b"\xe2\x82\x41", 2),
        (b"\xf0\x9f\x98x", 3),
    ] {
        for before in ["", "ab", "€"] {
            let payload = [before.as_bytes(), bad].concat();
            let input = frame(false, Opcode::Text, &payload);
            let mut decoder = in_parts();
            let refused = input
                .iter()
                .position(|octet| told(&mut decoder, &[*octet]).is_err());
            assert_eq!(refused, Some(6 + before.len() + legal), "{payload:?}");
            let error = told(&mut decoder, b"").expect_err("final");
            assert_eq!(error, DecodeError::TextNotUtf8);
            assert_eq!(error.close_code(), CloseCode::INVALID_PAYLOAD);

            let mut decoder = in_parts();
            assert_eq!(told(&mut decoder, &input), Err(DecodeError::TextNotUtf8));
            assert_eq!(decoder.retained_bytes(), 0);
        }
    }
}

#[test]
fn s193_text_may_not_end_within_a_character() {
    for cut in [&b"\xc3"[..], b"\xe2\x82", b"\xf0\x9f\x98"] {
        let mut decoder = in_parts();
        assert_told(&mut decoder, &frame(false, Opcode::Text, cut), &[]);
        let end = frame(true, Opcode::Continuation, b"");
        assert_eq!(told(&mut decoder, &end), Err(DecodeError::TextNotUtf8));

        let frames = [
            &frame(false, Opcode::Text, b"x"),
            &frame(true, Opcode::Continuation, cut),
        ];
        for input in frames {
            let outcome = told(&mut decoder, input);
            assert_eq!(outcome, Err(DecodeError::TextNotUtf8), "final");
        }
        let mut decoder = in_parts();
        assert_told(&mut decoder, frames[0], &["text x"]);
        assert_eq!(told(&mut decoder, frames[1]), Err(DecodeError::TextNotUtf8));
    }
}

#[test]
fn s20_fragments_and_frames_are_limited_but_messages_are_not() {
    let limits = Limits {
        frame_bytes_max: 10,
        message_bytes_max: 10,
        fragments_max: 100,
    };
    let mut decoder = in_parts();
    let mut bytes = 0;
    for index in 0..100 {
        let opcode = match index {
            0 => Opcode::Binary,
            _ => Opcode::Continuation,
        };
        let mut input = frame(false, opcode, &[1; 10]);
        let decoded = decoder.decode(&mut input, &limits).expect("legal");
        match decoded.event {
            Some(Event::Binary(data)) => bytes += data.len(),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bytes, 1000);
    let mut one_more = frame(false, Opcode::Continuation, b"");
    let too_many = DecodeError::TooManyFragments { fragments_max: 100 };
    assert_eq!(decoder.decode(&mut one_more, &limits), Err(too_many));

    let mut decoder = in_parts();
    let too_big = DecodeError::FrameTooBig {
        frame_bytes_max: 10,
    };
    let mut head = [0x82, 0x80 | 11];
    assert_eq!(decoder.decode(&mut head, &limits), Err(too_big));
}

#[test]
fn s20_frames_are_checked_as_ever() {
    for (input, expected) in [
        (&b"\x81\x00"[..], DecodeError::ClientFrameUnmasked),
        (b"\x80\x80", DecodeError::ContinuationWithoutMessage),
        (b"\xc1\x80", DecodeError::ReservedBitSet),
        (b"\x82\xfe\x00\x7d", DecodeError::LengthNotMinimal),
        (
            b"\x02\x80\x01\x02\x03\x04\x81",
            DecodeError::MessageInsideMessage,
        ),
        (b"\x09", DecodeError::ControlFragmented),
    ] {
        assert_eq!(told(&mut in_parts(), input), Err(expected));
    }
}

#[test]
fn s26_what_is_sent_in_fragments_comes_in_parts() {
    let run = encode_fragments(Opcode::Text, &[b"gr\xc3", b"\xbc", b"ezi"]);
    let mut decoder = Decoder::new(Role::Client).in_parts();
    assert_told(&mut decoder, &run, &["text gr", "text ü", "text ezi."]);
}

fn compressed_frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let is_first = opcode != Opcode::Continuation;
    let mut out = frame_header(fin, is_first, opcode, payload.len())
        .as_ref()
        .to_vec();
    out.extend_from_slice(payload);
    out
}

#[test]
fn s193_compressed_messages_come_in_inflated_parts() {
    let text = "Grüße 😀 ".repeat(500);
    let payload = deflated::compressed(WindowBits::MAX, text.as_bytes());
    for cut in 0..payload.len() {
        let (first, last) = payload.split_at(cut);
        let input = [
            compressed_frame(false, Opcode::Text, first),
            compressed_frame(true, Opcode::Continuation, last),
        ];
        let mut decoder = deflated::decoder().in_parts();
        let parts = told(&mut decoder, &input.concat()).expect("legal");
        let (end, others) = parts.split_last().expect("a message");
        let joined: String = others.iter().map(|part| &part["text ".len()..]).collect();
        let end = end["text ".len()..].strip_suffix('.').expect("the last");
        assert_eq!(joined + end, text);
        assert!(decoder.is_idle());
    }
    let mut decoder = deflated::decoder().in_parts();
    let empty = compressed_frame(true, Opcode::Text, &[0]);
    assert_told(&mut decoder, &empty, &["text ."]);
}

#[test]
fn s193_compressed_text_that_is_not_utf8_is_1007() {
    for bad in [&b"\xff"[..], b"\xed\xa0\x80", b"\xf0\x9f\x98"] {
        let text = [&b"long enough ".repeat(10_000)[..], bad].concat();
        let payload = deflated::compressed(WindowBits::MAX, &text);
        let input = compressed_frame(true, Opcode::Text, &payload);
        let mut decoder = deflated::decoder().in_parts();
        assert_eq!(told(&mut decoder, &input), Err(DecodeError::TextNotUtf8));
        assert_eq!(decoder.retained_bytes(), 0);
    }
    let damaged = compressed_frame(true, Opcode::Binary, &[0x07]);
    let mut decoder = deflated::decoder().in_parts();
    assert_eq!(
        told(&mut decoder, &damaged),
        Err(DecodeError::InflateFailed)
    );
}
