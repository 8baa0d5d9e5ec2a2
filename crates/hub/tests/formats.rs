//! Formats that say nothing, that say much, or that come late.

mod simulator;

use std::sync::Arc;

use bytes::Bytes;
use campanile_hub::{
    Content, Destination, FORMATS_MAX, Format, Message, NewSession, Outcome, Publication,
};
use simulator::{House, Wire, reply_frame};

fn publish(house: &House, text: &str) {
    let outcome = house
        .hub
        .publish(Destination::endpoint("/e"), Message::text(text));
    outcome.finished().expect("room in the inboxes");
}

/// Has nothing to say about anything, not even in a reply.
struct Silence;

impl Format for Silence {
    fn encode_content(&self, _: &Content) -> Bytes {
        Bytes::new()
    }

    fn encode(&self, publication: &Publication) -> Bytes {
        match publication.content().bytes().len() {
            0 => Bytes::new(),
            _ => Wire::default().encode(publication),
        }
    }

    fn close(&self, _: u16, _: &str) -> Option<Bytes> {
        None
    }
}

#[test]
fn a_format_may_have_nothing_to_say() {
    let mut house = House::new(1, 1);
    let format = house
        .hub
        .register(Arc::new(Silence))
        .expect("room for a format");
    let new = NewSession {
        format,
        ..house.newcomer("/e")
    };
    let (slot, _) = house.open(0, new);
    let long = "x".repeat(9_000);
    let runs: [&[&str]; 5] = [&[""], &["", ""], &[&long, ""], &["", "a"], &["b", "", "c"]];
    for run in runs {
        for text in run {
            publish(&house, text);
        }
        assert_eq!(
            house.sides[0].shard.reply(slot, Bytes::new()),
            Outcome::Done(())
        );
        assert_eq!(
            house.sides[0].shard.answer(slot, Message::text("")),
            Outcome::Done(())
        );
        house.pump();
    }
    assert_eq!(house.texts(slot), [&long, "a", "b", "c"]);

    // The same behind a transport that takes a part of a frame.
    house.peer(slot).room = Some(3);
    let shard = &mut house.sides[0].shard;
    for frame in [&b""[..], b"reply", b"", b"another"] {
        let frame = if frame.is_empty() {
            Bytes::new()
        } else {
            reply_frame(frame)
        };
        assert_eq!(shard.reply(slot, frame), Outcome::Done(()));
    }
    house.pump();
    house.make_room(slot, None);
    house.pump();
    assert_eq!(house.texts(slot)[4..], ["reply", "another"]);
}

/// Makes much of little.
struct Longwinded;

impl Format for Longwinded {
    fn encode_content(&self, content: &Content) -> Bytes {
        reply_frame(&[content.bytes(), &[b'.'; 5_000][..]].concat())
    }

    fn close(&self, _: u16, _: &str) -> Option<Bytes> {
        None
    }
}

#[test]
fn frames_that_only_their_format_makes_long_still_fit_into_one_write() {
    let mut house = House::new(1, 1);
    let format = house
        .hub
        .register(Arc::new(Longwinded))
        .expect("room for a format");
    let new = NewSession {
        format,
        ..house.newcomer("/e")
    };
    let (slot, _) = house.open(0, new);
    for number in 0..1_000 {
        publish(&house, &format!("{number}."));
    }
    house.pump();
    assert_eq!(house.peer(slot).writes, 1);
    for (number, text) in house.texts(slot).iter().enumerate() {
        assert!(text.starts_with(&format!("{number}.")));
    }
}

/// Has a word before everything else.
struct Greeting;

impl Format for Greeting {
    fn encode_content(&self, content: &Content) -> Bytes {
        reply_frame(content.bytes())
    }

    fn opening(&self) -> Option<Bytes> {
        Some(reply_frame(b"welcome"))
    }

    fn close(&self, _: u16, _: &str) -> Option<Bytes> {
        None
    }
}

#[test]
fn s39_what_a_session_begins_with_comes_before_everything_else() {
    let mut house = House::new(1, 1);
    let format = house.hub.register(Arc::new(Greeting));
    let new = NewSession {
        format: format.expect("room for a format"),
        ..house.newcomer("/e")
    };
    let (slot, _) = house.open(0, new);
    // Its transport takes nothing yet.
    house.peer(slot).room = Some(0);
    publish(&house, "published");
    let shard = &mut house.sides[0].shard;
    let replied = shard.reply(slot, reply_frame(b"replied"));
    assert_eq!(replied, Outcome::Done(()));
    house.pump();
    house.make_room(slot, None);
    house.pump();
    assert_eq!(house.texts(slot), ["welcome", "replied", "published"]);
}

#[test]
fn a_format_registered_late_reaches_what_was_accepted_before() {
    let mut house = House::new(1, 1);
    let (_, session) = house.enter("/e");
    let late = Arc::new(Wire::default());
    let before = house.hub.send(&session, Message::text("early"));
    before.finished().expect("room in the inbox");
    let format = house.hub.register(late).expect("room for a format");
    let new = NewSession {
        format,
        ..house.newcomer("/e")
    };
    let (slot, _) = house.open(0, new);
    publish(&house, "now");
    house.pump();
    assert_eq!(house.texts(slot), ["now"]);
    let registered = std::iter::repeat_with(|| house.hub.register(Arc::new(Wire::default())));
    let registered = registered
        .take_while(Result::is_ok)
        .take(FORMATS_MAX)
        .count();
    assert_eq!(registered, FORMATS_MAX - 3);
}

/// Puts a head before label and content that tells the length of both.
struct Headed;

impl Format for Headed {
    fn encode_content(&self, content: &Content) -> Bytes {
        content.bytes().clone()
    }

    fn prefix(&self, _: &Publication, label: &str, shared: &[u8], out: &mut Vec<u8>) {
        let whole = reply_frame(&[label.as_bytes(), shared].concat());
        out.extend_from_slice(&whole[..whole.len() - shared.len()]);
    }

    fn has_prefix(&self) -> bool {
        true
    }

    fn close(&self, _: u16, _: &str) -> Option<Bytes> {
        None
    }
}

#[test]
fn a_prefix_may_tell_the_length_of_what_is_shared() {
    let mut house = House::new(1, 1);
    let format = house.hub.register(Arc::new(Headed));
    let format = format.expect("room for a format");
    let destination = Destination::endpoint("/headed");
    let mut slots = Vec::new();
    for label in ["one:", "another:"] {
        let new = NewSession {
            format,
            ..house.newcomer("/e")
        };
        let (slot, _) = house.open(0, new);
        let shard = &mut house.sides[0].shard;
        let joined = shard.subscribe(slot, destination.clone(), label);
        joined.finished().expect("a new subscription");
        slots.push((slot, label));
    }
    let long = "x".repeat(9_000);
    for text in ["ding", "", &long] {
        let outcome = house.hub.publish(destination.clone(), Message::text(text));
        outcome.finished().expect("room in the inbox");
    }
    house.pump();
    for (slot, label) in slots {
        let expected = ["ding", "", &long].map(|text| format!("{label}{text}"));
        assert_eq!(house.texts(slot), expected);
    }
}
