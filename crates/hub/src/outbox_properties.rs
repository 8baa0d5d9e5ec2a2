//! Whatever is pushed and however the socket takes it: an outbox keeps its account.

use std::io::IoSlice;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use crate::moment::Moment;
use crate::outbox::{FRAME_OVERHEAD_BYTES, Frame, Outbox, OutboxPolicy, Overflow, Queued};

#[derive(Clone, Debug)]
enum Step {
    Push {
        prefix: usize,
        body: usize,
        key: Option<u8>,
        droppable: bool,
    },
    Write(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let push = (
        0..3_usize,
        0..40_usize,
        prop::option::of(0..3_u8),
        prop::bool::weighted(0.8),
    );
    prop_oneof![
        3 => push.prop_map(|(prefix, body, key, droppable)| Step::Push {
            prefix,
            body,
            key: key.filter(|_| droppable),
            droppable,
        }),
        2 => (0..120_usize).prop_map(Step::Write),
    ]
}

fn overflow() -> impl Strategy<Value = Overflow> {
    prop_oneof![
        Just(Overflow::Close),
        Just(Overflow::DropOldest),
        Just(Overflow::DropNewest),
        Just(Overflow::Conflate),
    ]
}

/// A frame that tells its number and its length, so that a byte stream can be read back.
fn frame(number: u16, step: &Step) -> Frame {
    let Step::Push {
        prefix,
        body,
        key,
        droppable,
    } = step
    else {
        return Frame::reply(Bytes::new());
    };
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.push((prefix + body) as u8);
    bytes.resize(3 + prefix + body, b'.');
    let prefix = bytes[..*prefix].to_vec().into();
    let body = bytes[bytes.len().min(step_prefix(step))..].to_vec().into();
    let key = key.map(|key| key.to_string().into());
    Frame {
        prefix,
        body,
        key,
        droppable: *droppable,
        handed: None,
        origin: None,
    }
}

fn step_prefix(step: &Step) -> usize {
    match step {
        Step::Push { prefix, .. } => *prefix,
        Step::Write(_) => 0,
    }
}

/// The numbers of the frames in a byte stream, and how many bytes of a further one there are.
fn read(stream: &[u8]) -> (Vec<u16>, usize) {
    let mut numbers = Vec::new();
    let mut rest = stream;
    while let Some((header, after)) = rest.split_first_chunk::<3>() {
        let Some(after) = after.get(usize::from(header[2])..) else {
            break;
        };
        numbers.push(u16::from_be_bytes([header[0], header[1]]));
        rest = after;
    }
    (numbers, rest.len())
}

/// Takes up to `bytes` bytes as a socket would.
fn take(outbox: &mut Outbox, bytes: usize, stream: &mut Vec<u8>) {
    let mut slices: Vec<IoSlice<'_>> = Vec::new();
    outbox.slices(&mut slices);
    let offered: Vec<u8> = slices
        .iter()
        .flat_map(|part| part.iter().copied())
        .collect();
    let taken = bytes.min(offered.len());
    stream.extend_from_slice(&offered[..taken]);
    outbox.written(taken, &mut Vec::new());
}

proptest! {
    #[test]
    fn s30_what_is_neither_received_nor_waiting_was_counted_as_dropped(
        overflow in overflow(),
        room in 1..12_usize,
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let bytes_max = room * (FRAME_OVERHEAD_BYTES + 20);
        let policy = OutboxPolicy { bytes_max, age_max: Duration::from_secs(1), overflow };
        let mut outbox = Outbox::new();
        let (mut stream, mut accepted, mut replies) = (Vec::new(), Vec::new(), Vec::new());
        let (mut dropped, mut has_overflowed) = (0, false);
        let mut now = Moment::default();
        for (number, step) in steps.iter().enumerate() {
            now = now.plus(Duration::from_millis(1));
            let oldest = outbox.oldest();
            if let Step::Write(bytes) = step {
                take(&mut outbox, *bytes, &mut stream);
            } else {
                let frame = frame(number as u16, step);
                let droppable = frame.droppable;
                match outbox.push(frame, &policy, now) {
                    Queued::Yes => {}
                    Queued::Dropped(count) => {
                        prop_assert!(overflow != Overflow::Close);
                        dropped += count as usize;
                    }
                    Queued::Overflow => {
                        prop_assert!(overflow == Overflow::Close || !droppable);
                        // The session would end here.
                        has_overflowed = true;
                        break;
                    }
                }
                accepted.push(number as u16);
                replies.extend((!droppable).then_some(number as u16));
                if oldest.is_some() && !outbox.is_empty() {
                    prop_assert_eq!(outbox.oldest(), oldest, "a drop makes nobody younger");
                }
            }
            prop_assert!(outbox.cost() <= policy.bytes_max);
        }
        let (received, begun) = read(&stream);
        while !outbox.is_empty() {
            take(&mut outbox, 7, &mut stream);
        }
        prop_assert_eq!(outbox.cost(), 0);
        let (all, rest) = read(&stream);
        prop_assert_eq!(rest, 0, "a frame was cut");
        prop_assert!(all.is_sorted_by(|one, next| one < next), "out of order: {:?}", all);
        prop_assert!(all.iter().all(|number| accepted.contains(number)));
        prop_assert!(replies.iter().all(|number| all.contains(number)), "a reply was lost");
        prop_assert!(all.len() >= received.len() + usize::from(begun > 0));
        if has_overflowed {
            // What was dropped in vain before the overflow is not told: the session ends anyhow.
            prop_assert!(all.len() + dropped <= accepted.len());
        } else {
            prop_assert_eq!(all.len() + dropped, accepted.len());
        }
    }

    #[test]
    fn a_cut_off_outbox_finishes_the_frame_that_has_begun_and_no_other(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let policy = OutboxPolicy::default();
        let mut outbox = Outbox::new();
        let mut stream = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            match step {
                Step::Write(bytes) => take(&mut outbox, *bytes, &mut stream),
                Step::Push { .. } => {
                    let queued = outbox.push(frame(number as u16, step), &policy, Moment::default());
                    prop_assert_eq!(queued, Queued::Yes);
                }
            }
        }
        let (received, begun) = read(&stream);
        outbox.discard_unstarted();
        prop_assert_eq!(outbox.is_empty(), begun == 0);
        take(&mut outbox, usize::MAX, &mut stream);
        prop_assert!(outbox.is_empty());
        prop_assert_eq!(outbox.cost(), 0);
        let (all, rest) = read(&stream);
        prop_assert_eq!((all.len(), rest), (received.len() + usize::from(begun > 0), 0));
    }
}
