//! Frames that break a rule of RFC 6455 5, each closed with the code of its rule, and legal ones
//! that are easily got wrong, on the finished program. Numbers are those of the project's list of
//! hostile input; floods and slow readers are in `hostile_floods.rs`.

use campanile_tests::{
    Raw, Request, Server,
    frames::{
        self, BINARY, BINARY_FIRST, CLOSE, LAST, LengthForm, MORE, PING, PONG, TEXT, TEXT_FIRST,
        close, frame, frame_with_form, header, unmasked,
    },
};

/// Sends `bytes` on a new session of `/echo`, and expects a Close with one of `codes` and then the
/// end of the TCP connection, made by the program.
async fn closes(server: &Server, bytes: &[u8], codes: &[u16]) {
    let mut raw = Raw::open(server, "/echo").await;
    raw.send(bytes).await;
    raw.expect_close_of(codes).await;
}

#[tokio::test]
async fn item_18_an_unmasked_frame_is_1002() {
    let server = Server::start(&[]);
    closes(&server, &unmasked(TEXT, b"bare"), &[1002]).await;
    closes(&server, &unmasked(PING, b""), &[1002]).await;
    closes(&server, &unmasked(CLOSE, &[0x03, 0xE8]), &[1002]).await;
}

#[tokio::test]
async fn item_19_a_reserved_bit_is_1002() {
    let server = Server::start(&[]);
    for bits in [0x10, 0x20, 0x40, 0x70] {
        for first in [TEXT, BINARY, TEXT_FIRST, PING, CLOSE] {
            closes(&server, &frame(first | bits, b"\x03\xE8"), &[1002]).await;
        }
    }
}

#[tokio::test]
async fn item_20_a_reserved_opcode_is_1002() {
    let server = Server::start(&[]);
    for opcode in (0x3..=0x7).chain(0xB..=0xF) {
        closes(&server, &frame(0x80 | opcode, b""), &[1002]).await;
        closes(&server, &frame(opcode, b"x"), &[1002]).await;
    }
}

#[tokio::test]
async fn item_21_a_long_or_fragmented_control_frame_is_1002() {
    let server = Server::start(&[]);
    for first in [PING, PONG, CLOSE] {
        closes(&server, &frame(first, &[b'x'; 126]), &[1002]).await;
        closes(&server, &frame(first & 0x0F, b"\x03\xE8"), &[1002]).await;
    }
    // At the header: what is claimed is not waited for.
    closes(&server, &header(PING, LengthForm::Two, 126), &[1002]).await;
}

#[tokio::test]
async fn item_22_a_continuation_of_nothing_is_1002() {
    let server = Server::start(&[]);
    closes(&server, &frame(LAST, b"what?"), &[1002]).await;
    closes(&server, &frame(MORE, b""), &[1002]).await;
    let mut done = [frame(TEXT_FIRST, b"a"), frame(LAST, b"b")].concat();
    done.extend(frame(LAST, b"c"));
    closes(&server, &done, &[1002]).await;
}

#[tokio::test]
async fn item_22_a_message_within_a_message_is_1002() {
    let server = Server::start(&[]);
    for second in [TEXT, BINARY, TEXT_FIRST, BINARY_FIRST] {
        let bytes = [frame(TEXT_FIRST, b"a"), frame(second, b"b")].concat();
        closes(&server, &bytes, &[1002]).await;
    }
}

#[tokio::test]
async fn item_23_a_length_that_is_not_minimal_is_1002() {
    let server = Server::start(&[]);
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
        closes(&server, &frame_with_form(TEXT, form, &payload), &[1002]).await;
    }
    // And the shortest lengths of each form are right.
    let mut raw = Raw::open(&server, "/echo").await;
    for bytes in [0, 125, 126, 65_535, 65_536] {
        raw.send(&frame(BINARY, &vec![1; bytes])).await;
        assert_eq!(raw.frame().await.expect("an echo").payload.len(), bytes);
    }
}

#[tokio::test]
async fn item_24_a_length_with_the_top_bit_is_1002() {
    let server = Server::start(&[]);
    for length in [1 << 63, u64::MAX] {
        closes(
            &server,
            &header(BINARY, LengthForm::Eight, length),
            &[1002, 1009],
        )
        .await;
    }
}

#[tokio::test]
async fn item_24_a_huge_length_is_1009_at_once() {
    let server = Server::start(&[]);
    for length in [1 << 62, (1 << 63) - 1, (64 << 20) + 1] {
        closes(&server, &header(BINARY, LengthForm::Eight, length), &[1009]).await;
    }
    let mut raw = Raw::open(&server, "/chat").await;
    raw.send(&header(TEXT, LengthForm::Eight, 65_537)).await;
    let reason = raw.expect_close(1009).await;
    assert!(
        reason.contains("65536"),
        "{reason:?} does not name the limit"
    );
}

#[tokio::test]
async fn item_24_a_message_over_the_limit_in_small_frames_is_1009() {
    let server = Server::start(&[]);
    let mut raw = Raw::open(&server, "/chat").await;
    raw.send(&frame(TEXT_FIRST, &[b'x'; 40_000])).await;
    raw.send(&header(LAST, LengthForm::Two, 40_000)).await;
    raw.expect_close(1009).await;
}

#[tokio::test]
async fn item_26_a_close_body_of_one_octet_is_1002() {
    let server = Server::start(&[]);
    closes(&server, &frame(CLOSE, b"\x03"), &[1002]).await;
}

#[tokio::test]
async fn item_27_close_codes_that_may_not_be_sent_are_1002() {
    let server = Server::start(&[]);
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
    ] {
        closes(&server, &close(code, b""), &[1002]).await;
    }
}

