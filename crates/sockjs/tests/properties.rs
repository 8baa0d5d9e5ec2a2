//! What must hold for every text, payload and request, tried on many.

mod common;

use campanile_sockjs::{
    HEART_BEAT, MESSAGES_MAX, OPEN, Records, Route, Transport, append_close, decode_messages,
    first_line, merge,
};
use common::{escaped_slowly, frame_in, frame_of, fuzzed, receivers};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::FileFailurePersistence};

fn config() -> ProptestConfig {
    // Failures are reported with their input; files beside the sources are not written.
    let failure_persistence = Some(Box::new(FileFailurePersistence::Off) as _);
    ProptestConfig {
        cases: 256,
        failure_persistence,
        ..ProptestConfig::default()
    }
}

/// A text with all that may be trouble on the way.
fn text() -> impl Strategy<Value = String> {
    let awkward = select(vec![
        '"',
        '\\',
        '\n',
        '\r',
        '\0',
        '\u{1f}',
        '\u{7f}',
        '\u{200b}',
        '\u{200c}',
        '\u{2028}',
        '\u{206f}',
        '\u{2070}',
        '\u{feff}',
        '\u{ffef}',
        '\u{fff0}',
        '\u{ffff}',
        '<',
        '%',
        '/',
        ']',
        ',',
        'u',
        'd',
        '🔔',
        '\u{10ffff}',
    ]);
    let character = prop_oneof![3 => awkward, 1 => any::<char>(), 1 => Just('x')];
    vec(character, 0..40).prop_map(|characters| characters.into_iter().collect())
}

/// A frame as a server sends it.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => Just(OPEN.to_vec()),
        1 => Just(HEART_BEAT.to_vec()),
        4 => vec(text(), 0..4).prop_map(|messages| frame_of(&messages)),
        1 => (1000..5000_u16, text()).prop_map(|(code, reason)| {
            let mut close = Vec::new();
            append_close(&mut close, code, &reason);
            close
        }),
    ]
}

/// The messages in a frame; `None` for frames of another kind.
fn messages_in(frame: &[u8]) -> Option<Vec<String>> {
    let array = frame.strip_prefix(b"a")?;
    Some(decode_messages(array).expect("messages"))
}

