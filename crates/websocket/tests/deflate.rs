//! Compressing and inflating (RFC 7692), against zlib's other side, against a reader of compressed
//! data that is written for tests alone, and against data that is put together by hand.

#[path = "common/deflated.rs"]
mod deflated;
#[path = "common/reader.rs"]
mod reader;
#[path = "common/writer.rs"]
mod writer;

use std::sync::Arc;

use campanile_websocket::{
    Compressor, DecodeError, Decoder, Event, InflaterPool, Inflaters, Limits, Opcode, Role,
    WindowBits, append_frame, append_prefix, append_stored, encode_compressed, frame_header,
};
use deflated::{compressed, decoder, words, zlib_compressed};
use flate2::{Compress, Compression, FlushCompress};
use reader::read;
use writer::{back_reference, distance_symbol, stored};

fn windows() -> impl Iterator<Item = WindowBits> {
    (0..=u8::MAX).filter_map(WindowBits::new)
}

/// Inflates the pieces of one message with what the pool lends.
fn inflated(pool: &InflaterPool, pieces: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
    let mut inflater = pool.lend();
    let mut message = Vec::new();
    let mut output = |octets: &[u8]| {
        message.extend_from_slice(octets);
        Ok(())
    };
    for (index, piece) in pieces.iter().enumerate() {
        inflater.inflate(piece, index + 1 == pieces.len(), &mut output)?;
    }
    pool.take_back(inflater);
    Ok(message)
}

#[test]
fn rfc7692_7_2_1_the_compressor_keeps_to_its_window_and_to_nothing_else() {
    for window in windows() {
        let mut compressor = Compressor::new(window);
        assert_eq!(compressor.window(), window);
        // Noise as long as the largest window, and again: only that window reaches back to it.
        let mut seed = 7_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        })
        .take(32_000)
        .collect();
        let far = [noise.as_slice(), &noise].concat();
        for message in [&b""[..], b"a", &words(5_000), &far, &[b'x'; 200_000]] {
            let mut first = b"kept".to_vec();
            compressor
                .compress(message, &mut first)
                .expect("compressed");
            let first = first.strip_prefix(b"kept").expect("appended");
            assert!(
                read(first, 1 << window.get()).as_deref() == Some(message),
                "{window:?}"
            );
            let mut second = Vec::new();
            compressor
                .compress(message, &mut second)
                .expect("compressed");
            assert!(first == second, "{window:?}: a context was taken over");
        }
        let words = words(1_000);
        assert!(compressed(window, &words).len() < words.len() / 2);
    }
}

#[test]
fn rfc7692_7_2_3_examples() {
    let pool = InflaterPool::new();
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let two_blocks = [
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff][..],
        &[0xca, 0xc9, 0xc9, 0x07, 0x00],
    ]
    .concat();
    let cases: [(&[u8], &[u8]); 8] = [
        (&hello, b"Hello"),
        // 7.2.3.3: without compression.
        (b"\x00\x05\x00\xfa\xffHello\x00", b"Hello"),
        // 7.2.3.4: a block with BFINAL; what follows it is the empty block.
        (&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], b"Hello"),
        // The same without the empty block, which some leave out.
        (&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], b"Hello"),
        // 7.2.3.5: two blocks, the second of which refers to the first.
        (&two_blocks, b"Hello"),
        // 7.2.3.6: an empty message, by the book and by omission.
        (&[0x00], b""),
        (&[], b""),
        // An empty block with BFINAL, of which the rest is left out as from any other.
        (&[0x01], b""),
    ];
    for (compressed, message) in cases {
        // Several times, so that nothing is left behind by the one before.
        for _ in 0..3 {
            let whole = inflated(&pool, &[compressed]);
            assert_eq!(whole.as_deref(), Ok(message), "{compressed:x?}");
            let octets: Vec<&[u8]> = compressed.chunks(1).chain([&b""[..]]).collect();
            let apart = inflated(&pool, &octets);
            assert_eq!(apart.as_deref(), Ok(message), "{compressed:x?} in octets");
        }
    }
}

#[test]
fn item_40_blocks_with_bfinal_may_be_followed_by_more() {
    let pool = InflaterPool::new();
    let last = |message: &[u8]| {
        let mut state = Compress::new(Compression::new(6), false);
        let mut output = Vec::with_capacity(message.len() + 100);
        let done = state.compress_vec(message, &mut output, FlushCompress::Finish);
        done.expect("compressed");
        output
    };
    let blocks = [
        last(b"one "),
        last(b"two "),
        compressed(WindowBits::MAX, b"three"),
    ]
    .concat();
    for _ in 0..2 {
        let whole = inflated(&pool, &[&blocks]);
        assert_eq!(whole.as_deref(), Ok(&b"one two three"[..]));
    }
}