#[tokio::test]
async fn item_27_close_codes_that_may_be_sent_come_back() {
    let server = Server::start(&[]);
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
    ] {
        closes(&server, &close(code, b"good bye"), &[code]).await;
    }
    for code in [3000, 3999, 4000, 4999] {
        closes(&server, &close(code, "leb wohl, Müsli".as_bytes()), &[code]).await;
    }
    let mut raw = Raw::open(&server, "/echo").await;
    raw.send(&frame(CLOSE, b"")).await;
    let answer = raw.frame().await.expect("a Close");
    assert_eq!(answer.opcode, 8);
    assert!(
        answer.payload.is_empty() || answer.payload == [0x03, 0xE8],
        "{answer:?}"
    );
    raw.expect_end().await;
}

#[tokio::test]
async fn item_28_a_close_reason_that_is_not_utf8_is_1007() {
    let server = Server::start(&[]);
    for reason in [&b"\xC0\xAF"[..], b"ok \xFF", b"cut \xE4\xBD"] {
        closes(&server, &close(1000, reason), &[1007]).await;
    }
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
    let server = Server::start(&[]);
    for text in BAD_UTF8 {
        closes(&server, &frame(TEXT, text), &[1007]).await;
        // Split between any two octets, the fault is the same.
        for at in 1..text.len() {
            let parts = [frame(TEXT_FIRST, &text[..at]), frame(LAST, &text[at..])];
            closes(&server, &parts.concat(), &[1007]).await;
        }
    }
    closes(&server, &frame(TEXT, b"cut \xE4\xBD"), &[1007]).await;
    let parts = [frame(TEXT_FIRST, b"cut \xE4"), frame(LAST, b"\xBD")];
    closes(&server, &parts.concat(), &[1007]).await;
}

#[tokio::test]
async fn item_29_bad_text_fails_at_its_first_bad_octet() {
    let server = Server::start(&[]);
    for text in BAD_UTF8 {
        let mut bytes = header(TEXT, LengthForm::Two, 1_000);
        let mut masked = text.to_vec();
        frames::mask(&mut masked);
        bytes.extend(masked);
        // 990 octets of the frame never come.
        closes(&server, &bytes, &[1007]).await;
        // The message never ends either.
        closes(&server, &frame(TEXT_FIRST, text), &[1007]).await;
    }
}

#[tokio::test]
async fn item_29_a_character_split_over_frames_is_legal() {
    let server = Server::start(&[]);
    let text = "κόσμε 你好 🙂".as_bytes();
    let mut bytes = frame(TEXT_FIRST, &text[..1]);
    for octet in &text[1..] {
        bytes.extend(frame(PING, b"between"));
        bytes.extend(frame(MORE, std::slice::from_ref(octet)));
    }
    bytes.extend(frame(LAST, b""));
    let mut raw = Raw::open(&server, "/echo").await;
    raw.send(&bytes).await;
    loop {
        let answer = raw.frame().await.expect("pongs and an echo");
        if answer.opcode == 1 {
            assert_eq!(answer.payload, text);
            break;
        }
        assert_eq!(
            (answer.opcode, answer.payload.as_slice()),
            (10, &b"between"[..])
        );
    }
}

#[tokio::test]
async fn item_30_what_follows_a_close_is_ignored() {
    let server = Server::start(&[]);
    let mut raw = Raw::open(&server, "/echo").await;
    let bytes = [
        frame(TEXT, b"before"),
        close(1000, b"bye"),
        frame(TEXT, b"after"),
        frame(PING, b"after"),
        close(1000, b"again"),
        unmasked(0xFF, b"garbage"),
    ];
    raw.send(&bytes.concat()).await;
    let mut echoes = 0;
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
    assert_eq!(echoes, 1, "a message before the Close was lost");
    raw.expect_end().await;
}

#[tokio::test]
async fn item_30_a_peer_that_never_answers_a_close_is_cut_off() {
    let server = Server::start(&[]);
    let mut raw = Raw::open(&server, "/chat").await;
    // Sub-protocols of text: binary is refused with 1003. This side never answers that Close.
    raw.send(&frame(BINARY, b"\x00")).await;
    raw.expect_close(1003).await;
}

#[tokio::test]
async fn item_34_one_octet_a_segment_gives_the_same_result() {
    let server = Server::start(&[]);
    let mut raw = Raw::connect(&server).await;
    let mut bytes = Request::upgrade("/echo").bytes();
    bytes.extend(frame(TEXT, "grüß dich".as_bytes()));
    bytes.extend(frame(PING, b"?"));
    bytes.extend(frame(BINARY_FIRST, &[7; 200]));
    bytes.extend(frame(LAST, &[8; 100]));
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
    let binary = [vec![7; 200], vec![8; 100]].concat();
    let expected = [
        (1, "grüß dich".as_bytes().to_vec()),
        (10, b"?".to_vec()),
        (2, binary),
        (8, b"\x03\xE8".to_vec()),
    ];
    assert_eq!(answers, expected);
}

#[tokio::test]
async fn item_34_a_thousand_frames_in_one_write_all_come_back() {
    let server = Server::start(&[]);
    let mut raw = Raw::open(&server, "/echo").await;
    let bytes: Vec<Vec<u8>> = (0..1_000)
        .map(|number| frame(TEXT, format!("{number}").as_bytes()))
        .collect();
    raw.send(&bytes.concat()).await;
    for number in 0..1_000 {
        let echo = raw.frame().await.expect("an echo");
        assert_eq!(echo.payload, format!("{number}").as_bytes());
    }
}
