//! What a decoder costs: nothing when idle, and not much more than what has arrived.

use campanile_websocket::{Decoder, Event, Limits, Opcode, Role, append_frame};

const MASK: [u8; 4] = [9, 8, 7, 6];

/// What a decoder may hold besides the payload.
const FIXED_BYTES_MAX: usize = 512;

fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    append_frame(&mut out, fin, opcode, payload, Some(MASK));
    out
}

#[test]
fn a_decoder_is_small_and_can_move_between_threads() {
    fn assert_send<T: Send>() {}
    assert_send::<Decoder>();
    assert!(size_of::<Decoder>() <= 64, "{}", size_of::<Decoder>());
    assert_eq!(Decoder::new(Role::Server).retained_bytes(), 0);
}

#[test]
fn a_whole_message_is_lent_from_the_input_without_a_copy() {
    let mut input = frame(true, Opcode::Text, b"hello");
    let place = input.as_ptr_range();
    let mut decoder = Decoder::new(Role::Server);
    let decoded = decoder
        .decode(&mut input, &Limits::default())
        .expect("legal");
    let Some(Event::Text(text)) = decoded.event else {
        panic!("no text")
    };
    assert_eq!(text, "hello");
    assert!(place.contains(&text.as_ptr()), "copied");
    assert_eq!(decoder.retained_bytes(), 0);
}

#[test]
fn a_claimed_length_reserves_nothing() {
    let limits = Limits {
        frame_bytes_max: 1 << 30,
        message_bytes_max: 1 << 30,
        fragments_max: 1,
    };
    let mut decoder = Decoder::new(Role::Server);
    let mut head = b"\x82\xff\0\0\0\0\x40\0\0\0\x01\x02\x03\x04abc".to_vec();
    assert_eq!(
        decoder.decode(&mut head, &limits).expect("legal").event,
        None
    );
    assert!(
        decoder.retained_bytes() <= FIXED_BYTES_MAX,
        "{}",
        decoder.retained_bytes()
    );
    assert!(!decoder.is_idle());
}

#[test]
fn one_octet_fragments_cost_little_more_than_they_bring() {
    let limits = Limits {
        fragments_max: 1 << 20,
        ..Limits::default()
    };
    for opcode in [Opcode::Binary, Opcode::Text] {
        let mut decoder = Decoder::new(Role::Server);
        let mut first = frame(false, opcode, b"x");
        decoder.decode(&mut first, &limits).expect("legal");
        for count in 2..=limits.message_bytes_max {
            let mut next = frame(false, Opcode::Continuation, b"x");
            decoder.decode(&mut next, &limits).expect("legal");
            let held = decoder.retained_bytes();
            let allowed = (count + count / 4).min(limits.message_bytes_max) + FIXED_BYTES_MAX;
            assert!(held <= allowed, "{held} octets for {count}");
        }
    }
}

#[test]
fn a_large_frame_in_small_reads_ends_in_a_buffer_of_its_size() {
    let limits = Limits::default();
    for opcode in [Opcode::Binary, Opcode::Text] {
        let payload = vec![b'y'; 60_000];
        let mut input = frame(true, opcode, &payload);
        let mut decoder = Decoder::new(Role::Server);
        let mut lengths = Vec::new();
        for piece in input.chunks_mut(1460) {
            let decoded = decoder.decode(piece, &limits).expect("legal");
            match decoded.event {
                Some(Event::Binary(data)) => lengths.push(data.len()),
                Some(Event::Text(text)) => lengths.push(text.len()),
                _ => {}
            }
        }
        assert_eq!(lengths, [60_000]);
        assert!(decoder.retained_bytes() <= 60_000 + FIXED_BYTES_MAX);
        assert!(
            decoder.is_idle(),
            "a message that was lent is not unfinished"
        );
        decoder.release();
        assert_eq!(decoder.retained_bytes(), 0);
    }
}

#[test]
fn a_control_frame_between_fragments_is_freed_and_the_message_kept() {
    let limits = Limits::default();
    let mut decoder = Decoder::new(Role::Server);
    decoder
        .decode(&mut frame(false, Opcode::Text, b"ab"), &limits)
        .expect("legal");
    let ping = frame(true, Opcode::Ping, &[7; 125]);
    let (mut head, mut tail) = (ping[..50].to_vec(), ping[50..].to_vec());
    assert_eq!(
        decoder.decode(&mut head, &limits).expect("legal").event,
        None
    );
    let decoded = decoder.decode(&mut tail, &limits).expect("legal");
    assert_eq!(decoded.event, Some(Event::Ping(&[7; 125])));
    let before = decoder.retained_bytes();
    decoder.release();
    assert!(decoder.retained_bytes() < before);
    assert!(!decoder.is_idle());
    let mut last = frame(true, Opcode::Continuation, b"c");
    let decoded = decoder.decode(&mut last, &limits).expect("legal");
    assert_eq!(decoded.event, Some(Event::Text("abc")));
}
