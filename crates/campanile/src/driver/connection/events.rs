//! Sessions that listen to destinations from their beginning to their end.

use campanile_hub::{Begun, Cause, Joining, Moment, Refusal, Shard, Slot};
use campanile_websocket::CloseCode;
use http::StatusCode;

use super::Connection;
use crate::events::{JoinRefused, Start, Wanted, subscribed};
use crate::stomp::of_this;

/// What the hub knows their one subscription by.
const LABEL: &str = "events";

impl Connection {
    /// Lets the session listen to what its request has asked for, and tells its client so: before
    /// anything else that it is sent.
    pub(crate) fn begin(&mut self, start: Start, slot: Slot, shard: &mut Shard, now: Moment) {
        let Start {
            wanted,
            after,
            retry,
            told,
        } = start;
        let joined = self.join(wanted, after, slot, shard);
        if let Ok(begun) = &joined {
            let first = subscribed(self.wire, begun, after, retry);
            // Refused only where a close is under way already; that is told then.
            let _ = shard.reply(slot, first);
        }
        match (told, joined) {
            // Whoever asked may have gone; its pipe tells the shard.
            (Some(told), joined) => drop(told.send(joined)),
            (None, Ok(_)) => {}
            (None, Err(refused)) => {
                let code = match refused.status {
                    StatusCode::SERVICE_UNAVAILABLE => CloseCode::TRY_AGAIN_LATER,
                    _ => CloseCode::POLICY,
                };
                self.close_for(slot, code, &refused.detail, Cause::Protocol, shard, now);
            }
        }
    }

    fn join(
        &self,
        wanted: Vec<Wanted>,
        after: Option<campanile_hub::Cursor>,
        slot: Slot,
        shard: &mut Shard,
    ) -> Result<Begun, JoinRefused> {
        let mut destinations = Vec::with_capacity(wanted.len());
        for one in wanted {
            match one {
                Wanted::Topic(destination) => destinations.push(destination),
                Wanted::Own(rest) => {
                    let own = of_this(&rest, &self.session);
                    destinations.extend(own.map_err(|refused| {
                        JoinRefused::new(StatusCode::BAD_REQUEST, refused.detail)
                    })?);
                }
            }
        }
        let joining = Joining {
            destinations,
            label: LABEL.into(),
            after,
            filter: None,
        };
        let joined = shard.join(slot, joining).finished();
        joined.map_err(|refusal| {
            let status = match refusal {
                Refusal::AlreadySubscribed => StatusCode::BAD_REQUEST,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            JoinRefused::new(status, refusal.to_string())
        })
    }
}
