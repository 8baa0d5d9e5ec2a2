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

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::{
        Attributes, Content, Destination, Ending, Format, Hub, NewSession, OutboxPolicy,
        PathParameters, Sink, TICK, Ticket, Timeouts, Wait, Written,
    };

    struct Silent;

    impl Format for Silent {
        fn encode_content(&self, _: &Content) -> Bytes {
            Bytes::new()
        }

        fn close(&self, _: u16, _: &str) -> Option<Bytes> {
            None
        }
    }

    #[derive(Default)]
    struct Notes(Vec<Slot>);

    impl Sink for Notes {
        fn write(&mut self, _: Slot, buffers: &[IoSlice<'_>]) -> Written {
            Written::Bytes(buffers.iter().map(|part| part.len()).sum())
        }
        fn end(&mut self, _: Slot, _: Ending) {}
        fn dropped(&mut self, _: Slot, _: u32) {}
        fn settled(&mut self, _: Ticket) {}
        fn reminded(&mut self, session: Slot) {
            self.0.push(session);
        }
    }

    #[test]
    fn a_session_is_reminded_of_once_and_only_while_it_is_there() {
        let (hub, mut shards) = Hub::new(vec![Arc::new(|| ())]).expect("a hub");
        let format = hub.register(Arc::new(Silent)).expect("room");
        let address = ([127, 0, 0, 1], 1).into();
        let shard = &mut shards[0];
        let open = |shard: &mut Shard| {
            let new = NewSession {
                endpoint: Destination::endpoint("/e"),
                format,
                outbox: OutboxPolicy::default(),
                timeouts: Timeouts::default(),
                principal: None,
                path_parameters: PathParameters::default(),
                uri: "/e".into(),
                protocol: None,
                extensions: None,
                transport: crate::TransportKind::default(),
                is_secure: false,
                remote_address: address,
                local_address: address,
                attributes: Attributes::default(),
            };
            let opened = shard.open(new, Moment::default()).finished();
            opened.expect("a session").0
        };
        let (one, other) = (open(shard), open(shard));
        let at = Moment::default().plus(Duration::from_secs(60));
        shard.remind(one, at);
        shard.remind(other, at);
        assert!(shard.gone(other).is_none());
        // Another session in its place is none of its business.
        assert_eq!(open(shard), other);
        let mut notes = Notes::default();
        let early = Moment::default().plus(Duration::from_secs(59));
        assert_eq!(shard.pump(&mut notes, early), Wait::AtMost(TICK));
        assert_eq!(notes.0, []);
        assert_eq!(shard.pump(&mut notes, at.plus(TICK)), Wait::Event);
        assert_eq!(notes.0, [one]);
        shard.pump(&mut notes, at.plus(Duration::from_secs(600)));
        assert_eq!(notes.0, [one]);
    }
}
