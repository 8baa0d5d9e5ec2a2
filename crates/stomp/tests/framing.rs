//! What each version's text says of frames, sentence by sentence.

#[expect(dead_code, reason = "each test uses its part")]
mod common;

use campanile_stomp::{Command, DecodeError, Decoder, Limits, Role, Version};
use common::{Outcome, Owned, decoder, drive, received, received_by_client};

const V10: Version = Version::V10;
const V11: Version = Version::V11;
const V12: Version = Version::V12;

#[track_caller]
fn headers(version: Version, stream: &[u8]) -> Vec<(String, String)> {
    received(version, stream).frame().headers
}

#[track_caller]
fn error(version: Version, stream: &[u8]) -> DecodeError {
    let Outcome { frames, error, .. } = received(version, stream);
    assert_eq!(frames, []);
    error.expect("an error")
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

#[test]
fn s62_stomp12_frames_have_a_command_headers_a_blank_line_a_body_and_a_nul() {
    let frame = received(V12, b"SEND\ndestination:/queue/a\nx:\n\nhello\nqueue\n\0").frame();
    let expected = Owned {
        command: Command::Send,
        headers: pairs([("destination", "/queue/a"), ("x", "")]),
        body: b"hello\nqueue\n".to_vec(),
    };
    assert_eq!(frame, expected);
}

#[test]
fn s60_every_command_is_read_by_the_side_that_receives_it() {
    for command in Command::ALL {
        let stream = format!("{command}\na:b\n\n\0");
        for (role, other) in [(Role::Server, Role::Client), (Role::Client, Role::Server)] {
            if command.receiver() != role {
                continue;
            }
            for version in [None, Some(V10), Some(V11), Some(V12)] {
                let here = drive(
                    decoder(role, version),
                    [stream.as_bytes()],
                    &Limits::default(),
                );
                assert_eq!(here.frame().command, command);
                let there = drive(
                    decoder(other, version),
                    [stream.as_bytes()],
                    &Limits::default(),
                );
                assert_eq!(
                    there.error,
                    Some(DecodeError::CommandNotForRole { command })
                );
            }
        }
    }
    assert_eq!(
        Command::ALL
            .iter()
            .filter(|it| it.receiver() == Role::Server)
            .count(),
        11
    );
}

#[test]
fn s60_an_unknown_command_is_named_as_far_as_it_is_short() {
    for (stream, name) in [
        (&b"send\n\n\0"[..], "send"),
        (b"SEND \n\n\0", "SEND "),
        (b" SEND\n\n\0", " SEND"),
        (b"\tSEND\n\n\0", "\\tSEND"),
        (b"SENDER\r\n\n\0", "SENDER"),
        (
            b"GET /chat HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /chat HTTP/1.1",
        ),
        (b"\x16\x03\x01\x02\0\n", "\\x16\\x03\\x01\\x02"),
        (
            b"AVeryLongWordThatIsNoCommandAndNeverEnds",
            "AVeryLongWordThatIsNoCo",
        ),
    ] {
        match error(V12, stream) {
            DecodeError::UnknownCommand { command } => assert_eq!(command.to_string(), name),
            DecodeError::NulInHead => assert!(stream.contains(&0)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn s62_stomp12_lines_may_end_in_carriage_return_and_line_feed() {
    let stream = b"SEND\r\ndestination:/a\r\nx:y\n\r\nbody\r\n\0\r\n\r\n";
    let Outcome {
        frames,
        heart_beats,
        error,
    } = received(V12, stream);
    assert_eq!((heart_beats, error), (2, None));
    assert_eq!(
        frames[0].headers,
        pairs([("destination", "/a"), ("x", "y")])
    );
    assert_eq!(frames[0].body, b"body\r\n");
}

#[test]
fn s62_stomp12_a_carriage_return_within_a_header_needs_its_escape() {
    let inner = error(V12, b"SEND\na:b\nc:d\re\n\n\0");
    assert_eq!(inner, DecodeError::CarriageReturnInHeader { header: 2 });
    let doubled = error(V12, b"SEND\na:b\r\r\n\n\0");
    assert_eq!(doubled, DecodeError::CarriageReturnInHeader { header: 1 });
    assert_eq!(headers(V12, b"SEND\na:b\\r\n\n\0"), pairs([("a", "b\r")]));
}

#[test]
fn s62_stomp11_and_stomp10_a_carriage_return_belongs_to_the_value() {
    for version in [V10, V11] {
        assert_eq!(
            headers(version, b"SEND\na:b\r\nc:d\re\n\n\0"),
            pairs([("a", "b\r"), ("c", "d\re")])
        );
        let blank = error(version, b"SEND\na:b\n\r\n\0");
        assert_eq!(blank, DecodeError::HeaderWithoutColon { header: 2 });
        // No command ends in one, so its sender can only have meant the line's end.
        let stream = b"SEND\r\na:b\r\n\r\nbody\0\r\n";
        assert_eq!(headers(version, stream), pairs([("a", "b")]));
    }
}

#[test]
fn s62_stomp12_value_encoding_undoes_each_escape() {
    assert_eq!(
        headers(V12, b"SEND\na\\cb:c\\nd\\re\\\\n\\c\nplain:x:y\n\n\0"),
        pairs([("a:b", "c\nd\re\\n:"), ("plain", "x:y")])
    );
}

#[test]
fn s62_stomp11_value_encoding_has_three_escapes() {
    assert_eq!(
        headers(V11, b"SEND\na\\cb:c\\nd\\\\r\n\n\0"),
        pairs([("a:b", "c\nd\\r")])
    );
    let octet = b'r';
    assert_eq!(
        error(V11, b"SEND\na:b\\r\n\n\0"),
        DecodeError::BadEscape { header: 1, octet }
    );
}

#[test]
fn s62_stomp12_undefined_escapes_are_fatal() {
    for version in [V11, V12] {
        for octet in *b"tNCx0: \xc3" {
            let stream = [b"SEND\na:b\nc:\\".as_slice(), &[octet], b"\n\n\0"].concat();
            let expected = DecodeError::BadEscape { header: 2, octet };
            assert_eq!(error(version, &stream), expected, "{octet}");
        }
        for stream in [&b"SEND\na:b\\\n\n\0"[..], b"SEND\r\na:b\\\r\n\r\n\0"] {
            let octet = b'\n';
            assert_eq!(
                error(version, stream),
                DecodeError::BadEscape { header: 1, octet }
            );
        }
        let in_name = error(version, b"SEND\na\\t:b\n\n\0");
        assert_eq!(
            in_name,
            DecodeError::BadEscape {
                header: 1,
                octet: b't'
            }
        );
    }
}

#[test]
fn s62_stomp10_backslashes_are_what_they_are() {
    let stream = b"SEND\nMESSAGE:C:\\new\\table\\\ndestination:/a\n\nx\0";
    assert_eq!(
        headers(V10, stream),
        pairs([("MESSAGE", "C:\\new\\table\\"), ("destination", "/a")])
    );
}

#[test]
fn s62_stomp12_frames_that_open_a_session_are_never_unescaped() {
    for version in [None, Some(V10), Some(V11), Some(V12)] {
        for (role, command) in [
            (Role::Server, "CONNECT"),
            (Role::Server, "STOMP"),
            (Role::Client, "CONNECTED"),
        ] {
            let stream = format!("{command}\npasscode:a\\nb\\t:c\\\n\n\0");
            let outcome = drive(
                decoder(role, version),
                [stream.as_bytes()],
                &Limits::default(),
            );
            assert_eq!(
                outcome.frame().headers,
                pairs([("passcode", "a\\nb\\t:c\\")])
            );
        }
    }
}

#[test]
fn s58_the_version_of_connect_holds_for_the_frame_behind_it() {
    let stream = b"CONNECT\r\naccept-version:1.2\r\n\r\n\0SEND\na:\\r\n\n\0";
    for pieces in [1, 7, stream.len()] {
        let mut decoder = Decoder::new(Role::Server);
        let mut seen = Vec::new();
        for mut piece in stream.chunks(pieces) {
            loop {
                let decoded = decoder.decode(piece, &Limits::default()).expect("legal");
                let Some(frame) = decoded.frame.map(Owned::from) else {
                    break;
                };
                piece = &piece[decoded.consumed..];
                seen.push(frame.headers);
                decoder.set_version(V12);
                assert_eq!(decoder.version(), Some(V12));
            }
        }
        assert_eq!(
            seen,
            [pairs([("accept-version", "1.2")]), pairs([("a", "\r")])]
        );
    }
}

#[test]
fn s62_stomp12_headers_need_a_colon_and_a_name() {
    for version in [V10, V11, V12] {
        let error = |stream: &[u8]| error(version, stream);
        assert_eq!(
            error(b"SEND\na:b\nc\n\n\0"),
            DecodeError::HeaderWithoutColon { header: 2 }
        );
        assert_eq!(
            error(b"SEND\n:b\n\n\0"),
            DecodeError::HeaderNameEmpty { header: 1 }
        );
        assert_eq!(
            error(b"SEND\n \n\n\0"),
            DecodeError::HeaderWithoutColon { header: 1 }
        );
        assert_eq!(error(b"SEND\0"), DecodeError::NulInHead);
        assert_eq!(error(b"SEND\na:b\0"), DecodeError::NulInHead);
        assert_eq!(error(b"SEND\na:b\n\0"), DecodeError::NulInHead);
    }
}

#[test]
fn s62_stomp12_headers_are_not_trimmed_and_case_counts() {
    for version in [V10, V11, V12] {
        let stream = b"SEND\n a : b \nA: c\n\n\0";
        assert_eq!(
            headers(version, stream),
            pairs([(" a ", " b "), ("A", " c")])
        );
    }
}

#[test]
fn s62_headers_are_utf_8() {
    for version in [V10, V11, V12] {
        let stream = "SEND\ngrüezi:你好\n\n\0".as_bytes();
        assert_eq!(headers(version, stream), pairs([("grüezi", "你好")]));
        for bad in [
            &b"SEND\na:\xff\n\n\0"[..],
            b"SEND\na\xc3:\xa4\n\n\0",
            b"SEND\na:\xc0\xaf\n\n\0",
        ] {
            assert_eq!(error(version, bad), DecodeError::HeadNotUtf8);
        }
        // The body is whatever content-type says.
        assert_eq!(
            received(version, b"SEND\n\n\xff\xfe\0").frame().body,
            b"\xff\xfe"
        );
    }
}

#[test]
fn s62_stomp12_content_length_counts_octets_and_a_nul_follows() {
    for version in [V10, V11, V12] {
        let body = |stream: &[u8]| received(version, stream).frame().body;
        assert_eq!(body(b"SEND\ncontent-length:5\n\na\0b\0\n\0"), b"a\0b\0\n");
        assert_eq!(
            body("SEND\ncontent-length:2\n\né\0".as_bytes()),
            "é".as_bytes()
        );
        assert_eq!(body(b"SEND\ncontent-length:0\n\n\0"), b"");
        assert_eq!(body(b"SEND\ncontent-length:0003\n\nabc\0"), b"abc");
        assert_eq!(body(b"SEND\n\nabc\0"), b"abc");
        let too_short = error(version, b"SEND\ncontent-length:2\n\nabc\0");
        assert_eq!(
            too_short,
            DecodeError::BodyNotTerminated { content_length: 2 }
        );
        let none = error(version, b"SEND\ncontent-length:0\n\nabc\0");
        assert_eq!(none, DecodeError::BodyNotTerminated { content_length: 0 });
        // One that is too long takes what follows for the body.
        assert_eq!(body(b"SEND\ncontent-length:6\n\nabc\0\n\n\0"), b"abc\0\n\n");
    }
}

#[test]
fn s62_stomp12_of_repeated_content_lengths_the_first_counts() {
    let stream = b"SEND\ncontent-length:1\ncontent-length:3\n\na\0";
    assert_eq!(received(V12, stream).frame().body, b"a");
    let stream = b"SEND\ncontent-length:1\ncontent-length:x\n\na\0";
    assert_eq!(received(V12, stream).frame().body, b"a");
}

#[test]
fn s62_content_length_is_digits_only() {
    for version in [V11, V12] {
        for value in ["", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1,1", "one", "１"] {
            let stream = format!("SEND\ncontent-length:{value}\n\na\0");
            let found = error(version, stream.as_bytes());
            assert_eq!(found, DecodeError::ContentLengthInvalid, "{value}");
        }
    }
    // The examples of 1.0 have blanks there.
    assert_eq!(
        received(V10, b"SEND\ncontent-length: 1\n\na\0")
            .frame()
            .body,
        b"a"
    );
    assert_eq!(
        error(V10, b"SEND\ncontent-length: -1\n\na\0"),
        DecodeError::ContentLengthInvalid
    );
    assert_eq!(
        error(V10, b"SEND\ncontent-length: \n\na\0"),
        DecodeError::ContentLengthInvalid
    );
}

#[test]
fn s62_stomp12_only_send_message_and_error_have_a_body() {
    for command in Command::ALL {
        for body in ["\n\nx\0", "\ncontent-length:1\n\nx\0"] {
            let stream = format!("{command}{body}");
            for version in [V11, V12] {
                let outcome = match command.receiver() {
                    Role::Server => received(version, stream.as_bytes()),
                    Role::Client => received_by_client(version, stream.as_bytes()),
                };
                if matches!(command, Command::Send | Command::Message | Command::Error) {
                    assert_eq!(outcome.frame().body, b"x");
                } else {
                    assert_eq!(outcome.error, Some(DecodeError::BodyNotAllowed { command }));
                }
            }
        }
    }
    // Without a NUL the next frame looks like a body.
    let command = Command::Begin;
    let stream = b"BEGIN\ntransaction:1\n\nSEND\n\n\0";
    assert_eq!(error(V12, stream), DecodeError::BodyNotAllowed { command });
}

#[test]
fn s62_stomp10_the_body_of_subscribe_is_ignored() {
    let frame = received(V10, b"SUBSCRIBE\ndestination: /queue/foo\n\nx\0").frame();
    assert_eq!(frame.command, Command::Subscribe);
    assert_eq!(frame.body, b"x");
}

#[test]
fn s66_stomp12_line_ends_between_frames_are_heart_beats() {
    for version in [V10, V11, V12] {
        let stream = b"\n\nSEND\n\n\0\n\r\n\nSEND\n\n\0\n";
        let Outcome {
            frames,
            heart_beats,
            error,
        } = received(version, stream);
        assert_eq!((frames.len(), heart_beats, error), (2, 6, None));
    }
    assert_eq!(
        error(V12, b"\n\rSEND\n\n\0"),
        DecodeError::StrayCarriageReturn
    );
    assert_eq!(error(V12, b"\r\r\n"), DecodeError::StrayCarriageReturn);
}

#[test]
fn s63_frames_are_packed_into_messages_and_spread_over_them() {
    let messages: [&[u8]; 4] = [
        b"SEND\na:1\n\nx\0SEND\na:2",
        b"",
        b"\n\ny",
        b"\0\nSEND\na:3\n\n\0",
    ];
    let outcome = drive(
        decoder(Role::Server, Some(V12)),
        messages,
        &Limits::default(),
    );
    assert_eq!((outcome.error, outcome.heart_beats), (None, 1));
    let bodies: Vec<_> = outcome
        .frames
        .iter()
        .map(|frame| frame.body.as_slice())
        .collect();
    assert_eq!(bodies, [&b"x"[..], b"y", b""]);
}
