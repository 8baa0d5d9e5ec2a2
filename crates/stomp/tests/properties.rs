//! What must hold for every stream, tried on many.

mod common;

use campanile_stomp::{
    Command, Decoder, HeartBeat, Limits, Role, Version, append_frame, split_text,
};
use common::{LIMITS, Outcome, Owned, decoder, drive, fuzzed};
use proptest::{
    collection::vec, prelude::*, sample::Index, sample::select, test_runner::FileFailurePersistence,
};

fn config() -> ProptestConfig {
    // Failures are reported with their input; files beside the sources are not written.
    let failure_persistence = Some(Box::new(FileFailurePersistence::Off) as _);
    ProptestConfig {
        cases: 256,
        failure_persistence,
        ..ProptestConfig::default()
    }
}

fn version() -> impl Strategy<Value = Version> {
    select(Version::ALL.to_vec())
}

fn command(role: Role) -> impl Strategy<Value = Command> {
    let all = Command::ALL.into_iter();
    select(all.filter(|it| it.receiver() == role).collect::<Vec<_>>())
}

/// A text with all that may be trouble in a header.
fn text(chars_max: usize) -> impl Strategy<Value = String> {
    let awkward = select(vec![
        '\n', '\r', ':', '\\', 'n', 'c', 'r', ' ', '\0', 'é', '你', '🔔', 'x',
    ]);
    let character = prop_oneof![3 => awkward, 1 => any::<char>()];
    vec(character, 0..chars_max).prop_map(|characters| characters.into_iter().collect())
}

fn frame(role: Role) -> impl Strategy<Value = Owned> {
    let headers = vec((text(8), text(20)), 0..6);
    let body = prop_oneof![vec(any::<u8>(), 0..100), vec(Just(0), 0..3)];
    (command(role), headers, body).prop_map(|(command, mut headers, body)| {
        headers.retain(|(name, _)| name != "content-length");
        Owned {
            command,
            headers,
            body,
        }
    })
}

fn role() -> impl Strategy<Value = Role> {
    select(vec![Role::Server, Role::Client])
}

/// Frames as they are sent, with heart-beats between them.
fn stream() -> impl Strategy<Value = (Role, Version, Vec<u8>, usize)> {
    role().prop_flat_map(|role| {
        let frames = vec((frame(role), 0..3_usize, any::<bool>()), 0..5);
        (Just(role), version(), frames).prop_map(|(role, version, frames)| {
            let mut octets = Vec::new();
            let mut heart_beats = 0;
            for (frame, beats, with_cr) in &frames {
                append_frame(
                    &mut octets,
                    version,
                    frame.command,
                    &frame.own_headers(),
                    &frame.body,
                );
                for _ in 0..*beats {
                    octets.extend_from_slice(if *with_cr { b"\r\n" } else { b"\n" });
                }
                heart_beats += beats;
            }
            (role, version, octets, heart_beats)
        })
    })
}

