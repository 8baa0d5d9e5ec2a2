//! What new subscriptions are sent first: what their destinations have kept.
//!
//! A replay waits for the next pump, behind the replies that were asked for before it and before
//! everything that is published to its subscription: that has a higher position.

use std::sync::Arc;

use crate::destination::Destination;
use crate::fanout::frames_for;
use crate::moment::Moment;
use crate::publication::Publication;
use crate::session::{SessionId, Slot};
use crate::shard::Shard;
use crate::sink::Sink;

/// What one subscription is to be sent.
pub(crate) struct Replay {
    session: SessionId,
    destination: Destination,
    label: Box<str>,
    publications: Vec<Arc<Publication>>,
}

impl Shard {
    /// Lets what was kept wait for the subscription that a session has made last.
    pub(crate) fn replay_to_newest(&mut self, slot: Slot, publications: Vec<Arc<Publication>>) {
        if publications.is_empty() {
            return;
        }
        let Some(member) = self.members.get_mut(slot.index()) else {
            return;
        };
        let Some(newest) = member.subscriptions.last() else {
            return;
        };
        let (Some(destination), label) = (self.topics.destination(newest), newest.label.clone())
        else {
            return;
        };
        self.replays.push(Replay {
            session: member.session.id(),
            destination: destination.clone(),
            label,
            publications,
        });
        // Whoever asks for much is read from again when it is written.
        if let Some(Replay { publications, .. }) = self.replays.last() {
            let bytes = publications.iter().map(|one| one.bytes()).sum();
            member.ask_for(bytes, self.pumps);
        }
    }

    /// Forgets what waits for subscriptions that a session has ended.
    pub(crate) fn stop_replays(&mut self, slot: Slot) {
        if self.replays.is_empty() {
            return;
        }
        let Some(member) = self.members.get(slot.index()) else {
            return;
        };
        let (id, topics) = (member.session.id(), &self.topics);
        self.replays.retain(|one| {
            one.session != id || topics.is_subscribed(member, &one.destination, &one.label)
        });
    }

    pub(crate) fn write_replays(&mut self, sink: &mut impl Sink, now: Moment) {
        for replay in std::mem::take(&mut self.replays) {
            self.write_replay(&replay, sink, now);
        }
    }

    fn write_replay(&mut self, replay: &Replay, sink: &mut impl Sink, now: Moment) {
        let slot = replay.session.slot();
        // The session may have ended, and its slot may have been used again.
        let Some(member) = self
            .members
            .get_mut(slot.index())
            .filter(|member| member.session.id() == replay.session && member.is_open())
        else {
            return;
        };
        let Replay {
            destination, label, ..
        } = replay;
        let Some(subscription) = self.topics.subscription(member, destination, label) else {
            return;
        };
        let formats = &self.shared.formats;
        let frames = frames_for(&replay.publications, subscription, formats, member);
        if frames.is_empty() {
            return;
        }
        member.is_sent_to(true, now);
        let (scratch, wheel) = (&mut self.scratch, &mut self.wheel);
        let casualty = member.write_frames(slot, &frames, scratch, sink, now, wheel);
        self.after_write(slot, casualty, sink, now);
    }
}
