//! Moments that a driver has to keep for a session.

use crate::member::Deadline;
use crate::moment::Moment;
use crate::session::Slot;
use crate::shard::Shard;

impl Shard {
    /// Lets [`Sink::reminded`](crate::Sink::reminded) be called for a session once this moment has
    /// come, at most one [`TICK`](crate::TICK) late, if the session is still there then. It cannot be
    /// taken back: whoever has many moments to keep for one session asks for the next one when one
    /// has come.
    pub fn remind(&mut self, slot: Slot, at: Moment) {
        if let Some(member) = self.members.get(slot.index()) {
            self.wheel.arm(at, Deadline::Reminder(member.key(slot)));
        }
    }
}
