//! Connections whose bytes, or whose messages, hold STOMP frames.

use campanile_hub::{Ending, Hub, Moment, Shard, Slot};

use super::{Codec, Connection, Left, Turn};
use crate::context::{About, Event};
use crate::driver::caller::Caller;
use crate::handler::Answer;
use crate::stomp::{Link, Step};

/// How many bytes of frames over TCP count as one message, as far as turns go.
const BYTES_PER_MESSAGE: usize = 128;

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
        let mut input = event.payload().unwrap_or_default();
        while self.step(slot, &mut input, shard, caller, now) {}
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
        if !self.step(slot, &mut input, shard, caller, now) {
            // What is not looked at any more is thrown away.
            input = &[];
        }
        let taken = read.len() - input.len();
        left.messages = left.messages.saturating_sub(taken / BYTES_PER_MESSAGE);
        taken
    }

    /// Takes frames up to the next handler, and calls that. Whether there may be more frames.
    fn step(
        &mut self,
        slot: Slot,
        input: &mut &[u8],
        shard: &mut Shard,
        caller: &Caller,
        now: Moment,
    ) -> bool {
        let Some(stomp) = &mut self.stomp else {
            return false;
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
        let Step::Call(sent) = step else {
            return false;
        };
        caller.deliver(self, shard, slot, Event::Sent(sent), now);
        true
    }

    /// The peer has closed its half of the connection. Without a closing handshake it may still
    /// read, and gets what was accepted for it so far.
    pub(super) fn peer_sends_no_more(
        &mut self,
        slot: Slot,
        shard: &mut Shard,
        now: Moment,
    ) -> Turn {
        if matches!(self.codec, Codec::WebSocket(_)) {
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

    /// Does what a handler of something that the client has sent to a destination has answered.
    pub(crate) fn answered(
        &mut self,
        slot: Slot,
        answer: Answer,
        about: &About,
        shard: &mut Shard,
        hub: &Hub,
        now: Moment,
    ) {
        let mut link = Link {
            session: &self.session,
            hub,
            shard,
            slot,
            now,
        };
        if let Some(stomp) = &mut self.stomp {
            stomp.answered(answer, about, &mut link);
        }
    }
}
