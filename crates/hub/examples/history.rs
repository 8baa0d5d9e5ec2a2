//! What a history adds to the cost of publishing, to be run under `perf stat -e instructions:u` or
//! callgrind: the difference between two numbers of publications is what those take.
//!
//! `cargo run --release -p campanile-hub --example history -- SUBSCRIBERS PUBLICATIONS [keep]`

use std::hint::black_box;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;
use campanile_hub::{
    Attributes, Content, Destination, Ending, Format, HistoryLimits, HistoryScope, Hub, Message,
    Moment, NewSession, OutboxPolicy, PathParameters, Pattern, Publication, Separator, Sink, Slot,
    Ticket, Timeouts, Written,
};

/// Each subscriber's own label, and the content as it is.
struct Labelled;

impl Format for Labelled {
    fn encode_content(&self, content: &Content) -> Bytes {
        content.bytes().clone()
    }

    fn prefix(&self, _: &Publication, label: &str, _: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(label.as_bytes());
    }

    fn prefix_end<'a>(&self, label: &'a str) -> Option<&'a [u8]> {
        Some(label.as_bytes())
    }

    fn has_prefix(&self) -> bool {
        true
    }

    fn close(&self, _: u16, _: &str) -> Option<Bytes> {
        None
    }
}

/// A transport that takes everything.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _: Slot, buffers: &[IoSlice<'_>]) -> Written {
        Written::Bytes(black_box(buffers).iter().map(|part| part.len()).sum())
    }

    fn end(&mut self, _: Slot, _: Ending) {}

    fn dropped(&mut self, _: Slot, _: u32) {}

    fn settled(&mut self, _: Ticket) {}
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().and_then(|one| one.parse().ok());
    let (subscribers, publications) = (number().unwrap_or(100), number().unwrap_or(10_000));
    let keeps = arguments.next().is_some();
    let (hub, mut shards) = Hub::new(vec![Arc::new(|| ())]).expect("a hub");
    let format = hub.register(Arc::new(Labelled)).expect("room for a format");
    if keeps {
        let all = Pattern::parse("/topic/**", Separator::Slash).expect("a pattern");
        let kept = hub.keep_history(HistoryScope::Named, &all, HistoryLimits::default());
        kept.expect("room for a pattern");
    }
    let address = "127.0.0.1:1".parse().expect("an address");
    let destination = Destination::named("/topic/quotes");
    for subscriber in 0..subscribers {
        let new = NewSession {
            endpoint: Destination::endpoint("/e"),
            format,
            outbox: OutboxPolicy::default(),
            timeouts: Timeouts::default(),
            principal: None,
            path_parameters: PathParameters::default(),
            uri: "/e".into(),
            protocol: None,
            extensions: None,
            transport: campanile_hub::TransportKind::default(),
            is_secure: false,
            remote_address: address,
            local_address: address,
            attributes: Attributes::default(),
        };
        let opened = shards[0].open(new, Moment::default()).finished();
        let (slot, _) = opened.expect("room for a session");
        let label = format!("sub-{:05}", subscriber % 100_000);
        let joined = shards[0].subscribe(slot, destination.clone(), &label);
        joined.finished().expect("a new subscription");
    }
    for _ in 0..publications {
        let message = Message::text("x".repeat(128));
        let accepted = hub.publish(destination.clone(), message).finished();
        accepted.expect("room in the inbox");
        // One at a time: a batch would share what each costs.
        let _ = shards[0].pump(&mut Nowhere, Moment::default());
    }
}
