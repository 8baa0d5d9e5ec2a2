//! Connections as they are on bad days: slow, cut up anywhere, stalled, and gone without a word.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::rc::Rc;

use campanile_hub::{Ending, Sink, Slot, Ticket, Written};
use campanile_stomp::Version;

use super::Random;
use super::acts::Act;
use super::frames::{Frames, Seen};

/// One connection, seen from both ends.
pub(super) struct Pipe {
    /// Which connection of the run it is.
    pub(super) id: u64,
    /// On its way to the server.
    pub(super) up: VecDeque<u8>,
    /// What the frames on their way do, and where in all that was ever sent each ends.
    pub(super) acts: VecDeque<(u64, Act)>,
    pub(super) sent: u64,
    /// On its way to the client.
    pub(super) down: VecDeque<u8>,
    /// How much may be on its way to the client.
    pub(super) room: usize,
    /// The server was cut short, and was not told since that there is room.
    is_full: bool,
    is_choppy: bool,
    /// Whatever is on its way is lost, and whatever is sent as well.
    pub(super) is_cut: bool,
    /// The server has closed it: what is on its way still comes.
    pub(super) is_closed: bool,
    /// Reads what the server has written.
    tap: Frames,
    random: Random,
}

/// Both ends hold it.
pub(super) type Shared = Rc<RefCell<Pipe>>;

impl Pipe {
    pub(super) fn new(id: u64, version: Version, random: &mut Random) -> Shared {
        Rc::new(RefCell::new(Self {
            id,
            up: VecDeque::new(),
            acts: VecDeque::new(),
            sent: 0,
            down: VecDeque::new(),
            room: random.between(64, 8_000),
            is_full: false,
            is_choppy: random.chance(30),
            is_cut: false,
            is_closed: false,
            tap: Frames::new(version),
            random: Random::new(random.below(usize::MAX) as u64),
        }))
    }

    /// The client sends a frame, which will do this.
    pub(super) fn send(&mut self, bytes: &[u8], act: Act) {
        self.up.extend(bytes);
        self.sent += bytes.len() as u64;
        self.acts.push_back((self.sent, act));
    }

    /// The client reads so many bytes at most.
    pub(super) fn read(&mut self, bytes: usize) -> Vec<u8> {
        let bytes = bytes.min(self.down.len());
        self.down.drain(..bytes).collect()
    }

    /// Whether the server is to be told that it can write again; it is told once.
    pub(super) fn becomes_writable(&mut self) -> bool {
        let becomes = self.may_become_writable();
        self.is_full &= !becomes;
        becomes
    }

    /// Whether the server would be told so.
    pub(super) fn may_become_writable(&self) -> bool {
        self.is_full && self.down.len() < self.room
    }

    fn take(&mut self, buffers: &[IoSlice<'_>], mut written: impl FnMut(Seen)) -> usize {
        assert!(!self.is_full, "a write to a connection that is full");
        let offered: usize = buffers.iter().map(|part| part.len()).sum();
        assert!(offered > 0, "a write without bytes");
        let mut room = self.room.saturating_sub(self.down.len()).min(offered);
        if self.is_choppy {
            room = self.random.between(0, room);
        }
        self.is_full = room < offered;
        let mut taken = Vec::new();
        let mut left = room;
        for part in buffers {
            let part = &part[..part.len().min(left)];
            left -= part.len();
            self.down.extend(part);
            taken.extend_from_slice(part);
        }
        self.tap.read(&taken, &mut written);
        room
    }
}

/// What has happened at a shard's end of its connections, in order.
pub(super) enum Happened {
    /// The last byte of a frame was taken.
    Written(u64, Seen),
    /// The hub has ended a session.
    Ended(Slot, Ending),
    /// The outbox's policy has dropped so many.
    Dropped(u64, u32),
}

/// The connections of one shard.
#[derive(Default)]
pub(super) struct Net {
    pipes: Vec<Option<Shared>>,
    pub(super) happened: Vec<Happened>,
    /// Who wanted to be reminded of something.
    pub(super) reminded: Vec<Slot>,
    /// How often out of a hundred a write to a connection that was cut shows it.
    pub(super) notices: usize,
}

impl Net {
    pub(super) fn connect(&mut self, slot: Slot, pipe: Shared) {
        if self.pipes.len() <= slot.index() {
            self.pipes.resize_with(slot.index() + 1, || None);
        }
        let before = self.pipes[slot.index()].replace(pipe);
        assert!(before.is_none(), "{slot:?} was used again too early");
    }

    pub(super) fn disconnect(&mut self, slot: Slot) {
        let pipe = self.pipes[slot.index()].take();
        pipe.expect("a connection").borrow_mut().is_closed = true;
    }
}

impl Sink for Net {
    fn write(&mut self, slot: Slot, buffers: &[IoSlice<'_>]) -> Written {
        let pipe = self.pipes[slot.index()].as_ref();
        let mut pipe = pipe
            .expect("a write to a session that is there")
            .borrow_mut();
        let notices = self.notices;
        if pipe.is_cut && pipe.random.chance(notices) {
            return Written::Gone;
        }
        let (id, happened) = (pipe.id, &mut self.happened);
        Written::Bytes(pipe.take(buffers, |seen| happened.push(Happened::Written(id, seen))))
    }

    fn end(&mut self, slot: Slot, ending: Ending) {
        self.disconnect(slot);
        self.happened.push(Happened::Ended(slot, ending));
    }

    fn dropped(&mut self, slot: Slot, publications: u32) {
        let pipe = self.pipes[slot.index()].as_ref().expect("a connection");
        let id = pipe.borrow().id;
        self.happened.push(Happened::Dropped(id, publications));
    }

    fn settled(&mut self, _: Ticket) {}

    fn reminded(&mut self, slot: Slot) {
        self.reminded.push(slot);
    }
}
