//! What must hold for every compressed message, tried on many.

#[path = "common/deflated.rs"]
mod deflated;
#[path = "common/reader.rs"]
mod reader;

use campanile_websocket::{Event, Limits, Opcode, WindowBits, frame_header};
use deflated::{compressed, decoder, words, zlib_compressed};
use proptest::{collection::vec, prelude::*, test_runner::FileFailurePersistence};
use reader::read;

fn config() -> ProptestConfig {
    // Failures are reported with their input; files beside the sources are not written.
    let failure_persistence = Some(Box::new(FileFailurePersistence::Off) as _);
    ProptestConfig {
        cases: 96,
        failure_persistence,
        ..ProptestConfig::default()
    }
}

fn window() -> impl Strategy<Value = WindowBits> {
    (9..=15_u8).prop_map(|bits| WindowBits::new(bits).expect("a window"))
}

/// Noise, words, or one octet for long.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..300),
        (0..3_000_usize).prop_map(words),
        (any::<u8>(), 0..50_000_usize).prop_map(|(octet, count)| vec![octet; count]),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_one_side_compresses_the_other_inflates(window in window(), message in payload()) {
        let ours = compressed(window, &message);
        prop_assert!(read(&ours, 1 << window.get()) == Some(message));
    }

    #[test]
    fn messages_come_back_however_they_are_cut(
        window in window(),
        level in 0..=9_u32,
        message in payload(),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
        piece in 1..100_usize,
    ) {
        let limits = Limits {
            frame_bytes_max: 1 << 20,
            message_bytes_max: 1 << 20,
            ..Limits::default()
        };
        let payload = zlib_compressed(window, level, &message);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        places.push(payload.len());
        places.sort_unstable();
        let mut stream = Vec::new();
        let mut from = 0;
        for (index, to) in places.iter().enumerate() {
            let fin = index + 1 == places.len();
            let opcode = if index == 0 { Opcode::Binary } else { Opcode::Continuation };
            let octets = &payload[from..*to];
            stream.extend_from_slice(frame_header(fin, index == 0, opcode, octets.len()).as_ref());
            stream.extend_from_slice(octets);
            from = *to;
        }
        // Twice, so that the second begins where the first has ended.
        stream.extend_from_within(..);
        let mut whole = decoder();
        let mut in_parts = decoder().in_parts();
        let (mut messages, mut joined, mut ends) = (0, Vec::new(), 0);
        for mut rest in stream.clone().chunks_mut(piece) {
            while !rest.is_empty() {
                let decoded = in_parts.decode(rest, &limits).expect("legal");
                let consumed = decoded.consumed;
                if let Some(Event::Binary(data)) = decoded.event {
                    joined.extend_from_slice(data);
                }
                if decoded.is_last {
                    ends += 1;
                    prop_assert!(std::mem::take(&mut joined) == message);
                }
                rest = &mut rest[consumed..];
            }
        }
        prop_assert_eq!(ends, 2);
        for mut rest in stream.chunks_mut(piece) {
            while !rest.is_empty() {
                let decoded = whole.decode(rest, &limits).expect("legal");
                let consumed = decoded.consumed;
                if let Some(Event::Binary(data)) = decoded.event {
                    prop_assert!(data == message);
                    messages += 1;
                }
                rest = &mut rest[consumed..];
            }
        }
        prop_assert_eq!(messages, 2);
    }
}