#[test]
fn item_37_garbage_and_messages_that_stop_within_a_block_fail() {
    let pool = InflaterPool::new();
    let words = words(200);
    let whole = compressed(WindowBits::MAX, &words);
    let fails = |octets: &[u8]| {
        let outcome = inflated(&pool, &[octets]);
        assert_eq!(outcome, Err(DecodeError::InflateFailed), "{octets:x?}");
    };
    for length in 1..whole.len() - 1 {
        fails(&whole[..length]);
    }
    fails(b"\xff\xff\xff\xff");
    fails(b"\x07");
    fails(b"\x00\x05\x00\xfa\xfeHello\x00");
    fails(b"\x00\x05\x00\xfa\xffHell");
    fails(&[whole.as_slice(), b"garbage"].concat());
    // What fails does not spoil what is lent next.
    assert_eq!(inflated(&pool, &[&whole]), Ok(words));
}

#[test]
fn item_41_distances_beyond_the_window_or_before_the_message_fail() {
    let pool = InflaterPool::new();
    let words = words(10_000)[..40_000].to_vec();
    let fails = |octets: &[u8]| {
        let outcome = inflated(&pool, &[octets]);
        assert_eq!(outcome, Err(DecodeError::InflateFailed));
    };
    // As far as the window reaches, to the octet.
    let farthest = [stored(&words), back_reference(32_768)].concat();
    let expected = [words.as_slice(), &words[40_000 - 32_768..][..3]].concat();
    assert!(inflated(&pool, &[&farthest]) == Ok(expected));
    // What lies beyond has no symbol: 30 and 31 are reserved (RFC 1951 3.2.6).
    for symbol in [30, 31] {
        fails(&[stored(&words), distance_symbol(symbol)].concat());
    }
    // Nothing before the first octet of the message, whatever came before it.
    let before = [stored(&words), vec![0]].concat();
    for length in [1, 5, 200, 5_000, 30_000] {
        assert!(inflated(&pool, &[&before]).as_ref() == Ok(&words));
        let start = stored(&words[..length]);
        let legal = [start.as_slice(), &back_reference(length)].concat();
        assert!(inflated(&pool, &[&legal]).is_ok());
        fails(&[start.as_slice(), &back_reference(length + 1)].concat());
        let (first, second) = (start.as_slice(), back_reference(length + 1));
        assert!(inflated(&pool, &[first, &second]).is_err());
    }
    fails(&back_reference(1));
}

#[test]
fn item_36_a_bomb_is_stopped_while_it_is_inflated() {
    let limits = Limits::default();
    let bomb = zlib_compressed(WindowBits::MAX, 9, &vec![0; 200 << 20]);
    assert!(bomb.len() < 256 << 10);
    let mut decoder = decoder();
    let mut given = 0;
    let head = frame_header(true, true, Opcode::Binary, 60_000);
    let mut octets = head.as_ref().to_vec();
    octets.extend_from_slice(&bomb[..60_000]);
    let message_bytes_max = limits.message_bytes_max;
    let error = octets.chunks_mut(64).find_map(|piece| {
        let before = decoder.retained_bytes();
        match decoder.decode(piece, &limits) {
            Ok(decoded) => {
                given += decoded.inflated_bytes;
                None
            }
            Err(error) => Some((error, before)),
        }
    });
    let (error, held) = error.expect("too long");
    assert_eq!(error, DecodeError::MessageTooBig { message_bytes_max });
    assert!(given <= message_bytes_max && held <= message_bytes_max + 512);
}

#[test]
fn a_message_of_just_the_limit_is_legal_and_one_octet_more_is_not() {
    let limits = Limits {
        message_bytes_max: 10_000,
        ..Limits::default()
    };
    for (length, legal) in [(10_000, true), (10_001, false)] {
        for opcode in [Opcode::Text, Opcode::Binary] {
            let message = vec![b'a'; length];
            let mut decoder = decoder();
            let payload = compressed(WindowBits::MAX, &message);
            let mut frame = encode_compressed(opcode, &payload).to_vec();
            let decoded = decoder.decode(&mut frame, &limits);
            assert_eq!(decoded.is_ok(), legal, "{length}");
            if let Ok(decoded) = decoded {
                assert_eq!(decoded.inflated_bytes, length);
            }
        }
    }
}

#[test]
fn what_cannot_be_compressed_is_legal_up_to_the_limit_of_messages() {
    let limits = Limits::default();
    let mut seed = 3_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    })
    .take(limits.message_bytes_max)
    .collect();
    for level in [1, 6, 9] {
        let payload = zlib_compressed(WindowBits::MAX, level, &noise);
        assert!(payload.len() > limits.frame_bytes_max);
        let mut frame = encode_compressed(Opcode::Binary, &payload).to_vec();
        let mut decoder = decoder();
        let decoded = decoder.decode(&mut frame, &limits).expect("legal");
        assert!(decoded.event == Some(Event::Binary(&noise)));
    }
    let head = frame_header(true, true, Opcode::Binary, limits.frame_bytes_max * 2);
    let mut decoder = decoder();
    let mut head = head.as_ref().to_vec();
    let error = decoder.decode(&mut head, &limits);
    let frame_bytes_max = limits.frame_bytes_max;
    assert_eq!(error, Err(DecodeError::FrameTooBig { frame_bytes_max }));
}

