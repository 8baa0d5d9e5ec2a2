//! Frames that are readdressed from one subscriber to the next say what frames of their own would.

mod simulator;

use std::collections::HashMap;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;
use campanile_hub::{
    Content, Destination, Ending, Format, Hub, Message, Moment, NewSession, Publication, Shard,
    Sink, Slot, Ticket, Written,
};
use proptest::prelude::*;
use simulator::House;

/// The length of all, then the label, then the content. Content that begins with `-` has no frames.
struct Labelled {
    has_end: bool,
}

impl Format for Labelled {
    fn encode_content(&self, content: &Content) -> Bytes {
        match content.bytes().starts_with(b"-") {
            true => Bytes::new(),
            false => content.bytes().clone(),
        }
    }

    fn prefix(&self, _: &Publication, label: &str, shared: &[u8], out: &mut Vec<u8>) {
        if !shared.is_empty() {
            let length = label.len() + shared.len();
            out.extend_from_slice(format!("<{length}>{label}").as_bytes());
        }
    }

    fn prefix_end<'a>(&self, label: &'a str) -> Option<&'a [u8]> {
        self.has_end.then_some(label.as_bytes())
    }

    fn has_prefix(&self) -> bool {
        true
    }

    fn close(&self, _: u16, _: &str) -> Option<Bytes> {
        None
    }
}

/// Transports that take only so much at a time, and keep it.
#[derive(Default)]
struct Kept {
    bytes: HashMap<Slot, Vec<u8>>,
    taken_max: usize,
}

impl Sink for Kept {
    fn write(&mut self, session: Slot, buffers: &[IoSlice<'_>]) -> Written {
        let kept = self.bytes.entry(session).or_default();
        let mut left = self.taken_max;
        for buffer in buffers {
            let taken = buffer.len().min(left);
            kept.extend_from_slice(&buffer[..taken]);
            left -= taken;
        }
        Written::Bytes(self.taken_max - left)
    }

    fn end(&mut self, _: Slot, _: Ending) {}

    fn dropped(&mut self, _: Slot, _: u32) {}

    fn settled(&mut self, _: Ticket) {}
}

struct Room {
    hub: Hub,
    shard: Shard,
    slots: Vec<Slot>,
    destination: Destination,
}

impl Room {
    fn new(labels: &[String], has_end: bool) -> Self {
        let (hub, mut shards) = Hub::new(vec![Arc::new(|| ())]).expect("a hub");
        let mut shard = shards.remove(0);
        let destination = Destination::named("/room");
        let format = hub.register(Arc::new(Labelled { has_end }));
        let format = format.expect("room for a format");
        let house = House::new(1, 1);
        let mut slots = Vec::new();
        for (number, label) in labels.iter().enumerate() {
            let new = NewSession {
                format,
                ..house.newcomer("/e")
            };
            let opened = shard.open(new, Moment::default()).finished();
            let (slot, _) = opened.expect("room for a session");
            let joined = shard.subscribe(slot, destination.clone(), label);
            joined.finished().expect("a new subscription");
            // Who comes after this one has not joined in time for it.
            if number % 3 == 0 {
                let early = Message::text(format!("early {number}"));
                let published = hub.publish(destination.clone(), early);
                published.finished().expect("room");
            }
            slots.push(slot);
        }
        Self {
            hub,
            shard,
            slots,
            destination,
        }
    }

    /// What each subscriber gets in the end.
    fn received(mut self, contents: &[String], taken_max: usize) -> Vec<Vec<u8>> {
        for content in contents {
            let message = Message::text(content.clone());
            let published = self.hub.publish(self.destination.clone(), message);
            published.finished().expect("room");
        }
        let mut kept = Kept {
            taken_max,
            ..Kept::default()
        };
        self.shard.pump(&mut kept, Moment::default());
        kept.taken_max = usize::MAX;
        for slot in &self.slots {
            self.shard.writable(*slot);
        }
        self.shard.pump(&mut kept, Moment::default());
        self.slots
            .iter()
            .map(|slot| kept.bytes.remove(slot).unwrap_or_default())
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn readdressed_frames_are_those_written_anew(
        labels in prop::collection::vec("[a-z]{0,3}", 1..12),
        contents in prop::collection::vec("-?[a-z]{1,5}", 1..6),
        long in prop::option::of(0_usize..6),
        taken_max in prop_oneof![Just(usize::MAX), 0_usize..60],
    ) {
        let mut contents = contents;
        if let Some(content) = long.and_then(|index| contents.get_mut(index)) {
            *content = content.repeat(5_000);
        }
        let anew = Room::new(&labels, false).received(&contents, taken_max);
        let readdressed = Room::new(&labels, true).received(&contents, taken_max);
        prop_assert_eq!(anew, readdressed);
    }
}

#[test]
fn each_subscriber_s_own_label_stands_in_its_frames() {
    let labels = ["a", "b", "c", "longer", "d"].map(str::to_owned);
    let received = Room::new(&labels, true).received(&["x".to_owned()], usize::MAX);
    let texts: Vec<&str> = received
        .iter()
        .map(|bytes| str::from_utf8(bytes).expect("ascii"))
        .collect();
    let expected = [
        "<8>aearly 0<8>aearly 3<2>ax",
        "<8>bearly 3<2>bx",
        "<8>cearly 3<2>cx",
        "<13>longerearly 3<7>longerx",
        "<2>dx",
    ];
    assert_eq!(texts, expected);
}
