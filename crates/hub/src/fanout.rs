//! The fan-out: a run of publications to one destination, written to each of its subscribers.

use std::sync::Arc;

use bytes::Bytes;

use crate::batch::Batch;
use crate::format::{FORMATS_MAX, Format, Formats};
use crate::log::Predicate;
use crate::member::{Deadline, Member};
use crate::moment::Moment;
use crate::outbox::Frame;
use crate::publication::Publication;
use crate::shard::Shard;
use crate::sink::{Ending, Sink, Written};
use crate::topics::Subscriber;
use crate::wheel::Wheel;

/// A run on its way to subscribers, with what was encoded for it so far.
struct Pass<'a> {
    run: &'a [Arc<Publication>],
    formats: &'a Formats,
    encodings: [Option<Encoding>; FORMATS_MAX],
}

/// A run in one format.
struct Encoding {
    format: Arc<dyn Format>,
    /// A format that writes something for each subscriber alone has none.
    batch: Option<Batch>,
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
            encodings: [const { None }; FORMATS_MAX],
        };
        let mut casualties = Vec::new();
        for subscriber in self.topics.subscribers(first.destination()) {
            let Some(member) = self.members.get_mut(subscriber.slot.index()) else {
                continue;
            };
            if !member.is_open() || predicate.is_some_and(|picks| !picks(&member.session)) {
                continue;
            }
            if let Some(ending) = pass.deliver(*subscriber, member, sink, now, &mut self.wheel) {
                casualties.push((subscriber.slot, ending));
            }
        }
        for (slot, ending) in casualties {
            self.after_write(slot, Some(ending), sink, now);
        }
    }
}

impl Pass<'_> {
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
            return None;
        }
        let id = member.format;
        let Encoding { format, batch } = self.encodings[id.index()].get_or_insert_with(|| {
            let format = self.formats.get(id);
            let batch = (!format.has_prefix()).then(|| Batch::new(self.run, self.formats, id));
            Encoding { format, batch }
        });
        let slot = subscriber.slot;
        member.is_sent_to(now);
        let Some(batch) = batch else {
            let label = &member.subscriptions[subscriber.subscription as usize].label;
            let frames: Vec<Frame> = self.run[first..]
                .iter()
                .map(|one| {
                    let frame = shared_frame(one, self.formats, member);
                    let mut prefix = Vec::new();
                    format.prefix(one, label, &frame.body, &mut prefix);
                    Frame {
                        prefix: prefix.into(),
                        ..frame
                    }
                })
                .collect();
            return member.write_frames(slot, &frames, sink, now, wheel);
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
        for publication in &self.run[first..] {
            let frame = shared_frame(publication, self.formats, member);
            if let Some(ending) = member.queue(frame, written, slot, sink, now, wheel) {
                return Some(ending);
            }
            written = 0;
        }
        None
    }
}

/// A frame that waits holds the publication's own bytes, not the batch's: so a batch is freed
/// with its pass, however slow some subscribers are.
fn shared_frame(publication: &Arc<Publication>, formats: &Formats, member: &Member) -> Frame {
    Frame {
        prefix: Bytes::new(),
        body: publication.encoded(formats, member.format),
        key: publication.key().cloned(),
        droppable: true,
    }
}
