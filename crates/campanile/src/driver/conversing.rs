//! Connections whose clients speak STOMP.

use campanile_hub::{Ending, Hub, Moment, Shard, Slot};

use super::caller::Caller;
use super::connection::Connection;
use crate::context::{About, Event, Sent};
use crate::handler::Answer;
use crate::stomp::{Link, Step};

impl Connection {
    /// Whether a part of a message waits until more may be taken from the client.
    pub(super) fn has_unread(&self) -> bool {
        self.stomp.as_ref().is_some_and(|one| one.has_unread())
    }

    /// Takes frames of a message, or of what is left of one, as far as that is possible now.
    pub(super) fn go_on(
        &mut self,
        slot: Slot,
        mut message: Vec<u8>,
        shard: &mut Shard,
        caller: &Caller,
        now: Moment,
    ) {
        // It leaves its place while the frames that it lends are handled.
        let Some(mut stomp) = self.stomp.take() else {
            return;
        };
        if stomp.has_unread() {
            message = stomp.take_unread();
        }
        let mut input = &message[..];
        loop {
            let mut link = Link {
                session: &self.session,
                hub: caller.hub(),
                shard,
                slot,
                now,
            };
            let step = stomp.step(&mut input, &mut link);
            let sent = match step {
                Step::Call(sent) => sent,
                Step::Full => {
                    stomp.hold_back(input);
                    break;
                }
                Step::Next | Step::Wait => break,
            };
            self.stomp = Some(stomp);
            caller.deliver(self, shard, slot, Event::Sent(sent), now);
            let must_stop = self.must_stop(slot, shard).is_some();
            let Some(taken) = self.stomp.take() else {
                return;
            };
            stomp = taken;
            if must_stop {
                stomp.hold_back(input);
                break;
            }
        }
        shard.received(slot, stomp.is_connected(), now);
        self.stomp = Some(stomp);
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
