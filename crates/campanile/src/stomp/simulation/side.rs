//! One shard with its sessions, driven as its thread drives it: what has come is read, callbacks
//! are called and answer, and then it is pumped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use campanile_hub::{Hub, Moment, Shard, Slot, Wait};

use super::acts::{Act, What};
use super::effects::Taken;
use super::frames::number_of;
use super::model::Model;
use super::net::{Happened, Net, Shared};
use super::{Mischief, Random, trace};
use crate::context::{Event, Purpose, Sent};
use crate::driver::{Inbound, UNREAD_REPLIES_BYTES_MAX};
use crate::reply::Reply;
use crate::session::Session;
use crate::stomp::naming::Brokering;
use crate::stomp::{Link, Step, StompSession, answered_late};

/// What a session's outbox may hold beyond its policy: the rest of a frame that was begun, and an
/// ERROR.
const BEYOND_BYTES_MAX: usize = 8 << 10;

/// The words of the ERRORs that were sent since this was looked at.
pub(super) type Errors = Arc<Mutex<Vec<String>>>;

/// One connection at the server's end.
pub(super) struct Served {
    pub(super) id: u64,
    pub(super) slot: Slot,
    pub(super) session: Session,
    pub(super) stomp: StompSession,
    pub(super) inbound: Inbound,
    /// Handlers that have not answered yet.
    pub(super) running: Vec<Sent>,
    /// What was read and is not taken yet.
    pub(super) received: Vec<u8>,
    /// How many bytes were taken in all.
    pub(super) taken: u64,
    /// Nothing was taken of the next frame.
    pub(super) is_between: bool,
    pub(super) pipe: Shared,
    pub(super) outbox_bytes_max: usize,
}

pub(super) struct Side {
    pub(super) shard: Shard,
    pub(super) net: Net,
    pub(super) served: Vec<Served>,
    pub(super) woken: Arc<AtomicBool>,
    /// When it wants to be pumped again.
    pub(super) due: Option<Moment>,
}

/// What a turn needs of the world.
pub(super) struct Turn<'a> {
    pub(super) hub: &'a Hub,
    pub(super) now: Moment,
    pub(super) model: &'a mut Model,
    pub(super) random: &'a mut Random,
    pub(super) errors: &'a Errors,
    pub(super) broker: &'a Brokering,
    pub(super) mischief: Mischief,
    /// All that can be done is done.
    pub(super) is_calm: bool,
}

