//! The fan-out: a run of publications to one destination, written to each of its subscribers.

use std::sync::Arc;

use bytes::Bytes;

use crate::batch::Batch;
use crate::format::{FORMATS_MAX, Format, FormatId, Formats};
use crate::inbox::Predicate;
use crate::member::{Deadline, Member};
use crate::moment::Moment;
use crate::outbox::{Frame, Origin, Overflow};
use crate::prefixed::{Frames, Prefixed};
use crate::publication::Publication;
use crate::shard::Shard;
use crate::sink::{Ending, Sink, Written};
use crate::topics::{REPLAYING, Subscriber, Subscription};
use crate::wheel::Wheel;

/// A run on its way to subscribers, with what was encoded for it so far.
struct Pass<'a> {
    run: &'a [Arc<Publication>],
    formats: &'a Formats,
    /// Nearly all passes need one or two.
    encodings: Vec<Encoding>,
    /// For each format which of them is its own.
    by_format: [u8; FORMATS_MAX],
    frames: Frames,
    /// Who is still being replayed something older.
    replaying: Vec<Subscriber>,
}

/// The place of what is not there.
const NOT_ENCODED: u8 = u8::MAX;

/// A run in one format.
enum Encoding {
    /// All its subscribers get the same.
    Shared(Batch),
    /// Each subscriber gets something of its own before what is shared.
    Prefixed(Prefixed),
}

impl Shard {
    /// Writes a run of publications, all to one destination, to its subscribers.
    pub(crate) fn fan_out(
        &mut self,
        run: &[Arc<Publication>],
        predicate: Option<&Predicate>,
        sink: &mut impl Sink,
        now: Moment,
    ) {
        let Some(first) = run.first() else { return };
        self.batched = self.batched.max(run.len());
        let shared = Arc::clone(&self.shared);
        let mut pass = Pass {
            run,
            formats: &shared.formats,
            encodings: Vec::new(),
            by_format: [NOT_ENCODED; FORMATS_MAX],
            frames: std::mem::take(&mut self.frames),
            replaying: Vec::new(),
        };
        let mut casualties = Vec::new();
        let destination = first.destination();
        let matching = self.topics.matching(destination);
        let (literal, has_doubles) = self.topics.subscribers_and_doubles(destination);
        let by_pattern = matching.iter().flat_map(|topic| self.topics.of(*topic));
        let mut all = Vec::new();
        let groups: &mut dyn Iterator<Item = &[Subscriber]> = if matching.is_empty() && !has_doubles
        {
            &mut literal.iter().map(std::slice::from_ref)
        } else {
            // What several subscriptions of one session receive must keep the log's order.
            all.extend(literal.iter().chain(by_pattern).copied());
            all.sort_by_key(|one| one.slot);
            &mut all.chunk_by(|one, next| one.slot == next.slot)
        };
        for group in groups {
            let Some(slot) = group.first().map(|one| one.slot) else {
                continue;
            };
            let Some(member) = self.members.get_mut(slot.index()) else {
                continue;
            };
            if !member.is_open() || predicate.is_some_and(|picks| !picks(&member.session)) {
                continue;
            }
            let wheel = &mut self.wheel;
            let casualty = match group {
                [only] => pass.deliver(*only, member, sink, now, wheel),
                several => pass.deliver_in_order(several, member, sink, now, wheel),
            };
            casualties.extend(casualty.map(|ending| (slot, ending)));
        }
        for encoding in &mut pass.encodings {
            if let Encoding::Prefixed(prefixed) = encoding {
                pass.frames.take_back(prefixed);
            }
        }
        pass.frames.shrink();
        self.frames = pass.frames;
        for subscribers in pass.replaying.chunk_by(|one, next| one.slot == next.slot) {
            casualties.extend(self.queue_behind_replay(run, subscribers, sink, now));
        }
        for (slot, ending) in casualties {
            self.after_write(slot, Some(ending), sink, now);
        }
    }
}

