//! Frames that break a rule of RFC 6455 5, each closed with the code of its rule, and legal ones
//! that are easily got wrong, at every endpoint of the finished program, directly and behind each
//! proxy. Numbers are those of the project's list of hostile input; floods and slow readers are in
//! `hostile_floods.rs`.

use campanile_tests::{
    Answers, ENDPOINTS, Endpoint, Raw, Server, Way, everywhere,
    frames::{
        self, BINARY, BINARY_FIRST, CLOSE, LAST, LengthForm, MORE, PING, PONG, TEXT, TEXT_FIRST,
        close, frame, frame_with_form, header, unmasked,
    },
};

/// Sends `bytes` on a new session, and expects a Close with one of `codes` and then the end of the
/// TCP connection, made by the program.
async fn closes(server: &Server, endpoint: &Endpoint, bytes: &[u8], codes: &[u16]) {
    let mut raw = endpoint.open(server).await;
    raw.send(bytes).await;
    raw.expect_close_of(codes).await;
}

#[tokio::test]
async fn item_18_an_unmasked_frame_is_1002() {
    everywhere(async |server, endpoint| {
        closes(server, endpoint, &unmasked(TEXT, b"bare"), &[1002]).await;
        closes(server, endpoint, &unmasked(PING, b""), &[1002]).await;
        closes(server, endpoint, &unmasked(CLOSE, &[0x03, 0xE8]), &[1002]).await;
    })
    .await;
}