/// `octets` cut at `cuts`.
fn pieces<'o>(octets: &'o [u8], cuts: &[Index]) -> Vec<&'o [u8]> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(octets.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(octets.len());
    let mut start = 0;
    let cut = |end: usize| &octets[std::mem::replace(&mut start, end)..end];
    ends.into_iter().map(cut).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn s62_what_is_encoded_arrives_in_every_version(
        (role, sent) in role().prop_flat_map(|role| (Just(role), frame(role))),
        version in version(),
    ) {
        fuzzed::assert_arrives(&sent, role, version);
    }

    #[test]
    fn s62_what_a_1_2_client_sends_reaches_each_receiver_as_as_many_headers(
        headers in vec((text(8), text(20)), 0..6),
        body in vec(any::<u8>(), 0..50),
    ) {
        let mut sent = Vec::new();
        let headers: Vec<_> = headers.iter().map(|it| (it.0.as_str(), it.1.as_str())).collect();
        append_frame(&mut sent, Version::V12, Command::Send, &headers, &body);
        let mut frame = common::received(Version::V12, &sent).frame();
        frame.command = Command::Message;
        for version in Version::ALL {
            let mut out = Vec::new();
            append_frame(&mut out, version, frame.command, &frame.own_headers(), &frame.body);
            let arrived = common::received_by_client(version, &out).frame();
            prop_assert_eq!(arrived.own_headers().len(), frame.own_headers().len());
            prop_assert_eq!(&arrived.body, &frame.body);
        }
    }

    #[test]
    fn s63_any_split_of_a_stream_gives_the_same_frames(
        (role, version, octets, heart_beats) in stream(),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let limits = Limits::default();
        let decoder = || decoder(role, Some(version));
        let whole = drive(decoder(), [octets.as_slice()], &limits);
        prop_assert_eq!(whole.error, None);
        prop_assert_eq!(whole.heart_beats, heart_beats);
        prop_assert_eq!(&drive(decoder(), pieces(&octets, &cuts), &limits), &whole);
        prop_assert_eq!(&drive(decoder(), octets.chunks(1), &limits), &whole);
    }

    #[test]
    fn s82_any_split_of_a_damaged_stream_gives_the_same_frames_and_error(
        (role, version, mut octets, _) in stream(),
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        for (place, octet) in damage {
            if !octets.is_empty() {
                let place = place.index(octets.len());
                octets[place] = octet;
            }
        }
        let decoder = || decoder(role, Some(version));
        let whole = drive(decoder(), [octets.as_slice()], &LIMITS);
        prop_assert_eq!(&drive(decoder(), pieces(&octets, &cuts), &LIMITS), &whole);
        prop_assert_eq!(&drive(decoder(), octets.chunks(1), &LIMITS), &whole);
    }

    #[test]
    fn s82_arbitrary_octets_neither_panic_nor_pass_the_limits(octets in vec(any::<u8>(), 0..600)) {
        fuzzed::decode_input(&octets);
        fuzzed::selector_input(&octets);
    }

    #[test]
    fn s62_nearly_frames_are_read_as_the_plain_reader_does(
        how in any::<u8>(),
        stream in "(\n|\r\n|(SEND|CONNECT|MESSAGE|BEGIN|ACK|CONNECTED|ERROR)\r?\n\
                   (([a-c]|content-length)?:?([a-z0-9 \r\\\\]|é|\\\\[ncrt\\\\]){0,6}\r?\n){0,5}\
                   \r?\n?[a-c\n\x00]{0,4}\x00?){0,4}",
    ) {
        let mut data = vec![how];
        data.extend_from_slice(stream.as_bytes());
        fuzzed::decode_input(&data);
    }

    #[test]
    fn s88_arbitrary_selectors_neither_panic_nor_contradict_themselves(
        selector in "(a|b|\"c-d\"|1|2.5|'x'|'%'|TRUE|NULL|\\(|\\)|=|<>|<|,|\\+|-|\\*|/| AND | OR \
                     |NOT | IN \\(| LIKE | IS | BETWEEN | ESCAPE |[^\n]){0,14}",
        values in vec("(-?[0-9.]{0,4}|true|x|\\PC{0,5})", 3),
    ) {
        let input = format!("{selector}\na:{}\nb:{}\nc-d:{}", values[0], values[1], values[2]);
        fuzzed::selector_input(input.as_bytes());
    }

    #[test]
    fn s67_heart_beats_agree_seen_from_both_sides(beats in any::<[u32; 4]>()) {
        let ours = HeartBeat { sends_every_ms: beats[0], wants_every_ms: beats[1] };
        let theirs = HeartBeat { sends_every_ms: beats[2], wants_every_ms: beats[3] };
        prop_assert_eq!(HeartBeat::parse(&ours.to_string()), Ok(ours));
        let here = HeartBeat::negotiate(ours, theirs);
        let there = HeartBeat::negotiate(theirs, ours);
        prop_assert_eq!(here.send_every, there.receive_every);
        prop_assert_eq!(here.receive_every, there.send_every);
    }

    #[test]
    fn s64_split_frames_decode_to_the_same(sent in frame(Role::Client), bytes_max in 1..40_usize) {
        let mut octets = Vec::new();
        append_frame(&mut octets, Version::V12, sent.command, &sent.own_headers(), b"text");
        let text = std::str::from_utf8(&octets).expect("text");
        let parts = split_text(text, bytes_max).map(str::as_bytes);
        let mut decoder = Decoder::new(Role::Client);
        decoder.set_version(Version::V12);
        let Outcome { frames, error, .. } = drive(decoder, parts, &Limits::default());
        prop_assert_eq!((frames.len(), error), (1, None));
    }
}
