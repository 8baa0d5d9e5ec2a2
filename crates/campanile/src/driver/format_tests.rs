//! Tests of what is compressed, and for whom.

use std::io::IoSlice;
use std::sync::atomic::Ordering;

use campanile_hub::{
    Attributes, Destination, Ending, Message, Moment, NewSession, OutboxPolicy, PathParameters,
    Sink, Slot, Ticket, Written,
};
use campanile_websocket::{Decoder, Event, InflaterPool, Limits, Role};

use super::*;
use crate::endpoint::{COMPRESSED_BYTES_MAX, COMPRESSED_BYTES_MIN};

fn deflating(bytes_min: usize, shards: usize) -> WebSocketFormat {
    let governor = Arc::new(Governor::new(shards));
    let deflating = Deflating::new(WindowBits::MAX, bytes_min, governor, Instant::now());
    WebSocketFormat {
        deflating: Some(deflating),
    }
}

/// Whether a frame is compressed; it must say what the content says.
fn is_compressed(frame: &Bytes, content: &Content) -> bool {
    let limits = Limits {
        frame_bytes_max: 8 << 20,
        message_bytes_max: 8 << 20,
        ..Limits::default()
    };
    let pool = Arc::new(InflaterPool::new());
    let mut decoder = Decoder::new(Role::Client).with_inflaters(pool);
    let mut octets = frame.to_vec();
    let decoded = decoder.decode(&mut octets, &limits).expect("a legal frame");
    assert_eq!(decoded.consumed, frame.len());
    match (decoded.event, content) {
        (Some(Event::Text(text)), Content::Text(_)) => assert!(text.as_bytes() == content.bytes()),
        (Some(Event::Binary(data)), Content::Binary(bytes)) => assert!(data == bytes),
        _ => panic!("a message of another kind"),
    }
    frame[0] & 0x40 != 0
}

#[test]
fn rfc7692_what_gains_is_compressed_and_all_else_goes_out_as_it_is() {
    let format = deflating(COMPRESSED_BYTES_MIN, 64);
    let json = |length: usize| Content::text("{\"price\":1} ".repeat(length)[..length].to_owned());
    let mut seed = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    })
    .take(4_000)
    .collect();
    for (content, compressed) in [
        (Content::text(""), false),
        (json(COMPRESSED_BYTES_MIN - 1), false),
        (json(COMPRESSED_BYTES_MIN), true),
        (json(70_000), true),
        (json(COMPRESSED_BYTES_MAX), true),
        (json(COMPRESSED_BYTES_MAX + 1), false),
        (Content::binary(json(500).bytes().clone()), true),
        (Content::binary(noise), false),
    ] {
        let frame = format.encode_content(&content);
        let length = content.bytes().len();
        assert_eq!(
            is_compressed(&frame, &content),
            compressed,
            "{length} bytes"
        );
        assert!(!compressed || frame.len() < length);
        // Nothing is left over from the message before.
        assert_eq!(format.encode_content(&content), frame);
    }
    let idle = format.deflating.map_or(0, |deflating| deflating.idle());
    assert_eq!(idle, 1);
}

#[test]
fn a_governor_without_time_to_spend_turns_compression_off() {
    let format = deflating(0, 0);
    let content = Content::text("x".repeat(10_000));
    assert!(!is_compressed(&format.encode_content(&content), &content));
}

fn hub() -> Hub {
    let (hub, _shards) = Hub::new(vec![Arc::new(|| {})]).expect("a hub");
    hub
}

#[test]
fn formats_are_shared_by_endpoints_with_the_same_setting() {
    let hub = hub();
    let mut formats = WebSocketFormats::new(&hub, 1).expect("room");
    let mut of = |compression| formats.of(compression).expect("room");
    let (one, other) = (of(Compression::From(100)), of(Compression::From(100)));
    let later = of(Compression::From(1_000));
    let off = of(Compression::Off);
    let small = WindowBits::MIN;
    let format = one.compressed(small);
    assert!(format.is_some());
    assert_eq!(one.compressed(small), format);
    assert_eq!(other.compressed(small), format);
    assert_ne!(one.compressed(WindowBits::MAX), format);
    assert_ne!(later.compressed(small), format);
    assert_eq!(off.compressed(small), None);
    assert!(one.plain == off.plain && Some(one.plain) != format);
}

#[test]
fn four_different_lengths_have_room_for_every_window() {
    let hub = hub();
    let mut formats = WebSocketFormats::new(&hub, 1).expect("room");
    for bytes_min in 0..4 {
        let of = formats.of(Compression::From(bytes_min)).expect("room");
        for window in (0..=u8::MAX).filter_map(WindowBits::new) {
            assert!(of.compressed(window).is_some());
        }
    }
    assert!(formats.of(Compression::From(4)).is_err());
    assert!(formats.of(Compression::From(3)).is_ok());
    assert!(formats.of(Compression::Off).is_ok());
}

/// Takes everything and counts it.
#[derive(Default)]
struct Taken {
    writes: usize,
}

impl Sink for Taken {
    fn write(&mut self, _: Slot, buffers: &[IoSlice<'_>]) -> Written {
        self.writes += 1;
        Written::Bytes(buffers.iter().map(|buffer| buffer.len()).sum())
    }

    fn end(&mut self, _: Slot, _: Ending) {}

    fn dropped(&mut self, _: Slot, _: u32) {}

    fn settled(&mut self, _: Ticket) {}
}

fn session(format: FormatId) -> NewSession {
    let address = ([127, 0, 0, 1], 1).into();
    NewSession {
        endpoint: Destination::endpoint("/quotes"),
        format,
        outbox: OutboxPolicy::default(),
        timeouts: campanile_hub::Timeouts::default(),
        principal: None,
        path_parameters: PathParameters::default(),
        uri: "/quotes".into(),
        protocol: None,
        extensions: None,
        transport: campanile_hub::TransportKind::default(),
        is_secure: false,
        remote_address: address,
        local_address: address,
        attributes: Attributes::default(),
    }
}

#[test]
fn a_publication_is_compressed_once_for_each_window_on_all_shards_together() {
    const SESSIONS: usize = 60;
    const PUBLICATIONS: u64 = 5;
    let (hub, mut shards) = Hub::new(vec![Arc::new(|| {}), Arc::new(|| {})]).expect("a hub");
    let mut formats = WebSocketFormats::new(&hub, 2).expect("room");
    let of = formats.of(Compression::From(128)).expect("room");
    let small = of.compressed(WindowBits::MIN).expect("room");
    let large = of.compressed(WindowBits::MAX).expect("room");
    for number in 0..SESSIONS {
        let format = [of.plain, small, large][number / 2 % 3];
        let opened = shards[number % 2]
            .open(session(format), Moment::default())
            .finished();
        opened.expect("room for a session");
    }
    for number in 0..PUBLICATIONS {
        let text = format!("{number} {}", "the same again ".repeat(40));
        let published = hub.publish(Destination::endpoint("/quotes"), Message::text(text));
        published.finished().expect("room for a publication");
    }
    let mut taken = Taken::default();
    for shard in &mut shards {
        shard.pump(&mut taken, Moment::default());
    }
    assert_eq!(taken.writes, SESSIONS);
    let compressions = formats.governor.compressions.load(Ordering::Relaxed);
    assert_eq!(compressions, 2 * PUBLICATIONS);
}
