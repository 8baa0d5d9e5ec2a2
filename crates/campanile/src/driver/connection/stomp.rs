//! Connections whose bytes, or whose messages, hold STOMP frames.

use campanile_hub::{Ending, Hub, Moment, Shard, Slot};

use super::{Arrays, Codec, Connection, Left, Turn};
use crate::context::{About, Event, Sent};
use crate::driver::caller::Caller;
use crate::handler::Answer;
use crate::stomp::{Link, Step};

/// How many bytes of frames over TCP count as one message, as far as turns go.
const BYTES_PER_MESSAGE: usize = 128;

/// Where taking frames has stopped.
enum Stopped {
    /// There may be another frame.
    Between,
    /// What is left has to wait until more may be taken from the client.
    Early,
    /// Nothing is left, or nothing is looked at any more.
    AtTheEnd,
}

impl Connection {
    /// Hands a message on to whoever understands it.
    pub(super) fn message(
        &mut self,
        slot: Slot,
        event: Event,
        shard: &mut Shard,
        caller: &Caller,
        now: Moment,
    ) {
        if self.stomp.is_none() {
            shard.received(slot, event.ends_a_message(), now);
            caller.deliver(self, shard, slot, event, now);
            return;
        }
        let message = event.payload().unwrap_or_default();
        self.take_message(slot, message, shard, caller, now);
    }

    /// Whether a part of a message waits until more may be taken from the client.
    pub(super) fn has_unread_frames(&self) -> bool {
        self.stomp.as_ref().is_some_and(|one| one.has_unread())
    }

    /// Whether anything waits of what was understood already, until more may be taken from the
    /// client.
    pub(super) fn has_unread(&self) -> bool {
        self.has_unread_frames() || self.arrays().is_some_and(Arrays::has_unread)
    }

    /// Goes on with what is left of a message, and of its array.
    pub(super) fn go_on(&mut self, slot: Slot, shard: &mut Shard, caller: &Caller, now: Moment) {
        if self.has_unread_frames() {
            let unread = self.stomp.as_mut().map(|one| one.take_unread());
            self.take_message(slot, &unread.unwrap_or_default(), shard, caller, now);
        }
        self.hand_on(slot, shard, caller, now);
    }

    /// Takes frames of a message as far as that is possible now, and keeps the rest.
    fn take_message(
        &mut self,
        slot: Slot,
        message: &[u8],
        shard: &mut Shard,
        caller: &Caller,
        now: Moment,
    ) {
        let mut input = message;
        loop {
            match self.step(slot, &mut input, shard, caller, now) {
                Stopped::Between => {}
                Stopped::AtTheEnd => return,
                Stopped::Early => {
                    if let Some(stomp) = &mut self.stomp {
                        stomp.hold_back(input);
                    }
                    return;
                }
            }
        }
    }

    /// Takes frames of what was read over TCP, up to the next handler. Says how many bytes it took.
    pub(super) fn take_frames(
        &mut self,
        slot: Slot,
        read: &[u8],
        left: &mut Left,
        shard: &mut Shard,
        caller: &Caller,
        now: Moment,
    ) -> usize {
        let mut input = read;
        if let Stopped::AtTheEnd = self.step(slot, &mut input, shard, caller, now) {
            // What is not looked at any more is thrown away.
            input = &[];
        }
        let taken = read.len() - input.len();
        left.messages = left.messages.saturating_sub(taken / BYTES_PER_MESSAGE);
        taken
    }

    /// Takes frames up to the next handler, and calls that.
    fn step(
        &mut self,
        slot: Slot,
        input: &mut &[u8],
        shard: &mut Shard,
        caller: &Caller,
        now: Moment,
    ) -> Stopped {
        let Some(stomp) = &mut self.stomp else {
            return Stopped::AtTheEnd;
        };
        let mut link = Link {
            session: &self.session,
            hub: caller.hub(),
            shard,
            slot,
            now,
        };
        let step = stomp.step(input, &mut link);
        shard.received(slot, stomp.is_connected(), now);
        self.failed |= stomp.has_ended() && matches!(self.codec, Codec::Bare);
        match step {
            Step::Next | Step::Wait => Stopped::AtTheEnd,
            Step::Full => Stopped::Early,
            Step::Call(sent) => {
                caller.deliver(self, shard, slot, Event::Sent(sent), now);
                self.stopped_after_call(slot, shard)
            }
            Step::CallAll(all) => {
                for sent in all {
                    caller.deliver(self, shard, slot, Event::Sent(sent), now);
                }
                self.stopped_after_call(slot, shard)
            }
        }
    }

    fn stopped_after_call(&self, slot: Slot, shard: &Shard) -> Stopped {
        match self.must_stop(slot, shard) {
            Some(_) => Stopped::Early,
            None => Stopped::Between,
        }
    }

    /// Lets its STOMP session look at what has become too old.
    pub(crate) fn reminded(&mut self, slot: Slot, shard: &mut Shard, hub: &Hub, now: Moment) {
        let Some(stomp) = &mut self.stomp else {
            return;
        };
        let mut link = Link {
            session: &self.session,
            hub,
            shard,
            slot,
            now,
        };
        stomp.reminded(&mut link);
        self.failed |= stomp.has_ended() && matches!(self.codec, Codec::Bare);
    }

    /// The peer has closed its half of the connection. Without a closing handshake it may still
    /// read, and gets what was accepted for it so far.
    pub(super) fn peer_sends_no_more(
        &mut self,
        slot: Slot,
        shard: &mut Shard,
        now: Moment,
    ) -> Turn {
        let has_closed = match &self.codec {
            Codec::WebSocket(decoder) => decoder.is_closed(),
            Codec::Arrays(both) => both.0.is_closed(),
            Codec::Bare | Codec::Lines(_) | Codec::Silent => false,
        };
        if has_closed {
            // Browsers end their stream of HTTP/2 with the close frame, and wait for the answer;
            // others shut their socket down behind it.
            self.may_have_more = false;
            return Turn::Drained;
        }
        if !matches!(self.codec, Codec::Bare) {
            return Turn::Gone;
        }
        self.failed = true;
        self.may_have_more = false;
        // Refused only where a close is under way already, which is as good.
        let _ = shard.close_answered(slot, Ending::lost(), Default::default(), now);
        Turn::Drained
    }

    /// Whether its socket must linger, since the peer may not have read yet why it is closed.
    pub(crate) fn must_linger(&self) -> bool {
        self.failed || matches!(self.codec, Codec::Bare)
    }

    /// What STOMP callbacks are still to be told when the session has ended.
    pub(crate) fn farewell(&mut self, ending: &Ending) -> Vec<Event> {
        let stomp = self.stomp.as_mut();
        stomp.map(|one| one.farewell(ending)).unwrap_or_default()
    }

    /// Does what a handler of something that the client has sent to a destination has answered, and
    /// says what is to be called next.
    pub(crate) fn answered(
        &mut self,
        slot: Slot,
        answer: Answer,
        about: &About,
        shard: &mut Shard,
        hub: &Hub,
        now: Moment,
    ) -> Option<Box<Sent>> {
        let mut link = Link {
            session: &self.session,
            hub,
            shard,
            slot,
            now,
        };
        self.stomp.as_mut()?.answered(answer, about, &mut link)
    }
}
