//! What waits for a session's handler.

use std::collections::VecDeque;

use crate::context::Event;
use crate::endpoint::{WAITING_BYTES_MAX, WAITING_MESSAGES_MAX};

/// How many handlers of a session are running, and what happened meanwhile. Handlers run one at a
/// time, in order (S197), but for those that may run beside others of their kind.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    running: u16,
    /// How many may run now: what the one that runs, or the least of several, allows.
    allowed: u16,
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
        if self.waiting.is_none() && self.has_place_for(&event) {
            return Some(event);
        }
        self.wait(event);
        None
    }

    fn has_place_for(&self, event: &Event) -> bool {
        self.running == 0 || self.running < self.allowed.min(event.concurrency())
    }

    /// Lets an event wait behind whatever waits already.
    pub(crate) fn wait(&mut self, event: Event) {
        let waiting = self.waiting.get_or_insert_default();
        // Others publish while nothing is read from this session: their number has no limit.
        if let (Event::Dropped(more), Some(Event::Dropped(count))) =
            (&event, waiting.events.back_mut())
        {
            *count = count.saturating_add(*more);
            return;
        }
        waiting.bytes += event.bytes();
        waiting.events.push_back(event);
    }

    /// Notes that a handler is running, beside which so many may run in all.
    pub(crate) fn started(&mut self, concurrency: u16) {
        self.allowed = match self.running {
            0 => concurrency,
            _ => self.allowed.min(concurrency),
        };
        self.running += 1;
    }

    /// Notes that a handler has ended.
    pub(crate) fn ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// The next event that can be handled now.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let first = self.waiting.as_ref()?.events.front()?;
        if !self.has_place_for(first) {
            return None;
        }
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
        self.running > 0
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
        inbound.started(1);
        assert!(inbound.admit(Event::Text("2".into())).is_none());
        assert!(inbound.admit(Event::Opened).is_none());
        assert!(inbound.next().is_none());
        inbound.ended();
        assert!(matches!(inbound.next(), Some(Event::Text(text)) if text == "2"));
        assert!(matches!(inbound.next(), Some(Event::Opened)));
        assert!(inbound.next().is_none());
        assert!(inbound.waiting.is_none());
    }

    #[test]
    fn s30_drops_that_wait_are_one_event() {
        let mut inbound = Inbound::default();
        inbound.started(1);
        for _ in 0..1_000 {
            assert!(inbound.admit(Event::Dropped(2)).is_none());
        }
        inbound.admit(Event::Pong(Default::default()));
        inbound.admit(Event::Dropped(u32::MAX));
        inbound.admit(Event::Dropped(1));
        inbound.ended();
        assert!(matches!(inbound.next(), Some(Event::Dropped(2_000))));
        assert!(matches!(inbound.next(), Some(Event::Pong(_))));
        assert!(matches!(inbound.next(), Some(Event::Dropped(u32::MAX))));
        assert!(inbound.next().is_none());
    }

    #[test]
    fn s150_reading_pauses_by_count_and_by_bytes() {
        let mut inbound = Inbound::default();
        inbound.started(1);
        for _ in 0..WAITING_MESSAGES_MAX {
            assert!(!inbound.is_full());
            inbound.admit(Event::Text(String::new()));
        }
        assert!(inbound.is_full());
        inbound.ended();
        inbound.next();
        assert!(!inbound.is_full());
        inbound.started(1);
        inbound.admit(Event::Text("x".repeat(WAITING_BYTES_MAX)));
        assert!(inbound.is_full());
    }
}