/// What a client sees of frames: messages one by one, and the other frames, but for heart-beats.
fn seen(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    for frame in frames.iter().filter(|it| it.as_slice() != HEART_BEAT) {
        match messages_in(frame) {
            Some(messages) => seen.extend(messages.iter().map(|it| format!("a{it}").into_bytes())),
            None => seen.push(frame.clone()),
        }
    }
    seen
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn s55_every_text_comes_back_and_is_escaped_as_the_table_says(messages in vec(text(), 0..5)) {
        let frame = frame_of(&messages);
        let strings: Vec<_> = messages.iter().map(|it| escaped_slowly(it)).collect();
        let expected = format!("a[{}]", strings.join(","));
        prop_assert_eq!(&frame, expected.as_bytes());
        prop_assert_eq!(messages_in(&frame), Some(messages));
    }

    #[test]
    fn s39_no_frame_has_a_line_end_or_another_control(frame in frame()) {
        prop_assert!(frame.iter().all(|octet| *octet >= b' '));
        let text = String::from_utf8(frame).expect("text");
        let mangled = ['\u{2028}', '\u{2029}', '\u{200d}', '\u{ffff}'];
        prop_assert!(!text.contains(mangled));
    }

    #[test]
    fn s40_s41_s42_s43_each_record_carries_its_frame(frames in vec(frame(), 1..5)) {
        for transport in receivers() {
            let records = Records::new(transport, Some("c=f")).expect("a callback");
            for frame in &frames {
                let mut record = Vec::new();
                records.append_record(frame, &mut record);
                prop_assert_eq!(&frame_in(transport, &record), frame);
                let end = if transport == Transport::Xhr || transport == Transport::XhrStreaming {
                    1
                } else {
                    2
                };
                let inner = &record[..record.len() - end];
                let controls = inner.iter().filter(|octet| **octet < b' ').count();
                let expected = match transport {
                    Transport::Eventsource => 2,
                    Transport::Htmlfile => 2,
                    _ => 0,
                };
                prop_assert_eq!(controls, expected, "{}", record.escape_ascii());
            }
        }
    }

    #[test]
    fn s40_polls_see_what_a_stream_sees(frames in vec(frame(), 0..12), cut in any::<usize>()) {
        let mut lines = Vec::new();
        for frame in &frames {
            lines.extend_from_slice(frame);
            lines.push(b'\n');
        }
        let mut streamed = Vec::new();
        let mut rest = lines.as_slice();
        while let Some((line, octets)) = first_line(rest) {
            streamed.push(line.to_vec());
            rest = &rest[octets..];
        }
        prop_assert_eq!(&streamed, &frames);

        // What has arrived when a client polls ends anywhere, and the rest comes later.
        let mut polled = Vec::new();
        let mut start = 0;
        for end in [cut % (lines.len() + 1), lines.len()] {
            loop {
                let mut frame = Vec::new();
                match merge(&lines[start..end], &mut frame) {
                    0 => break,
                    consumed => start += consumed,
                }
                polled.push(frame);
            }
        }
        prop_assert_eq!(start, lines.len());
        prop_assert_eq!(seen(&polled), seen(&frames));
    }

    #[test]
    fn s40_a_poll_takes_all_messages_that_wait(messages in vec(text(), 1..20)) {
        let mut lines = Vec::new();
        for message in &messages {
            lines.extend_from_slice(&frame_of(&[message]));
            lines.push(b'\n');
        }
        let mut frame = Vec::new();
        prop_assert_eq!(merge(&lines, &mut frame), lines.len());
        prop_assert_eq!(frame, frame_of(&messages));
    }

    #[test]
    fn s51_arbitrary_octets_never_panic(octets in vec(any::<u8>(), 0..200)) {
        let _ = fuzzed::input(&octets);
    }

    #[test]
    fn s51_s55_nearly_payloads_are_read_as_json_is(
        payload in "[ \n]?\\[?(\"([a-c<é\u{2028}]|\\\\[nrtu\"/\\\\x]|\\\\u[dD][89cCfF]00|\\\\u00e9)\
                    {0,4}\"?,?[ 1n]?){0,4}\\]?[ \n]?",
    ) {
        let _ = fuzzed::input(payload.as_bytes());
    }

    #[test]
    fn s51_lines_are_taken_whatever_is_in_them(
        lines in "((o|h|a\\[\\]|a\\[|a\\[\"1\"\\]|a\\[\"2\",\"3\"\\]|c\\[1,\"\"\\]|\\]|[^\n]?)\n)\
                  {0,8}[ah]?",
    ) {
        let _ = fuzzed::input(lines.as_bytes());
    }

    #[test]
    fn s54_paths_mean_what_they_may(
        path in "/?([a-c./;%é]{0,3}|%2e|info|iframe){0,2}/{0,2}[a-c.]{0,2}/?\
                 (xhr|xhr_send|jsonp|websocket|\\.html)?[/;.]?",
    ) {
        let _ = fuzzed::input(path.as_bytes());
        let segments: Vec<_> = path.split('/').collect();
        let is_session = match segments.as_slice() {
            ["", server, session, name] => {
                let is_id = |id: &str| !(id.is_empty() || id.contains('.') || id.contains("%2e"));
                is_id(server) && is_id(session) && Transport::from_name(name).is_some()
            }
            _ => false,
        };
        prop_assert_eq!(matches!(Route::parse(&path), Some(Route::Session { .. })), is_session);
    }

    #[test]
    fn s51_the_number_of_messages_decides_and_not_what_they_are(
        count in MESSAGES_MAX - 2..MESSAGES_MAX + 3,
        message in "[a-z]{0,3}",
    ) {
        let payload = frame_of(&vec![message; count]);
        prop_assert_eq!(decode_messages(&payload[1..]).is_ok(), count <= MESSAGES_MAX);
    }
}
