//! What a decoder costs: nothing when idle, and not much more than what has arrived.

#[path = "common/deflated.rs"]
#[expect(dead_code, reason = "each test uses its part")]
mod deflated;

use campanile_websocket::{
    Decoder, Event, Limits, Opcode, Role, WindowBits, append_frame, frame_header,
};

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
    assert_eq!(size_of::<Decoder>(), 48, "giving parts costs nothing");
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

/// The longest part that is kept, with what its buffer has to spare.
const PART_HELD_BYTES_MAX: usize = 96 * 1024;

/// What a message amounted to that came in parts.
#[derive(Debug, Default)]
struct Seen {
    bytes: usize,
    parts: usize,
    ends: usize,
    part_bytes_max: usize,
    held_bytes_max: usize,
}

fn see(decoder: &mut Decoder, mut input: &mut [u8], limits: &Limits, seen: &mut Seen) {
    while !input.is_empty() {
        let decoded = decoder.decode(input, limits).expect("legal");
        let consumed = decoded.consumed;
        seen.ends += usize::from(decoded.is_last);
        let part_bytes = match decoded.event {
            Some(Event::Text(text)) => Some(text.len()),
            Some(Event::Binary(data)) => Some(data.len()),
            _ => None,
        };
        if let Some(bytes) = part_bytes {
            seen.bytes += bytes;
            seen.parts += 1;
            seen.part_bytes_max = seen.part_bytes_max.max(bytes);
        }
        seen.held_bytes_max = seen.held_bytes_max.max(decoder.retained_bytes());
        input = &mut input[consumed..];
    }
}

#[test]
fn s20_a_message_of_64_mib_in_parts_is_never_held() {
    const MESSAGE_BYTES: usize = 64 << 20;
    let limits = Limits {
        frame_bytes_max: MESSAGE_BYTES,
        ..Limits::default()
    };
    // One frame of it, and one for each 64 KiB.
    for frame_bytes in [MESSAGE_BYTES, 64 << 10] {
        let mut decoder = Decoder::new(Role::Server).in_parts();
        let mut seen = Seen::default();
        for start in (0..MESSAGE_BYTES).step_by(frame_bytes) {
            let opcode = match start {
                0 => Opcode::Binary,
                _ => Opcode::Continuation,
            };
            let fin = start + frame_bytes == MESSAGE_BYTES;
            let header = frame_header(fin, false, opcode, frame_bytes);
            let mut head = header.as_ref().to_vec();
            head[1] |= 0x80;
            head.extend_from_slice(&MASK);
            see(&mut decoder, &mut head, &limits, &mut seen);
            let mut piece = vec![0; 16 << 10];
            for _ in 0..frame_bytes / piece.len() {
                see(&mut decoder, &mut piece, &limits, &mut seen);
            }
        }
        assert_eq!((seen.bytes, seen.ends), (MESSAGE_BYTES, 1), "{seen:?}");
        assert!(seen.held_bytes_max <= FIXED_BYTES_MAX, "{seen:?}");
        assert_eq!(decoder.retained_bytes(), 0);
    }
}

#[test]
fn s193_a_long_frame_of_text_in_parts_keeps_no_more_than_a_part() {
    let limits = Limits {
        frame_bytes_max: 1 << 20,
        ..Limits::default()
    };
    // The network cuts within a character, then all the rest is there.
    let mut input = frame(true, Opcode::Text, "é".repeat(200_000).as_bytes());
    let (begin, rest) = input.split_at_mut(15);
    let mut decoder = Decoder::new(Role::Server).in_parts();
    let mut seen = Seen::default();
    see(&mut decoder, begin, &limits, &mut seen);
    assert!(decoder.retained_bytes() <= FIXED_BYTES_MAX);
    see(&mut decoder, rest, &limits, &mut seen);
    assert_eq!((seen.bytes, seen.ends), (400_000, 1), "{seen:?}");
    assert!(seen.held_bytes_max <= PART_HELD_BYTES_MAX, "{seen:?}");
}

#[test]
fn s193_a_deflate_bomb_in_parts_bursts_in_small_ones() {
    let limits = Limits::default();
    let zeros = vec![0; 32 << 20];
    for level in [1, 9] {
        let payload = deflated::zlib_compressed(WindowBits::MAX, level, &zeros);
        for opcode in [Opcode::Binary, Opcode::Text] {
            let header = frame_header(true, true, opcode, payload.len());
            let mut input = [header.as_ref(), payload.as_slice()].concat();
            let limits = Limits {
                frame_bytes_max: payload.len(),
                ..limits
            };
            let mut decoder = deflated::decoder().in_parts();
            let mut seen = Seen::default();
            see(&mut decoder, &mut input, &limits, &mut seen);
            assert_eq!((seen.bytes, seen.ends), (zeros.len(), 1), "{seen:?}");
            assert!(seen.part_bytes_max <= 72 * 1024, "{seen:?}");
            assert!(seen.held_bytes_max <= PART_HELD_BYTES_MAX, "{seen:?}");
            decoder.release();
            assert_eq!(decoder.retained_bytes(), 0);
        }
    }
}