impl Pass<'_> {
    /// Writes to several subscriptions of one session, publication by publication.
    fn deliver_in_order(
        &mut self,
        subscribers: &[Subscriber],
        member: &mut Member,
        sink: &mut impl Sink,
        now: Moment,
        wheel: &mut Wheel<Deadline>,
    ) -> Option<Ending> {
        let mut frames = Vec::new();
        let format = self.formats.get(member.format);
        let replaying = subscribers.iter().filter(|one| one.joined == REPLAYING);
        self.replaying.extend(replaying);
        let mut named: Vec<&str> = Vec::new();
        for publication in self.run {
            named.clear();
            for subscriber in subscribers {
                let subscription = &member.subscriptions[subscriber.subscription as usize];
                // Destinations that overlap under one label are one subscription.
                if publication.id().position > subscriber.joined
                    && !named.contains(&&*subscription.label)
                    && let Some(picked) = subscription.pick(publication)
                {
                    let frame = shared_frame(&picked, self.formats, member);
                    let origin = origin_of(&picked, &format, &subscription.label, member);
                    frames.push(frame.begun(&picked, &*format, &subscription.label, origin));
                    if !subscription.label.is_empty() {
                        named.push(&subscription.label);
                    }
                }
            }
        }
        let slot = subscribers.first()?.slot;
        if !frames.is_empty() {
            member.is_sent_to(true, now);
        }
        let scratch = &mut self.frames.bytes;
        member.write_frames(slot, &frames, scratch, sink, now, wheel)
    }

    /// Encodes the run in a format that it was not needed in before.
    #[cold]
    fn encode(&mut self, id: FormatId) {
        let format = self.formats.get(id);
        // There are fewer formats than such places.
        self.by_format[id.index()] = self.encodings.len() as u8;
        self.encodings.push(if format.has_prefix() {
            let run = self.run.iter();
            let shared = run.map(|one| one.encoded(self.formats, id)).collect();
            Encoding::Prefixed(self.frames.prefixed(format, shared))
        } else {
            Encoding::Shared(Batch::new(self.run, self.formats, id))
        });
    }

    /// Writes to one subscriber what it has joined early enough for.
    fn deliver(
        &mut self,
        subscriber: Subscriber,
        member: &mut Member,
        sink: &mut impl Sink,
        now: Moment,
        wheel: &mut Wheel<Deadline>,
    ) -> Option<Ending> {
        let joined_after = |one: &Arc<Publication>| one.id().position <= subscriber.joined;
        let first = match self.run {
            // Nearly everybody joined before the run began.
            [first, ..] if !joined_after(first) => 0,
            run => run.partition_point(joined_after),
        };
        if first == self.run.len() {
            if subscriber.joined == REPLAYING {
                self.replaying.push(subscriber);
            }
            return None;
        }
        let id = member.format;
        let subscription = &member.subscriptions[subscriber.subscription as usize];
        if subscription.filter.is_some() {
            let run = &self.run[first..];
            let frames = frames_for(run, subscription, self.formats, member);
            if !frames.is_empty() {
                member.is_sent_to(true, now);
            }
            let scratch = &mut self.frames.bytes;
            return member.write_frames(subscriber.slot, &frames, scratch, sink, now, wheel);
        }
        if self.by_format[id.index()] == NOT_ENCODED {
            self.encode(id);
        }
        let encoding = &mut self.encodings[usize::from(self.by_format[id.index()])];
        let slot = subscriber.slot;
        member.is_sent_to(true, now);
        let batch = match encoding {
            Encoding::Shared(batch) => batch,
            Encoding::Prefixed(prefixed) => {
                let subscription = &member.subscriptions[subscriber.subscription as usize];
                prefixed.address(self.run, first, &subscription.label);
                return prefixed.write(self.run, subscriber, member, sink, now, wheel);
            }
        };
        let mut next = Some((first, 0));
        if member.outbox.is_none() {
            let written = match batch.only_slice(first) {
                Some(only) => sink.write(slot, &[only]),
                None => {
                    let mut slices = Vec::new();
                    batch.slices(first, &mut slices);
                    if slices.is_empty() {
                        return None;
                    }
                    sink.write(slot, &slices)
                }
            };
            let Written::Bytes(written) = written else {
                return Some(Ending::lost());
            };
            next = batch.unfinished(first, written);
        }
        let (first, mut written) = next?;
        let format = self.formats.get(id);
        for publication in &self.run[first..] {
            let subscription = &member.subscriptions[subscriber.subscription as usize];
            let frame = Frame {
                origin: origin_of(publication, &format, &subscription.label, member),
                ..shared_frame(publication, self.formats, member)
            };
            if let Some(ending) = member.queue(frame, written, slot, sink, now, wheel) {
                return Some(ending);
            }
            written = 0;
        }
        None
    }
}

/// The frames with everything that a subscription gets of some publications.
pub(crate) fn frames_for(
    publications: &[Arc<Publication>],
    subscription: &Subscription,
    formats: &Formats,
    member: &Member,
) -> Vec<Frame> {
    let format = formats.get(member.format);
    let picked = publications.iter().filter_map(|one| subscription.pick(one));
    picked
        .map(|one| {
            let origin = origin_of(&one, &format, &subscription.label, member);
            let frame = shared_frame(&one, formats, member);
            frame.begun(&one, &*format, &subscription.label, origin)
        })
        .collect()
}

/// What is needed to say that a frame was dropped, where that may happen and can be said.
pub(crate) fn origin_of(
    publication: &Publication,
    format: &Arc<dyn Format>,
    label: &str,
    member: &Member,
) -> Option<Arc<Origin>> {
    (member.policy.overflow != Overflow::Close && format.tells_gaps())
        .then(|| Arc::new(Origin::new(format, label, publication)))
}

/// A frame that waits holds the publication's own bytes, not the batch's: so a batch is freed
/// with its pass, however slow some subscribers are.
pub(crate) fn shared_frame(
    publication: &Arc<Publication>,
    formats: &Formats,
    member: &Member,
) -> Frame {
    Frame {
        prefix: Bytes::new(),
        body: publication.encoded(formats, member.format),
        key: publication.key().cloned(),
        droppable: true,
        origin: None,
        handed: None,
    }
}

impl Frame {
    /// The same frame, begun with what one subscriber alone gets.
    pub(crate) fn begun(
        self,
        publication: &Publication,
        format: &dyn Format,
        label: &str,
        origin: Option<Arc<Origin>>,
    ) -> Self {
        let mut prefix = Vec::new();
        format.prefix(publication, label, &self.body, &mut prefix);
        Self {
            prefix: prefix.into(),
            origin,
            ..self
        }
    }
}
