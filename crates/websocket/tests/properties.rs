//! What must hold for every stream, tried on many.

mod common;

use campanile_websocket::{
    CloseCode, CloseFrame, Decoder, Limits, Opcode, Role, append_frame, encode_close,
    encode_fragments,
};
use common::{
    LIMITS, Outcome, Owned, append_event, drive, drive_parts, fuzzed, passing_on, peer_mask,
};
use proptest::{collection::vec, prelude::*, test_runner::FileFailurePersistence};

fn config() -> ProptestConfig {
    // Failures are reported with their input; files beside the sources are not written.
    let failure_persistence = Some(Box::new(FileFailurePersistence::Off) as _);
    ProptestConfig {
        cases: 128,
        failure_persistence,
        ..ProptestConfig::default()
    }
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..300).prop_map(|characters| characters.into_iter().collect())
}

fn control() -> impl Strategy<Value = Owned> {
    let payload = || vec(any::<u8>(), 0..=125);
    prop_oneof![
        payload().prop_map(Owned::Ping),
        payload().prop_map(Owned::Pong)
    ]
}

fn message() -> impl Strategy<Value = Owned> {
    let binary = prop_oneof![vec(any::<u8>(), 0..300), vec(any::<u8>(), 1900..2048)];
    prop_oneof![text().prop_map(Owned::Text), binary.prop_map(Owned::Binary)]
}

fn close() -> impl Strategy<Value = Owned> {
    let code = prop_oneof![1000..=1003u16, 1007..=1014u16, 3000..=4999u16]
        .prop_map(|code| CloseCode::new(code).expect("a legal code"));
    let frame = (code, "\\PC{0,30}").prop_map(|(code, reason)| CloseFrame { code, reason });
    proptest::option::of(frame).prop_map(Owned::Close)
}

/// A message, where it is cut into fragments, and what comes between them.
type Sent = (Owned, Vec<prop::sample::Index>, Vec<Owned>);

/// A legal stream as sent to `role`, and the events that it amounts to.
fn stream() -> impl Strategy<Value = (Role, Vec<u8>, Vec<Owned>)> {
    let cuts = vec(any::<prop::sample::Index>(), 0..5);
    let sent = (message(), cuts, vec(control(), 0..5));
    let end = proptest::option::of(close());
    (role(), vec(sent, 0..6), end, any::<[u8; 4]>()).prop_map(|(role, messages, end, mask)| {
        let mask = peer_mask(role, mask);
        let mut octets = Vec::new();
        let mut events = Vec::new();
        for sent in &messages {
            append_fragmented(&mut octets, &mut events, sent, mask);
        }
        if let Some(end) = end {
            append_event(&mut octets, &end, mask);
            events.push(end);
        }
        (role, octets, events)
    })
}

fn append_fragmented(
    out: &mut Vec<u8>,
    events: &mut Vec<Owned>,
    (message, cuts, controls): &Sent,
    mask: Option<[u8; 4]>,
) {
    let (first, payload) = match message {
        Owned::Text(text) => (Opcode::Text, text.as_bytes()),
        Owned::Binary(data) => (Opcode::Binary, data.as_slice()),
        other => panic!("{other:?} is no message"),
    };
    let mut ends: Vec<usize> = cuts
        .iter()
        .map(|cut| cut.index(payload.len() + 1))
        .collect();
    ends.sort_unstable();
    ends.push(payload.len());
    let mut controls = controls.iter();
    let mut start = 0;
    for (index, end) in ends.iter().enumerate() {
        let opcode = if index == 0 {
            first
        } else {
            Opcode::Continuation
        };
        let fin = index + 1 == ends.len();
        append_frame(out, fin, opcode, &payload[start..*end], mask);
        start = *end;
        if let Some(control) = controls.next().filter(|_| !fin) {
            append_event(out, control, mask);
            events.push(control.clone());
        }
    }
    events.push(message.clone());
}