#[test]
fn item_39_bad_text_fails_while_it_is_inflated() {
    let limits = Limits::default();
    let mut text = words(2_000);
    text[5_000] = 0xff;
    let payload = compressed(WindowBits::MAX, &text);
    let mut head = frame_header(true, true, Opcode::Text, payload.len())
        .as_ref()
        .to_vec();
    head.extend_from_slice(&payload[..payload.len() - 20]);
    let mut one = decoder();
    let outcome = one.decode(&mut head, &limits);
    assert_eq!(outcome, Err(DecodeError::TextNotUtf8));
    // Within a character at the end.
    let payload = compressed(WindowBits::MAX, b"gr\xc3");
    let mut frame = encode_compressed(Opcode::Text, &payload).to_vec();
    let mut other = decoder();
    let outcome = other.decode(&mut frame, &limits);
    assert_eq!(outcome, Err(DecodeError::TextNotUtf8));
}

#[test]
fn a_prefix_of_ones_own_goes_before_a_body_that_all_share() {
    let limits = Limits {
        message_bytes_max: 1 << 20,
        frame_bytes_max: 1 << 20,
        ..Limits::default()
    };
    let long = words(30_000);
    let mut small = Vec::new();
    append_stored(&mut small, b"small");
    let mut nothing = Vec::new();
    append_stored(&mut nothing, b"");
    let mut large = Vec::new();
    append_stored(&mut large, &long);
    for window in windows() {
        let shared = compressed(window, &long);
        for (body, plain) in [
            (&shared, long.as_slice()),
            (&small, b"small"),
            (&nothing, b""),
            (&large, &long),
        ] {
            for prefix in [
                &b""[..],
                b"subscription:7\n",
                &long,
                &long[..65_535],
                &long[..65_536],
            ] {
                let mut frame = Vec::new();
                append_prefix(&mut frame, Opcode::Binary, prefix, body.len());
                frame.extend_from_slice(body);
                let expected = [prefix, plain].concat();
                let mut decoder = decoder();
                let decoded = decoder.decode(&mut frame, &limits).expect("legal");
                assert!(
                    decoded.event == Some(Event::Binary(&expected)),
                    "{window:?}"
                );
            }
        }
    }
}

#[test]
fn an_inflater_is_on_loan_only_from_the_first_octet_of_a_message_to_the_last() {
    let limits = Limits::default();
    let pool = Arc::new(InflaterPool::new());
    let window = WindowBits::MAX;
    let mut decoder = Decoder::new(Role::Client).with_inflaters(Arc::clone(&pool) as _);
    let spares = |expected: usize| {
        assert_eq!(
            format!("{pool:?}"),
            format!("InflaterPool {{ spares: {expected} }}")
        );
    };
    let payload = compressed(window, b"hello");
    let first = |octets: &[u8]| {
        let mut frame = frame_header(false, true, Opcode::Text, octets.len())
            .as_ref()
            .to_vec();
        frame.extend_from_slice(octets);
        frame
    };
    let mut whole = encode_compressed(Opcode::Text, &payload).to_vec();
    decoder.decode(&mut whole.clone(), &limits).expect("legal");
    spares(1);
    // An empty first frame needs none.
    decoder.decode(&mut first(b""), &limits).expect("legal");
    spares(1);
    let mut more = Vec::new();
    append_frame(&mut more, false, Opcode::Continuation, &payload[..2], None);
    decoder.decode(&mut more, &limits).expect("legal");
    spares(0);
    let mut last = Vec::new();
    append_frame(&mut last, true, Opcode::Continuation, &payload[2..], None);
    let decoded = decoder.decode(&mut last, &limits).expect("legal");
    assert_eq!(decoded.event, Some(Event::Text("hello")));
    spares(1);
    decoder.release();
    assert_eq!(decoder.retained_bytes(), 0);
    // One that failed does not come back.
    let mut garbage = encode_compressed(Opcode::Text, b"\xff").to_vec();
    decoder.decode(&mut garbage, &limits).expect_err("garbage");
    spares(0);
    for _ in 0..3 {
        let inflaters: Vec<_> = (0..5).map(|_| pool.lend()).collect();
        inflaters
            .into_iter()
            .for_each(|inflater| pool.take_back(inflater));
        spares(2);
    }
    pool.shrink();
    spares(0);
    let mut other = self::decoder();
    other.decode(&mut whole, &limits).expect("legal");
}
