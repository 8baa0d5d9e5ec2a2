//! Runs of which each subscriber gets frames that begin with something of its own.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;

use crate::batch::{COPIED_FRAME_BYTES_MAX, LONG_FRAMES_MAX};
use crate::fanout::origin_of;
use crate::format::Format;
use crate::member::{Deadline, Member};
use crate::moment::Moment;
use crate::outbox::Frame;
use crate::publication::Publication;
use crate::sink::{Ending, Sink, Written};
use crate::topics::Subscriber;
use crate::wheel::Wheel;

/// How large a buffer for frames a shard keeps between two runs.
const FRAMES_KEPT_BYTES_MAX: usize = 64 << 10;

/// How many such buffers, one for each format of a run: more than STOMP has versions.
const BUFFERS_KEPT_MAX: usize = 4;

/// The buffers that frames are put together in. They are the shard's, so that a delivery allocates
/// nothing.
#[derive(Default)]
pub(crate) struct Frames {
    /// For frames of several kinds that are written at once.
    pub(crate) bytes: Vec<u8>,
    spare: Vec<Buffer>,
}

/// The frames of one subscriber, one behind the other.
#[derive(Default)]
struct Buffer {
    /// Prefixes and, unless they are long, shared bytes.
    bytes: Vec<u8>,
    frames: Vec<FrameEnd>,
    long_frames: usize,
    /// Who can have these frames with only the end of the prefix written over.
    alike: Option<Alike>,
}

/// Subscribers whose frames differ in the end of their prefixes alone.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Alike {
    /// The first publication of the run that they get.
    first: usize,
    /// How long that end is.
    length: usize,
}

/// One of these frames.
struct FrameEnd {
    prefix_begin: usize,
    prefix_end: usize,
    /// Its shared bytes are not copied.
    is_long: bool,
    /// Which publication of the run it is.
    index: usize,
}

/// A run in a format that has prefixes.
pub(crate) struct Prefixed {
    format: Arc<dyn Format>,
    shared: Vec<Bytes>,
    buffer: Buffer,
}

impl Frames {
    /// A run whose publications are encoded as `shared`.
    pub(crate) fn prefixed(&mut self, format: Arc<dyn Format>, shared: Vec<Bytes>) -> Prefixed {
        Prefixed {
            format,
            shared,
            buffer: self.spare.pop().unwrap_or_default(),
        }
    }

    /// Keeps the buffer of a run for the next one.
    pub(crate) fn take_back(&mut self, prefixed: &mut Prefixed) {
        let mut buffer = std::mem::take(&mut prefixed.buffer);
        buffer.clear();
        let is_usual = buffer.bytes.capacity() <= FRAMES_KEPT_BYTES_MAX;
        if is_usual && self.spare.len() < BUFFERS_KEPT_MAX {
            self.spare.push(buffer);
        }
    }

    /// Gives the memory of an unusual run back.
    pub(crate) fn shrink(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > FRAMES_KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }
}

impl Buffer {
    fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
        self.long_frames = 0;
        self.alike = None;
    }

    fn add(
        &mut self,
        index: usize,
        publication: &Publication,
        format: &dyn Format,
        label: &str,
        shared: &[u8],
    ) {
        let prefix_begin = self.bytes.len();
        format.prefix(publication, label, shared, &mut self.bytes);
        let prefix_end = self.bytes.len();
        let is_long = shared.len() > COPIED_FRAME_BYTES_MAX && self.long_frames < LONG_FRAMES_MAX;
        self.long_frames += usize::from(is_long);
        if !is_long {
            self.bytes.extend_from_slice(shared);
        }
        self.frames.push(FrameEnd {
            prefix_begin,
            prefix_end,
            is_long,
            index,
        });
    }

    /// Makes the frames those of another subscriber, whose prefixes end with `end`.
    fn readdress(&mut self, end: &[u8]) {
        for frame in &self.frames {
            // A format may have nothing to say about a publication.
            if let Some(begin) = frame.prefix_end.checked_sub(end.len())
                && begin >= frame.prefix_begin
            {
                self.bytes[begin..frame.prefix_end].copy_from_slice(end);
            }
        }
    }

    /// The buffers of one write, with long shared bytes from where they are.
    fn slices<'a>(&'a self, shared: &'a [Bytes], out: &mut Vec<IoSlice<'a>>) {
        let mut copied = 0;
        for one in self.frames.iter().filter(|one| one.is_long) {
            out.push(IoSlice::new(&self.bytes[copied..one.prefix_end]));
            out.push(IoSlice::new(&shared[one.index]));
            copied = one.prefix_end;
        }
        out.push(IoSlice::new(&self.bytes[copied..]));
        out.retain(|part| !part.is_empty());
    }
}

impl Prefixed {
    /// Prepares the frames that one subscriber gets: those of the run from `first` on.
    pub(crate) fn address(&mut self, run: &[Arc<Publication>], first: usize, label: &str) {
        let end = self.format.prefix_end(label);
        let alike = end.map(|end| Alike {
            first,
            length: end.len(),
        });
        if let Some(end) = end
            && self.buffer.alike == alike
        {
            self.buffer.readdress(end);
            return;
        }
        self.buffer.clear();
        for (index, publication) in run.iter().enumerate().skip(first) {
            let shared = &self.shared[index];
            self.buffer
                .add(index, publication, &*self.format, label, shared);
        }
        self.buffer.alike = alike;
    }

    /// Writes the frames; what is not taken waits, holding the shared bytes.
    pub(crate) fn write(
        &self,
        run: &[Arc<Publication>],
        subscriber: Subscriber,
        member: &mut Member,
        sink: &mut impl Sink,
        now: Moment,
        wheel: &mut Wheel<Deadline>,
    ) -> Option<Ending> {
        let Buffer {
            bytes,
            frames,
            long_frames,
            ..
        } = &self.buffer;
        let slot = subscriber.slot;
        let mut written = 0;
        if member.outbox.is_none() && !frames.is_empty() {
            let mut slices = Vec::new();
            let only = [IoSlice::new(bytes)];
            let result = if *long_frames > 0 {
                self.buffer.slices(&self.shared, &mut slices);
                sink.write(slot, &slices)
            } else if bytes.is_empty() {
                Written::Bytes(0)
            } else {
                sink.write(slot, &only)
            };
            match result {
                Written::Bytes(count) => written = count,
                Written::Gone => return Some(Ending::lost()),
            }
            if *long_frames == 0 && written == bytes.len() {
                return None;
            }
        }
        let (mut begin, mut copied) = (0, 0);
        for one in frames {
            let shared = &self.shared[one.index];
            let prefix = &bytes[copied..one.prefix_end];
            copied = one.prefix_end + if one.is_long { 0 } else { shared.len() };
            let length = prefix.len() + shared.len();
            if written < begin + length {
                let publication = &run[one.index];
                let subscription = member.subscriptions.get(subscriber.subscription as usize);
                let label = subscription.map_or("", |one| &one.label);
                let frame = Frame {
                    origin: origin_of(publication, &self.format, label, member),
                    prefix: Bytes::copy_from_slice(prefix),
                    body: shared.clone(),
                    key: publication.key().cloned(),
                    droppable: true,
                    handed: None,
                };
                let of_this = written.saturating_sub(begin);
                if let Some(ending) = member.queue(frame, of_this, slot, sink, now, wheel) {
                    return Some(ending);
                }
            }
            begin += length;
        }
        None
    }
}