impl Turn<'_> {
    fn chance(&mut self, percent: usize) -> bool {
        self.is_calm || self.random.chance(percent)
    }

    fn errors(&self) -> Vec<String> {
        std::mem::take(&mut *self.errors.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Side {
    /// Whether its thread would not sleep now.
    pub(super) fn has_to_turn(&self, now: Moment) -> bool {
        let is_due = self.due.is_some_and(|due| due <= now);
        is_due || self.woken.load(Ordering::Relaxed) || self.served.iter().any(Served::is_ready)
    }

    pub(super) fn turn(&mut self, turn: &mut Turn<'_>) {
        self.woken.store(false, Ordering::Relaxed);
        let mut served = std::mem::take(&mut self.served);
        for one in &mut served {
            if turn.chance(80) {
                one.look(&mut self.shard, turn);
            }
        }
        let notices = if turn.is_calm { 100 } else { 30 };
        served.retain_mut(|one| {
            let is_lost = one.pipe.borrow().is_cut && turn.chance(20);
            if is_lost {
                self.shard.gone(one.slot);
                self.net.disconnect(one.slot);
                one.bury(turn);
            }
            !is_lost
        });
        self.served = served;
        self.net.notices = notices;
        let mut wait = self.shard.pump(&mut self.net, turn.now);
        self.tell_what_happened(turn);
        if self.remind(turn) {
            wait = self.shard.pump(&mut self.net, turn.now);
            self.tell_what_happened(turn);
        }
        self.due = match wait {
            Wait::AtMost(time) => Some(turn.now.plus(time)),
            Wait::Event => None,
        };
        for one in &self.served {
            one.check_bounds(&self.shard);
        }
    }

    /// Lets sessions look at what has become too old that wanted to be reminded.
    fn remind(&mut self, turn: &mut Turn<'_>) -> bool {
        let reminded = std::mem::take(&mut self.net.reminded);
        for slot in &reminded {
            if let Some(one) = self.served.iter_mut().find(|one| one.slot == *slot) {
                let mut link = Link {
                    session: &one.session,
                    hub: turn.hub,
                    shard: &mut self.shard,
                    slot: *slot,
                    now: turn.now,
                };
                let has_ended = one.stomp.has_ended();
                one.stomp.reminded(&mut link);
                turn.model.grown_old(one.id, has_ended, &turn.errors());
                one.note_close(turn);
            }
        }
        !reminded.is_empty()
    }

    fn tell_what_happened(&mut self, turn: &mut Turn<'_>) {
        let closing = self.served.iter().filter(|one| !one.session.is_open());
        let closing: Vec<u64> = closing.map(|one| one.id).collect();
        for happened in std::mem::take(&mut self.net.happened) {
            match happened {
                Happened::Written(id, seen) => {
                    trace(|| format!("{} written to {id}: {seen:?}", turn.now.millis()));
                    turn.model.written(id, &seen, &closing);
                }
                Happened::Dropped(id, count) => turn.model.connection(id).dropped += count,
                Happened::Ended(slot, ending) => {
                    let place = self.served.iter().position(|one| one.slot == slot);
                    let mut one = self.served.remove(place.expect("a session of this side"));
                    let is_slow = ending.cause == campanile_hub::Cause::SlowConsumer;
                    turn.model.sights.slow += usize::from(is_slow);
                    one.bury(turn);
                }
            }
        }
        for one in &self.served {
            one.note_close(turn);
        }
    }
}

impl Served {
    /// Whether there is something to be read, written or answered.
    fn is_ready(&self) -> bool {
        let pipe = self.pipe.borrow();
        let may_read = !pipe.up.is_empty() || !self.received.is_empty();
        let is_lost = pipe.is_cut;
        (may_read && !self.stomp.has_ended())
            || is_lost
            || pipe.may_become_writable()
            || !self.running.is_empty()
    }

    /// Does what a thread does when it is told of this connection.
    fn look(&mut self, shard: &mut Shard, turn: &mut Turn<'_>) {
        if self.pipe.borrow_mut().becomes_writable() {
            shard.writable(self.slot);
        }
        while !self.running.is_empty() && turn.chance(40) {
            let which = turn.random.below(self.running.len());
            let sent = self.running.remove(which);
            self.inbound.ended();
            self.answer(&sent, shard, turn);
            while let Some(next) = self.inbound.next() {
                self.handle(next, shard, turn);
            }
        }
        while self.read_some(shard, turn) {}
    }

    fn must_stop(&self, shard: &Shard) -> bool {
        let is_full = self.inbound.is_full() || self.stomp.is_connecting();
        is_full || shard.waiting_bytes(self.slot) > UNREAD_REPLIES_BYTES_MAX
    }

    /// Takes some bytes, no more than one frame's. False if there is nothing to be taken now.
    fn read_some(&mut self, shard: &mut Shard, turn: &mut Turn<'_>) -> bool {
        if self.stomp.has_ended() {
            self.received.clear();
            self.pipe.borrow_mut().up.clear();
            return false;
        }
        if self.must_stop(shard) {
            return false;
        }
        if self.received.is_empty() {
            let mut pipe = self.pipe.borrow_mut();
            let waiting = pipe.up.len();
            if waiting == 0 || pipe.is_cut || !turn.chance(80) {
                return false;
            }
            let bytes = match turn.chance(70) {
                true => waiting,
                false => turn.random.between(1, waiting),
            };
            self.received = pipe.up.drain(..bytes).collect();
        }
        let end = self.pipe.borrow().acts.front().map(|(end, _)| *end);
        let end = end.expect("bytes are those of frames");
        let whole = usize::try_from(end - self.taken).expect("a frame's length");
        let mut bytes = whole.min(self.received.len());
        if !turn.chance(70) {
            bytes = turn.random.between(1, bytes);
        }
        let (before, is_closing) = (turn.hub.position(), !self.session.is_open());
        if self.is_kept_from_the_server(bytes, whole, turn.mischief) {
            self.received.drain(..bytes);
            self.taken = end;
            let act = self.pipe.borrow_mut().acts.pop_front();
            self.tell(&act.expect("a frame").1, before, is_closing, turn);
            return true;
        }
        let mut input = &self.received[..bytes];
        let mut link = Link {
            session: &self.session,
            hub: turn.hub,
            shard,
            slot: self.slot,
            now: turn.now,
        };
        let step = self.stomp.step(&mut input, &mut link);
        shard.received(self.slot, self.stomp.is_connected(), turn.now);
        let consumed = match self.stomp.has_ended() {
            true => bytes,
            false => bytes - input.len(),
        };
        self.received.drain(..consumed);
        self.taken += consumed as u64;
        self.is_between = self.taken == end;
        if self.taken == end {
            let act = self.pipe.borrow_mut().acts.pop_front();
            let (_, act) = act.expect("a frame");
            self.tell(&act, before, is_closing, turn);
        }
        match step {
            Step::Next | Step::Wait => true,
            Step::Full => false,
            Step::Call(sent) => {
                self.deliver(Event::Sent(sent), shard, turn);
                true
            }
            Step::CallAll(all) => {
                for sent in all {
                    self.deliver(Event::Sent(sent), shard, turn);
                }
                true
            }
        }
    }

    /// Whether a frame never arrives, and is said to have.
    fn is_kept_from_the_server(&self, bytes: usize, whole: usize, mischief: Mischief) -> bool {
        let pipe = self.pipe.borrow();
        let Some((_, act)) = pipe
            .acts
            .front()
            .filter(|_| bytes == whole && self.is_between)
        else {
            return false;
        };
        match (&act.what, mischief) {
            (What::Settle(settling), Mischief::LosesAcknowledgements) => {
                settling.transaction.is_none()
            }
            (What::Unsubscribe(_), Mischief::PromisesOne) => true,
            _ => false,
        }
    }

    /// Tells the model what a frame has done.
    fn tell(&self, act: &Act, before: u64, is_closing: bool, turn: &mut Turn<'_>) {
        let errors = turn.errors();
        let taken = Taken {
            before,
            after: turn.hub.position(),
            refused: errors.first().map(|word| &**word),
            is_closing,
        };
        assert!(errors.len() <= 1, "{errors:?} for {act:?}");
        trace(|| {
            format!(
                "{} taken from {}: {act:?} {taken:?}",
                turn.now.millis(),
                self.id
            )
        });
        turn.model.taken(self.id, act, taken);
        self.note_close(turn);
    }

    /// Notes that the session is being closed.
    fn note_close(&self, turn: &mut Turn<'_>) {
        if !self.session.is_open() {
            turn.model.end(self.id);
        }
    }

    fn deliver(&mut self, event: Event, shard: &mut Shard, turn: &mut Turn<'_>) {
        let mut next = self.inbound.admit(event);
        while let Some(event) = next {
            self.handle(event, shard, turn);
            next = self.inbound.next();
        }
    }

    fn handle(&mut self, event: Event, shard: &mut Shard, turn: &mut Turn<'_>) {
        let concurrency = event.concurrency();
        let Event::Sent(sent) = event else {
            panic!("only handlers are called here: {event:?}");
        };
        if turn.is_calm || turn.random.chance(50) {
            self.answer(&sent, shard, turn);
        } else {
            self.inbound.started(concurrency);
            self.running.push(*sent);
        }
    }

    /// The handler repeats what it was sent.
    fn answer(&mut self, sent: &Sent, shard: &mut Shard, turn: &mut Turn<'_>) {
        assert_eq!(sent.about.purpose, Purpose::Message);
        let before = turn.hub.position();
        let mut link = Link {
            session: &self.session,
            hub: turn.hub,
            shard,
            slot: self.slot,
            now: turn.now,
        };
        let next = self
            .stomp
            .answered(Ok(reply_to(sent)), &sent.about, &mut link);
        assert!(turn.errors().is_empty(), "{sent:?} was answered");
        handled(self.id, sent, before, turn);
        if let Some(next) = next {
            self.deliver(Event::Sent(next), shard, turn);
        }
    }

    /// The session has ended; its handlers still answer.
    fn bury(&mut self, turn: &mut Turn<'_>) {
        turn.model.end(self.id);
        let running = std::mem::take(&mut self.running).into_iter();
        for sent in running {
            self.inbound.ended();
            self.answer_late(&sent, turn);
        }
        while let Some(Event::Sent(sent)) = self.inbound.next() {
            self.answer_late(&sent, turn);
        }
    }

    fn answer_late(&self, sent: &Sent, turn: &mut Turn<'_>) {
        let before = turn.hub.position();
        let broker = turn.broker;
        answered_late(reply_to(sent), &sent.about, &self.session, broker, turn.hub);
        handled(self.id, sent, before, turn);
    }

    fn check_bounds(&self, shard: &Shard) {
        let outbox = shard
            .session(self.slot)
            .map_or(0, |it| it.outbox().waiting_bytes);
        let most = self.outbox_bytes_max + BEYOND_BYTES_MAX;
        assert!(outbox <= most, "{outbox} bytes wait in an outbox of {most}");
        let waiting = shard.waiting_bytes(self.slot);
        let most = most + UNREAD_REPLIES_BYTES_MAX;
        assert!(
            waiting <= most,
            "{waiting} bytes wait for a session of {most}"
        );
    }
}

fn reply_to(sent: &Sent) -> Reply {
    let text = sent.event.payload().unwrap_or_default();
    Reply::from(String::from_utf8_lossy(text).into_owned())
}

fn handled(id: u64, sent: &Sent, before: u64, turn: &mut Turn<'_>) {
    let text = sent.event.payload().unwrap_or_default();
    let number = number_of(&String::from_utf8_lossy(text)).expect("a message of ours");
    let topic = sent.about.destination.rsplit('/').next();
    let topic = topic
        .and_then(|it| it.parse().ok())
        .expect("a topic's number");
    let taken = Taken {
        before,
        after: turn.hub.position(),
        refused: None,
        is_closing: false,
    };
    turn.model
        .handled(id, topic, number, sent.about.receipt.as_deref(), taken);
}
