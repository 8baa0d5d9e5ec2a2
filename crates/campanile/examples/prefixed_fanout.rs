//! What a prefix of each subscriber's own costs in the fan-out, plain and compressed.
//!
//! Four formats on one hub: frames that all share, frames that begin with a header of the
//! subscriber's own (as STOMP's `subscription` is one), and both with permessage-deflate, where the
//! prefix goes out as a block without compression and the rest is compressed once. The transport
//! takes everything and does nothing, so what is shown is the hub's and the formats' own work.
//!
//! ```text
//! cargo run --release -p campanile --example prefixed_fanout
//! ```

use std::cell::RefCell;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use campanile_hub::{
    Attributes, Content, Destination, Ending, Format, Hub, Message, Moment, NewSession,
    OutboxPolicy, Outcome, PathParameters, Publication, Sink, Slot, Ticket, Wake, Written,
};
use campanile_websocket::{
    Compressor, Opcode, WindowBits, append_prefix, encode_compressed, encode_text, frame_header,
};

const SUBSCRIBERS: usize = 2_000;
const PASSES: usize = 300;
const BATCH: usize = 16;

/// A transport that takes everything.
#[derive(Default)]
struct Nowhere {
    bytes: usize,
}

impl Sink for Nowhere {
    fn write(&mut self, _: Slot, buffers: &[IoSlice<'_>]) -> Written {
        let bytes = buffers.iter().map(|buffer| buffer.len()).sum();
        self.bytes += bytes;
        Written::Bytes(bytes)
    }

    fn end(&mut self, _: Slot, _: Ending) {}

    fn dropped(&mut self, _: Slot, _: u32) {}

    fn settled(&mut self, _: Ticket) {}
}

/// WebSocket text frames.
struct Frames {
    is_prefixed: bool,
    is_compressed: bool,
}

thread_local! {
    static COMPRESSOR: RefCell<Compressor> = RefCell::new(Compressor::new(WindowBits::MAX));
}

fn compress(text: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    COMPRESSOR
        .with_borrow_mut(|compressor| compressor.compress(text, &mut body))
        .expect("a text can be compressed");
    body
}

impl Format for Frames {
    fn encode_content(&self, content: &Content) -> Bytes {
        let text = content.bytes();
        match (self.is_prefixed, self.is_compressed) {
            (false, false) => encode_text(std::str::from_utf8(text).unwrap_or_default()),
            (false, true) => encode_compressed(Opcode::Text, &compress(text)),
            (true, false) => text.clone(),
            (true, true) => compress(text).into(),
        }
    }

    fn prefix(&self, _: &Publication, label: &str, shared: &[u8], out: &mut Vec<u8>) {
        if self.is_compressed {
            append_prefix(out, Opcode::Text, label.as_bytes(), shared.len());
        } else {
            let length = label.len() + shared.len();
            out.extend_from_slice(frame_header(true, false, Opcode::Text, length).as_ref());
            out.extend_from_slice(label.as_bytes());
        }
    }

    fn prefix_end<'a>(&self, label: &'a str) -> Option<&'a [u8]> {
        Some(label.as_bytes())
    }

    fn has_prefix(&self) -> bool {
        self.is_prefixed
    }

    fn close(&self, _: u16, _: &str) -> Option<Bytes> {
        None
    }
}

fn main() {
    println!("{SUBSCRIBERS} subscribers, {BATCH} publications a pass, {PASSES} passes\n");
    println!("format                  ns a delivery  bytes a delivery");
    for (name, is_prefixed, is_compressed) in [
        ("shared", false, false),
        ("shared, compressed", false, true),
        ("prefixed", true, false),
        ("prefixed, compressed", true, true),
    ] {
        let (nanos, bytes) = measure(Frames {
            is_prefixed,
            is_compressed,
        });
        println!("{name:22}  {nanos:13.1}  {bytes:16.1}");
    }
}

/// Nanoseconds and bytes a delivery.
fn measure(frames: Frames) -> (f64, f64) {
    let wake: Wake = Arc::new(|| ());
    let (hub, mut shards) = Hub::new(vec![wake]).expect("one shard is few enough");
    let format = hub.register(Arc::new(frames)).expect("the first format");
    let shard = &mut shards[0];
    let address = ([127, 0, 0, 1], 1).into();
    for number in 0..SUBSCRIBERS {
        let new = NewSession {
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
        };
        let (slot, _) = shard
            .open(new, Moment::default())
            .finished()
            .expect("room for a session");
        let label = format!("MESSAGE\nsubscription:sub-{number}\n");
        let joined = shard.subscribe(slot, Destination::named("/topic/quotes"), &label);
        assert!(matches!(joined, Outcome::Done(_)));
    }
    let mut nowhere = Nowhere::default();
    let started = Instant::now();
    for pass in 0..PASSES {
        for number in 0..BATCH {
            let quote = format!(
                "{{\"symbol\":\"ACME{number}\",\"bid\":{pass}.25,\"ask\":{pass}.50,\"bid_size\":1200,\
                 \"ask_size\":900,\"venue\":\"XZRH\",\"currency\":\"CHF\",\"halted\":false}}"
            );
            let published = hub.publish(Destination::named("/topic/quotes"), Message::text(quote));
            published.finished().expect("room for a publication");
        }
        shard.pump(&mut nowhere, Moment::default());
    }
    let deliveries = (SUBSCRIBERS * PASSES * BATCH) as f64;
    (
        started.elapsed().as_nanos() as f64 / deliveries,
        nowhere.bytes as f64 / deliveries,
    )
}
