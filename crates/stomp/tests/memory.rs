//! What a decoder costs: nothing when idle, and not much more than what has arrived.

use campanile_stomp::{Command, Decoder, Limits, Role, Version, encode};

/// What a decoder may hold besides the frame.
const FIXED_BYTES_MAX: usize = 256;

fn server() -> Decoder {
    let mut decoder = Decoder::new(Role::Server);
    decoder.set_version(Version::V12);
    decoder
}

#[test]
fn a_decoder_is_small_and_can_move_between_threads() {
    fn assert_send<T: Send>() {}
    assert_send::<Decoder>();
    assert!(size_of::<Decoder>() <= 48, "{}", size_of::<Decoder>());
    assert_eq!(Decoder::new(Role::Server).retained_bytes(), 0);
}

#[test]
fn a_whole_frame_is_lent_from_the_input_without_a_copy() {
    let input = encode(
        Version::V12,
        Command::Send,
        &[("destination", "/a")],
        b"hello",
    );
    let place = input.as_ptr_range();
    let mut decoder = server();
    let decoded = decoder.decode(&input, &Limits::default()).expect("legal");
    let frame = decoded.frame.expect("whole");
    assert_eq!(frame.body(), b"hello");
    assert!(place.contains(&frame.body().as_ptr()), "copied");
    let destination = frame.header("destination").expect("given");
    assert!(place.contains(&destination.as_ptr()), "copied");
    assert_eq!(decoder.retained_bytes(), 0);
    assert!(decoder.is_idle());
}

#[test]
fn s82_a_claimed_length_reserves_nothing() {
    let limits = Limits {
        body_bytes_max: 1 << 30,
        frame_bytes_max: 2 << 30,
        ..Limits::default()
    };
    let mut decoder = server();
    let head = b"SEND\ndestination:/a\ncontent-length:1073741824\n\nabc";
    assert_eq!(decoder.decode(head, &limits).expect("legal").frame, None);
    assert!(
        decoder.retained_bytes() <= FIXED_BYTES_MAX,
        "{}",
        decoder.retained_bytes()
    );
    assert!(!decoder.is_idle());
}

#[test]
fn s63_single_octets_cost_little_more_than_they_bring() {
    let limits = Limits::default();
    let body = vec![b'y'; 60_000];
    let counted = encode(Version::V12, Command::Send, &[("destination", "/a")], &body);
    let mut to_nul = b"SEND\ndestination:/a\n\n".to_vec();
    to_nul.extend_from_slice(&body);
    to_nul.push(0);
    for input in [counted, to_nul] {
        let mut decoder = server();
        let (last, before) = input.split_last().expect("not empty");
        for (index, octet) in before.iter().enumerate() {
            let decoded = decoder.decode(std::slice::from_ref(octet), &limits);
            assert_eq!(decoded.expect("legal").frame, None);
            let held = decoder.retained_bytes();
            let allowed = index + 1 + (index + 1) / 4 + FIXED_BYTES_MAX;
            assert!(held <= allowed, "{held} octets for {}", index + 1);
        }
        let decoded = decoder.decode(std::slice::from_ref(last), &limits);
        assert_eq!(
            decoded.expect("legal").frame.expect("whole").body().len(),
            60_000
        );
        assert!(decoder.is_idle(), "a frame that was lent is not unfinished");
        decoder.release();
        assert_eq!(decoder.retained_bytes(), 0);
    }
}

#[test]
fn a_counted_frame_in_small_reads_ends_in_a_buffer_of_its_size() {
    let input = encode(
        Version::V12,
        Command::Send,
        &[("destination", "/a")],
        &[7; 60_000],
    );
    let mut decoder = server();
    let mut frames = 0;
    for piece in input.chunks(1460) {
        frames += usize::from(
            decoder
                .decode(piece, &Limits::default())
                .expect("legal")
                .frame
                .is_some(),
        );
    }
    assert_eq!(frames, 1);
    assert!(decoder.retained_bytes() <= input.len() + FIXED_BYTES_MAX);
    assert_eq!(
        decoder
            .decode(b"\n", &Limits::default())
            .expect("legal")
            .heart_beats,
        1
    );
    assert_eq!(decoder.retained_bytes(), 0, "the next call frees it");
}

#[test]
fn s82_nothing_that_never_ends_is_kept_beyond_the_limits() {
    let limits = Limits::default();
    let endless: [(&[u8], &[u8], &str); 5] = [
        (b"", b"X", "unknown-command"),
        (b"SEND\n", b"a", "too-big"),
        (b"SEND\n", b"a:b\n", "too-big"),
        (b"SEND\na:b\n\n", b"x", "too-big"),
        (
            b"SEND\ncontent-length:99999999999999999999999999\n\n",
            b"x",
            "too-big",
        ),
    ];
    for (start, more, word) in endless {
        let mut decoder = server();
        let mut sent = start.len();
        let mut outcome = decoder.decode(start, &limits).map(|_| ());
        while outcome.is_ok() {
            outcome = decoder.decode(more, &limits).map(|_| ());
            sent += more.len();
            assert!(decoder.retained_bytes() <= limits.frame_bytes_max + FIXED_BYTES_MAX);
            assert!(sent <= limits.frame_bytes_max + 10, "no limit was reached");
        }
        assert_eq!(outcome.map_err(|error| error.word()), Err(word));
        assert_eq!(decoder.retained_bytes(), 0);
    }
}

#[test]
fn s66_heart_beats_cost_nothing() {
    let mut decoder = server();
    for beat in [&b"\n"[..], b"\r\n", b"\n\n\n", b"\r", b"\n", b""] {
        decoder.decode(beat, &Limits::default()).expect("legal");
        assert_eq!(decoder.retained_bytes(), 0);
    }
    assert!(decoder.is_idle());
}