#[tokio::test]
async fn item_19_a_reserved_bit_is_1002() {
    everywhere(async |server, endpoint| {
        for bits in [0x10, 0x20, 0x40, 0x70] {
            for first in [TEXT, BINARY, TEXT_FIRST, PING, CLOSE] {
                closes(server, endpoint, &frame(first | bits, b"\x03\xE8"), &[1002]).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn item_20_a_reserved_opcode_is_1002() {
    everywhere(async |server, endpoint| {
        for opcode in (0x3..=0x7).chain(0xB..=0xF) {
            closes(server, endpoint, &frame(0x80 | opcode, b""), &[1002]).await;
            closes(server, endpoint, &frame(opcode, b"x"), &[1002]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn item_21_a_long_or_fragmented_control_frame_is_1002() {
    everywhere(async |server, endpoint| {
        for first in [PING, PONG, CLOSE] {
            closes(server, endpoint, &frame(first, &[b'x'; 126]), &[1002]).await;
            closes(server, endpoint, &frame(first & 0x0F, b"\x03\xE8"), &[1002]).await;
        }
        // At the header: what is claimed is not waited for.
        closes(
            server,
            endpoint,
            &header(PING, LengthForm::Two, 126),
            &[1002],
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn item_22_a_continuation_of_nothing_is_1002() {
    everywhere(async |server, endpoint| {
        closes(server, endpoint, &frame(LAST, b"what?"), &[1002]).await;
        closes(server, endpoint, &frame(MORE, b""), &[1002]).await;
        let mut done = [frame(TEXT_FIRST, b"a"), frame(LAST, b"b")].concat();
        done.extend(frame(LAST, b"c"));
        closes(server, endpoint, &done, &[1002]).await;
    })
    .await;
}

#[tokio::test]
async fn item_22_a_message_within_a_message_is_1002() {
    everywhere(async |server, endpoint| {
        for second in [TEXT, BINARY, TEXT_FIRST, BINARY_FIRST] {
            let bytes = [frame(TEXT_FIRST, b"a"), frame(second, b"b")].concat();
            closes(server, endpoint, &bytes, &[1002]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn item_23_a_length_that_is_not_minimal_is_1002() {
    everywhere(async |server, endpoint| {
        for (form, bytes) in [
            (LengthForm::Two, 0),
            (LengthForm::Two, 2),
            (LengthForm::Two, 125),
            (LengthForm::Eight, 2),
            (LengthForm::Eight, 125),
            (LengthForm::Eight, 126),
            (LengthForm::Eight, 65_535),
        ] {
            let payload = vec![b'x'; bytes];
            closes(
                server,
                endpoint,
                &frame_with_form(TEXT, form, &payload),
                &[1002],
            )
            .await;
        }
        // And the shortest lengths of each form are right.
        let mut raw = endpoint.open(server).await;
        for bytes in [0, 125, 126, 65_535, 65_536] {
            let text = vec![b'x'; bytes];
            raw.send(&frame(TEXT, &text)).await;
            endpoint.expect_taken(&mut raw, &text).await;
            if endpoint.answers == Answers::Everything {
                raw.send(&frame(BINARY, &text)).await;
                let echo = raw.frame().await.expect("an echo");
                assert!((echo.opcode, echo.payload) == (2, text));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn item_24_a_length_with_the_top_bit_is_1002() {
    everywhere(async |server, endpoint| {
        for length in [1 << 63, u64::MAX] {
            closes(
                server,
                endpoint,
                &header(BINARY, LengthForm::Eight, length),
                &[1002, 1009],
            )
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn item_24_a_huge_length_is_1009_at_once() {
    everywhere(async |server, endpoint| {
        let max = endpoint.message_bytes_max;
        let one_more = max as u64 + 1;
        for length in [1 << 62, (1 << 63) - 1, one_more] {
            closes(
                server,
                endpoint,
                &header(BINARY, LengthForm::Eight, length),
                &[1009],
            )
            .await;
        }
        let mut raw = endpoint.open(server).await;
        raw.send(&header(TEXT, LengthForm::Eight, one_more)).await;
        let reason = raw.expect_close(1009).await;
        let limit = max.to_string();
        assert!(
            reason.contains(&limit),
            "{reason:?} does not name the limit"
        );
    })
    .await;
}

#[tokio::test]
async fn item_24_a_message_over_the_limit_in_small_frames_is_1009() {
    everywhere(async |server, endpoint| {
        let mut raw = endpoint.open(server).await;
        let form = if endpoint.has_default_limits() {
            LengthForm::Two
        } else {
            LengthForm::Eight
        };
        // Two thirds of what is allowed, and as much again that is only announced.
        let bytes = endpoint.message_bytes_max / 3 * 2;
        raw.send(&frame(TEXT_FIRST, &vec![b'x'; bytes])).await;
        raw.send(&header(LAST, form, bytes as u64)).await;
        raw.expect_close(1009).await;
    })
    .await;
}

#[tokio::test]
async fn item_26_a_close_body_of_one_octet_is_1002() {
    everywhere(async |server, endpoint| {
        closes(server, endpoint, &frame(CLOSE, b"\x03"), &[1002]).await;
    })
    .await;
}

#[tokio::test]
async fn item_27_close_codes_that_may_not_be_sent_are_1002() {
    everywhere(async |server, endpoint| {
        for code in [
            0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
        ] {
            closes(server, endpoint, &close(code, b""), &[1002]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn item_27_close_codes_that_may_be_sent_come_back() {
    everywhere(async |server, endpoint| {
        for code in [
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
        ] {
            closes(server, endpoint, &close(code, b"good bye"), &[code]).await;
        }
        for code in [3000, 3999, 4000, 4999] {
            closes(
                server,
                endpoint,
                &close(code, "leb wohl, Müsli".as_bytes()),
                &[code],
            )
            .await;
        }
        let mut raw = endpoint.open(server).await;
        raw.send(&frame(CLOSE, b"")).await;
        let answer = raw.frame().await.expect("a Close");
        assert_eq!(answer.opcode, 8);
        assert!(
            answer.payload.is_empty() || answer.payload == [0x03, 0xE8],
            "{answer:?}"
        );
        raw.expect_end().await;
    })
    .await;
}

#[tokio::test]
async fn item_28_a_close_reason_that_is_not_utf8_is_1007() {
    everywhere(async |server, endpoint| {
        for reason in [&b"\xC0\xAF"[..], b"ok \xFF", b"cut \xE4\xBD"] {
            closes(server, endpoint, &close(1000, reason), &[1007]).await;
        }
    })
    .await;
}

/// Octets that no UTF-8 has, behind "κ" as a good beginning.
const BAD_UTF8: [&[u8]; 7] = [
    b"\xCE\xBA\xC0\xAF",         // overlong
    b"\xCE\xBA\xED\xA0\x80",     // a surrogate
    b"\xCE\xBA\xF4\x90\x80\x80", // beyond U+10FFFF
    b"\xCE\xBA\x80",             // a continuation of nothing
    b"\xCE\xBA\xFE",
    b"\xCE\xBA\xE4\xBDx", // a character cut short by another
    b"\xCE\xBA\xF5",
];

#[tokio::test]
async fn item_29_text_that_is_not_utf8_is_1007() {
    everywhere(async |server, endpoint| {
        for text in BAD_UTF8 {
            closes(server, endpoint, &frame(TEXT, text), &[1007]).await;
            // Split between any two octets, the fault is the same.
            for at in 1..text.len() {
                let parts = [frame(TEXT_FIRST, &text[..at]), frame(LAST, &text[at..])];
                closes(server, endpoint, &parts.concat(), &[1007]).await;
            }
        }
        closes(server, endpoint, &frame(TEXT, b"cut \xE4\xBD"), &[1007]).await;
        let parts = [frame(TEXT_FIRST, b"cut \xE4"), frame(LAST, b"\xBD")];
        closes(server, endpoint, &parts.concat(), &[1007]).await;
    })
    .await;
}

#[tokio::test]
async fn item_29_bad_text_fails_at_its_first_bad_octet() {
    everywhere(async |server, endpoint| {
        for text in BAD_UTF8 {
            let mut bytes = header(TEXT, LengthForm::Two, 1_000);
            let mut masked = text.to_vec();
            frames::mask(&mut masked);
            bytes.extend(masked);
            // 990 octets of the frame never come.
            closes(server, endpoint, &bytes, &[1007]).await;
            // The message never ends either.
            closes(server, endpoint, &frame(TEXT_FIRST, text), &[1007]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn item_29_a_character_split_over_frames_is_legal() {
    everywhere(async |server, endpoint| {
        let text = "κόσμε 你好 🙂".as_bytes();
        let mut bytes = frame(TEXT_FIRST, &text[..1]);
        for octet in &text[1..] {
            bytes.extend(frame(PING, b"between"));
            bytes.extend(frame(MORE, std::slice::from_ref(octet)));
        }
        bytes.extend(frame(LAST, b""));
        let mut raw = endpoint.open(server).await;
        raw.send(&bytes).await;
        for _ in &text[1..] {
            let pong = raw.frame().await.expect("a pong");
            assert_eq!((pong.opcode, &pong.payload[..]), (10, &b"between"[..]));
        }
        endpoint.expect_taken(&mut raw, text).await;
    })
    .await;
}

#[tokio::test]
async fn item_30_what_follows_a_close_is_ignored() {
    everywhere(async |server, endpoint| {
        let mut raw = endpoint.open(server).await;
        let bytes = [
            frame(TEXT, b"before"),
            close(1000, b"bye"),
            frame(TEXT, b"after"),
            frame(PING, b"after"),
            close(1000, b"again"),
            unmasked(0xFF, b"garbage"),
        ];
        raw.send(&bytes.concat()).await;
        let mut echoes = 0_usize;
        loop {
            let answer = raw.frame().await.expect("a Close");
            match answer.opcode {
                1 => {
                    assert_eq!(answer.payload, b"before");
                    echoes += 1;
                }
                8 => {
                    assert_eq!(answer.payload[..2], 1000_u16.to_be_bytes());
                    break;
                }
                other => panic!("an unexpected frame of opcode {other}"),
            }
        }
        let expected = usize::from(endpoint.answers != Answers::Nothing);
        assert_eq!(echoes, expected, "messages before the Close");
        raw.expect_end().await;
    })
    .await;
}

#[tokio::test]
async fn item_30_a_peer_that_never_answers_a_close_is_cut_off() {
    let servers = Way::ALL.map(Server::start_behind);
    let mut deaf = Vec::new();
    for server in &servers {
        for endpoint in &ENDPOINTS {
            let mut raw = endpoint.open(server).await;
            // An endpoint of text refuses binary. This side never answers any Close.
            let (bytes, code) = match endpoint.answers {
                Answers::Everything => (unmasked(BINARY, b"\x00"), 1002),
                Answers::Text | Answers::Nothing => (frame(BINARY, b"\x00"), 1003),
            };
            raw.send(&bytes).await;
            deaf.push((server.way(), endpoint.path, raw, code));
        }
    }
    for (way, path, raw, code) in &mut deaf {
        println!("{way:?}, {path}");
        raw.expect_close(*code).await;
    }
}

#[tokio::test]
async fn item_34_one_octet_a_segment_gives_the_same_result() {
    everywhere(async |server, endpoint| {
        let mut raw = Raw::connect(server).await;
        let text = "grüß dich".as_bytes();
        let long = "lang ".repeat(60);
        let (begin, end) = long.as_bytes().split_at(200);
        let mut bytes = endpoint.upgrade().bytes();
        bytes.extend(frame(TEXT, text));
        bytes.extend(frame(PING, b"?"));
        bytes.extend(frame(TEXT_FIRST, begin));
        bytes.extend(frame(LAST, end));
        bytes.extend(close(1000, b"bye"));
        raw.send_bytewise(&bytes).await;
        assert_eq!(raw.response().await.status, 101);
        let mut answers = Vec::new();
        while let Some(mut answer) = raw.frame().await {
            if answer.opcode == 8 {
                // Whether the reason comes back is the program's choice (RFC 6455 5.5.1).
                answer.payload.truncate(2);
            }
            answers.push((answer.opcode, answer.payload));
        }
        let mut expected = vec![
            (1, text.to_vec()),
            (10, b"?".to_vec()),
            (1, long.into_bytes()),
            (8, b"\x03\xE8".to_vec()),
        ];
        if endpoint.answers == Answers::Nothing {
            expected.retain(|(opcode, _)| *opcode != 1);
        }
        if endpoint.answers == Answers::Text {
            // A pong need not wait for a broadcast.
            answers.sort_by_key(|(opcode, _)| *opcode != 10);
            expected.sort_by_key(|(opcode, _)| *opcode != 10);
        }
        assert_eq!(answers, expected);
    })
    .await;
}

#[tokio::test]
async fn item_34_a_thousand_frames_in_one_write_all_come_back() {
    everywhere(async |server, endpoint| {
        let mut raw = endpoint.open(server).await;
        let bytes: Vec<Vec<u8>> = (0..1_000)
            .map(|number| frame(TEXT, format!("{number}").as_bytes()))
            .collect();
        raw.send(&bytes.concat()).await;
        if endpoint.answers != Answers::Nothing {
            for number in 0..1_000 {
                let echo = raw.frame().await.expect("an echo");
                assert_eq!(echo.payload, format!("{number}").as_bytes());
            }
        }
        raw.expect_open().await;
    })
    .await;
}