/// `octets` cut at `cuts`.
fn pieces<'o>(octets: &'o [u8], cuts: &[prop::sample::Index]) -> Vec<&'o [u8]> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(octets.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(octets.len());
    let mut start = 0;
    let cut = |end: usize| &octets[std::mem::replace(&mut start, end)..end];
    ends.into_iter().map(cut).collect()
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    vec(any::<prop::sample::Index>(), 0..20)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_split_of_a_legal_stream_gives_its_events(
        (role, octets, events) in stream(),
        cuts in cuts(),
    ) {
        let expected = Outcome { events, error: None };
        let limits = Limits::default();
        let split = drive(Decoder::new(role), pieces(&octets, &cuts), &limits);
        prop_assert_eq!(&split, &expected);
        let whole = drive(Decoder::new(role), [octets.as_slice()], &limits);
        prop_assert_eq!(&whole, &expected);
        let single = drive(Decoder::new(role), octets.chunks(1), &limits);
        prop_assert_eq!(&single, &expected);
    }

    #[test]
    fn s20_parts_of_any_split_join_to_the_messages(
        (role, octets, events) in stream(),
        cuts in cuts(),
    ) {
        let expected = Outcome { events, error: None };
        // No message is as short as that, and none is refused for it.
        let limits = Limits { message_bytes_max: 0, ..Limits::default() };
        let split = drive_parts(Decoder::new(role), pieces(&octets, &cuts), &limits);
        prop_assert_eq!(&split, &expected);
        let whole = drive_parts(Decoder::new(role), [octets.as_slice()], &limits);
        prop_assert_eq!(&whole, &expected);
        let single = drive_parts(Decoder::new(role), octets.chunks(1), &limits);
        prop_assert_eq!(&single, &expected);
        let inflated = drive_parts(passing_on(role), pieces(&octets, &cuts), &limits);
        prop_assert_eq!(&inflated, &expected);
    }

    #[test]
    fn s26_fragments_come_back_as_the_message(message in message(), cuts in cuts()) {
        let (opcode, payload) = match &message {
            Owned::Text(text) => (Opcode::Text, text.as_bytes()),
            Owned::Binary(data) => (Opcode::Binary, data.as_slice()),
            other => panic!("{other:?} is no message"),
        };
        let parts = pieces(payload, &cuts);
        let frames = encode_fragments(opcode, &parts);
        let mut one_by_one = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let opcode = if index == 0 { opcode } else { Opcode::Continuation };
            append_frame(&mut one_by_one, index + 1 == parts.len(), opcode, part, None);
        }
        prop_assert_eq!(&frames[..], &one_by_one[..]);
        let outcome = drive(Decoder::new(Role::Client), [&frames[..]], &Limits::default());
        prop_assert_eq!(outcome, Outcome { events: vec![message], error: None });
    }

    #[test]
    fn any_split_of_a_damaged_stream_gives_the_same_events_and_error(
        (role, mut octets, _) in stream(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cuts in cuts(),
        inflates in any::<bool>(),
    ) {
        for (place, octet) in damage {
            if !octets.is_empty() {
                let place = place.index(octets.len());
                octets[place] = octet;
            }
        }
        let decoder = || match inflates {
            true => passing_on(role),
            false => Decoder::new(role),
        };
        let whole = drive(decoder(), [octets.as_slice()], &LIMITS);
        prop_assert_eq!(&drive(decoder(), pieces(&octets, &cuts), &LIMITS), &whole);
        prop_assert_eq!(&drive(decoder(), octets.chunks(1), &LIMITS), &whole);
    }

    #[test]
    fn arbitrary_octets_neither_panic_nor_pass_the_limits(octets in vec(any::<u8>(), 0..600)) {
        fuzzed::decode_input(&octets);
        fuzzed::handshake_input(&octets);
        fuzzed::inflater_input(&octets);
    }

    #[test]
    fn arbitrary_headers_neither_panic_nor_break_the_round_trip(
        line in "[a-c;=,\" \\\\\t]{0,40}",
        value in "\\PC{0,60}",
    ) {
        fuzzed::handshake_input(line.as_bytes());
        let request = format!(
            "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Extensions: {line}\r\nSec-WebSocket-Protocol: {value}\r\n"
        );
        let outcome = fuzzed::handshake_input(request.as_bytes());
        prop_assert!(outcome.server.is_ok() || !value.is_empty() || !line.is_empty());
        let response = format!("HTTP/1.1 {value}\r\n{line}:{value}\r\n\r\n");
        let outcome = fuzzed::handshake_input(response.as_bytes());
        prop_assert!(outcome.client.is_err(), "nothing here proves that the key was seen");
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same_in_both_roles(
        messages in vec(prop_oneof![message(), control()], 0..8),
        role in role(),
        mask in any::<[u8; 4]>(),
    ) {
        let mut octets = Vec::new();
        for message in &messages {
            append_event(&mut octets, message, peer_mask(role, mask));
        }
        let outcome = drive(Decoder::new(role), [octets.as_slice()], &Limits::default());
        prop_assert_eq!(outcome, Outcome { events: messages, error: None });
    }

    #[test]
    fn an_encoded_close_keeps_as_much_of_its_reason_as_fits(reason in text()) {
        let frame = encode_close(CloseCode::NORMAL, &reason);
        let outcome = drive(Decoder::new(Role::Client), [&frame[..]], &Limits::default());
        let [Owned::Close(Some(close))] = outcome.events.as_slice() else {
            return Err(TestCaseError::fail(format!("{outcome:?}")));
        };
        prop_assert!(reason.starts_with(&close.reason));
        prop_assert!(close.reason == reason || close.reason.len() > 119);
    }
}
