//! A history keeps what was published, and not what the fan-out has made of it.

mod simulator;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use campanile_hub::{
    Content, Destination, Format, HistoryLimits, HistoryScope, Message, NewSession, Pattern,
    Separator,
};
use simulator::{House, wire};

/// Counts which of its encodings there still are.
struct Counting(Arc<AtomicUsize>);

/// One encoding.
struct Counted(Vec<u8>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Format for Counting {
    fn encode_content(&self, content: &Content) -> Bytes {
        self.0.fetch_add(1, Ordering::Relaxed);
        let frame = wire::reply_frame(content.bytes()).to_vec();
        Bytes::from_owner(Counted(frame, Arc::clone(&self.0)))
    }

    fn close(&self, _: u16, _: &str) -> Option<Bytes> {
        None
    }
}

#[test]
fn s98_encodings_are_let_go_of_but_for_the_newest() {
    let mut house = House::new(1, 1);
    let encodings = Arc::new(AtomicUsize::new(0));
    let format = house
        .hub
        .register(Arc::new(Counting(Arc::clone(&encodings))));
    let format = format.expect("room for a format");
    let pattern = Pattern::parse("/keep/**", Separator::Slash).expect("a pattern");
    let limits = HistoryLimits::default();
    let kept = house
        .hub
        .keep_history(HistoryScope::Named, &pattern, limits);
    kept.expect("room for a pattern");
    let (slot, _) = house.open(
        0,
        NewSession {
            format,
            ..house.newcomer("/e")
        },
    );
    let subscribed = house.sides[0]
        .shard
        .subscribe(slot, Destination::matching(pattern), "");
    subscribed.finished().expect("a new subscription");
    for _ in 0..100 {
        for name in ["/keep/a", "/keep/b"] {
            let published = house
                .hub
                .publish(Destination::named(name), Message::text("x"));
            published.finished().expect("room in the inboxes");
        }
        house.pump();
    }
    let (destinations, publications, _) = house.hub.history_size();
    assert_eq!((destinations, publications), (2, 200));
    assert_eq!(encodings.load(Ordering::Relaxed), 2);
}
