//! What waits for a session's handler.

use std::collections::VecDeque;

use crate::context::Event;
use crate::endpoint::{WAITING_BYTES_MAX, WAITING_MESSAGES_MAX};

/// Whether a handler of a session is running, and what happened meanwhile. Handlers run one at a
/// time, in order (S197).
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    running: bool,
    /// There only while something waits.
    waiting: Option<Box<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Event>,
    bytes: usize,
}

impl Inbound {
    /// Gives the event back when it can be handled at once; else it waits.
    pub(crate) fn admit(&mut self, event: Event) -> Option<Event> {
        if !self.running {
            return Some(event);
        }
        let waiting = self.waiting.get_or_insert_default();
        // Others publish while nothing is read from this session: their number has no limit.
        if let (Event::Dropped(more), Some(Event::Dropped(count))) =
            (&event, waiting.events.back_mut())
        {
            *count = count.saturating_add(*more);
            return None;
        }
        waiting.bytes += event.bytes();
        waiting.events.push_back(event);
        None
    }

    /// Notes that a handler is running.
    pub(crate) fn started(&mut self) {
        self.running = true;
    }

    /// Notes that the handler has ended, and gives the next event.
    pub(crate) fn finished(&mut self) -> Option<Event> {
        self.running = false;
        let waiting = self.waiting.as_mut()?;
        let event = waiting.events.pop_front();
        waiting.bytes -= event.as_ref().map_or(0, Event::bytes);
        if waiting.events.is_empty() {
            self.waiting = None;
        }
        event
    }

    /// Whether a handler is running.
    pub(crate) fn is_running(&self) -> bool {
        self.running
    }

    /// Whether reading must pause.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| {
            waiting.events.len() >= WAITING_MESSAGES_MAX || waiting.bytes >= WAITING_BYTES_MAX
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s197_events_wait_for_the_handler_before_them() {
        let mut inbound = Inbound::default();
        assert!(inbound.admit(Event::Text("1".into())).is_some());
        inbound.started();
        assert!(inbound.admit(Event::Text("2".into())).is_none());
        assert!(inbound.admit(Event::Opened).is_none());
        assert!(matches!(inbound.finished(), Some(Event::Text(text)) if text == "2"));
        assert!(matches!(inbound.finished(), Some(Event::Opened)));
        assert!(inbound.finished().is_none());
        assert!(inbound.waiting.is_none());
    }

    #[test]
    fn s30_drops_that_wait_are_one_event() {
        let mut inbound = Inbound::default();
        inbound.started();
        for _ in 0..1_000 {
            assert!(inbound.admit(Event::Dropped(2)).is_none());
        }
        inbound.admit(Event::Pong(Default::default()));
        inbound.admit(Event::Dropped(u32::MAX));
        inbound.admit(Event::Dropped(1));
        assert!(matches!(inbound.finished(), Some(Event::Dropped(2_000))));
        assert!(matches!(inbound.finished(), Some(Event::Pong(_))));
        assert!(matches!(inbound.finished(), Some(Event::Dropped(u32::MAX))));
        assert!(inbound.finished().is_none());
    }

    #[test]
    fn s150_reading_pauses_by_count_and_by_bytes() {
        let mut inbound = Inbound::default();
        inbound.started();
        for _ in 0..WAITING_MESSAGES_MAX {
            assert!(!inbound.is_full());
            inbound.admit(Event::Text(String::new()));
        }
        assert!(inbound.is_full());
        inbound.finished();
        assert!(!inbound.is_full());
        inbound.started();
        inbound.admit(Event::Text("x".repeat(WAITING_BYTES_MAX)));
        assert!(inbound.is_full());
    }
}
