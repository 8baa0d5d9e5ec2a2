//! What a shard does about sessions behind pipes, which its poller does not know.

use campanile_hub::{Cause, Ending, Moment, SessionId, Slot};
use campanile_websocket::CloseCode;

use super::ShardDriver;
use crate::driver::clock;
use crate::driver::pipe::Attended;

impl ShardDriver {
    /// Does for a pipe what the poller does for sockets.
    pub(super) fn look_at_pipe(&mut self, session: SessionId) {
        let slot = session.slot();
        let here = self.sockets.get_mut(slot);
        let Some(connection) = here.filter(|one| one.session.id() == session) else {
            return;
        };
        let Some(events) = connection.transport.pipe_events() else {
            return;
        };
        if events.is_writable {
            self.shard.writable(slot);
            if connection.may_have_more {
                self.blocked.push(slot);
            }
        }
        if events.is_readable {
            connection.may_have_more = true;
            connection.is_read_closed |= events.is_read_closed;
            self.unfinished.push(slot);
        }
        if let Some(Attended::Overflowing(_)) = events.attended {
            self.attend(slot, clock::now());
        }
    }

    /// Ends a session whose client has not fetched what there is for too long, or lets the wheel
    /// remind of it when that may be so.
    pub(super) fn attend(&mut self, slot: Slot, now: Moment) {
        let connection = self.sockets.get_mut(slot);
        let attended = connection.and_then(|one| one.transport.attended());
        let ending = match attended {
            None => return,
            Some(Attended::Until(at)) => return self.shard.remind(slot, at),
            Some(Attended::Abandoned(delay)) => Ending {
                code: CloseCode::GOING_AWAY.get(),
                reason: format!(
                    "no-receiver: no request fetched messages for {} s; open another session",
                    delay.as_secs_f64()
                ),
                cause: Cause::TimedOut,
            },
            Some(Attended::Overflowing(lines_max)) => Ending {
                code: CloseCode::POLICY.get(),
                reason: format!(
                    "slow-consumer: more than {lines_max} messages waited for a request; \
                     reconnect and read faster"
                ),
                cause: Cause::SlowConsumer,
            },
        };
        // Refused only where a close is under way already, which is as good.
        let _ = self.shard.close(slot, ending, now);
    }
}
