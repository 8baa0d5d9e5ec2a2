//! How a STOMP session ends from our side.

use bytes::Bytes;
use campanile_hub::{Cause, Ending};
use campanile_websocket::CloseCode;

use super::session::{Link, StompSession};
use crate::wire::Wire;

impl StompSession {
    /// Begins to close it: with a close frame where there are such things, else with the end of
    /// the connection.
    pub(super) fn close(&self, link: &mut Link<'_>, code: CloseCode, reason: &str) {
        let ending = Ending {
            code: code.get(),
            reason: reason.to_owned(),
            cause: match code {
                CloseCode::NORMAL => Cause::Peer,
                _ => Cause::Protocol,
            },
        };
        // Refused only where a close is under way already, which is as good.
        let _ = match self.wire {
            // Whatever there was to say, a frame before this has said.
            Wire::Bare => {
                let nothing = Bytes::new();
                link.shard.close_with(link.slot, ending, nothing, link.now)
            }
            _ => link.shard.close(link.slot, ending, link.now),
        };
    }
}
