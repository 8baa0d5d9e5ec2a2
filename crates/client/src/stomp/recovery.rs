//! What a subscription may not have got, and from where it goes on after a loss.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::{cursor::Cursor, error::StompError, frame::Received, message::Missed};

/// What the client keeps of a subscription, over losses of the connection.
#[derive(Debug)]
pub(super) struct Recovery {
    /// Whether it is to go on after a loss where it has ended.
    is_wanted: bool,
    /// Everything up to here was handed to the user's end. `None` where the server tells no
    /// cursors: then it knows nothing of recovery, or there is none for this destination.
    cursor: Option<Cursor>,
    /// The server is asked to go on after the cursor, and has not answered yet.
    is_asking: bool,
    /// What is missing for good since the last message.
    missed: Missed,
    /// How many messages after the cursor were dropped: after a loss they may come again.
    dropped: u64,
    /// Counts the messages that were handed to the user's end.
    handed: u64,
}

impl Recovery {
    /// For a subscription that is to begin after `after`, or now.
    pub(super) fn new(is_wanted: bool, after: Option<Cursor>) -> Self {
        Self {
            is_wanted,
            cursor: after,
            is_asking: after.is_some(),
            missed: Missed::Nothing,
            dropped: 0,
            handed: 0,
        }
    }

    /// What the next SUBSCRIBE has as its `after`.
    pub(super) fn after(&self) -> Option<Cursor> {
        self.cursor.filter(|_| self.is_asking)
    }

    /// The connection was lost.
    pub(super) fn lose(&mut self) {
        self.is_asking = self.is_wanted && self.cursor.is_some();
        if !self.is_asking {
            self.cursor = None;
            self.miss_for_good();
        }
    }

    /// The server has subscribed it: `receipt` is the answer to SUBSCRIBE. Returns what it has said
    /// about going on where it has ended, if it was asked.
    pub(super) fn begin(&mut self, receipt: &Received) -> Option<bool> {
        let was_asked = std::mem::take(&mut self.is_asking);
        let recovered = match receipt.header("recovered") {
            Some("true") if was_asked => Some(true),
            Some("false") if was_asked => Some(false),
            _ => None,
        };
        if recovered == Some(true) {
            // What was dropped comes again. Where it joined says nothing yet: the replay, which may
            // be cut off as well, is still on its way.
            self.dropped = 0;
            return recovered;
        }
        if was_asked {
            self.miss_for_good();
        }
        let cursor = receipt.header("cursor");
        self.cursor = cursor.and_then(|it| it.parse().ok());
        recovered
    }

    fn miss_for_good(&mut self) {
        self.missed = Missed::Unknown;
        self.dropped = 0;
    }

    /// How many messages the server has dropped, if that is what this MESSAGE says instead of being
    /// one: a server's that tells cursors, with a count in `gap`, and nothing else in it.
    pub(super) fn gap(&self, message: &Received) -> Option<u64> {
        self.cursor?;
        let count = message.header("gap")?.parse().ok()?;
        (count > 0 && message.body.is_empty()).then_some(count)
    }

    /// So many messages were dropped; the last of them had that id.
    pub(super) fn drop(&mut self, count: u64, id: &str) {
        let is_later = |cursor: Cursor| id.parse().is_ok_and(|id| cursor.is_before(id));
        if self.cursor.is_some_and(is_later) {
            self.dropped = self.dropped.saturating_add(count);
            return;
        }
        // A value that was retained, say: nobody sends it again.
        self.missed = match self.missed {
            Missed::Nothing => Missed::Dropped(count),
            Missed::Dropped(before) => Missed::Dropped(before.saturating_add(count)),
            Missed::Unknown => Missed::Unknown,
        };
    }

    /// What is missing in front of the next message.
    pub(super) fn missed(&self) -> Missed {
        match self.missed {
            _ if self.is_asking => Missed::Unknown,
            Missed::Nothing if self.dropped == 0 => Missed::Nothing,
            Missed::Nothing => Missed::Dropped(self.dropped),
            Missed::Dropped(count) => Missed::Dropped(count.saturating_add(self.dropped)),
            Missed::Unknown => Missed::Unknown,
        }
    }

    /// Up to where everything is handed out once the message with that id is. What comes with an
    /// older one, as retained values do, moves nothing.
    pub(super) fn cursor_with(&self, id: &str) -> Option<Cursor> {
        let cursor = self.cursor?;
        match id.parse() {
            Ok(later) if cursor.is_before(later) => Some(later),
            _ => Some(cursor),
        }
    }

    /// The message that leads to `cursor` was handed out, and with it what was missing before it.
    pub(super) fn hand_out(&mut self, cursor: Option<Cursor>) {
        self.cursor = cursor;
        self.missed = Missed::Nothing;
        self.dropped = 0;
        self.handed += 1;
    }
}

/// What both ends of a subscription see.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Why it ended, if not because that was wanted. Set before the queue ends.
    pub(super) end: OnceLock<StompError>,
    begun: Mutex<Begun>,
}

/// How the subscription has begun, the last time.
#[derive(Debug, Default, Clone, Copy)]
struct Begun {
    recovered: Option<bool>,
    cursor: Option<Cursor>,
    /// How many messages the user's end was handed before.
    handed: u64,
}

impl Shared {
    /// It has begun, with what the server has `recovered`.
    pub(super) fn begin(&self, recovery: &Recovery, recovered: Option<bool>) {
        *self.begun() = Begun {
            recovered,
            cursor: recovery.cursor,
            handed: recovery.handed,
        };
    }

    pub(super) fn recovered(&self) -> Option<bool> {
        self.begun().recovered
    }

    /// Where it goes on for one who has taken so many messages: unless there are some between, that
    /// is where it has begun.
    pub(super) fn cursor_after(&self, taken: u64) -> Option<Cursor> {
        let begun = *self.begun();
        begun.cursor.filter(|_| begun.handed == taken)
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        // Whole at any moment.
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use campanile_stomp::Command;

    use super::*;

    fn frame(headers: &[(&str, &str)]) -> Received {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        Received {
            command: Command::Receipt,
            headers: headers.iter().map(owned).collect(),
            body: Bytes::new(),
        }
    }

    fn begun(cursor: &str) -> Recovery {
        let mut recovery = Recovery::new(true, None);
        assert_eq!(recovery.begin(&frame(&[("cursor", cursor)])), None);
        recovery
    }

    fn hand_out(recovery: &mut Recovery, id: &str) {
        recovery.hand_out(recovery.cursor_with(id));
    }

    fn after(recovery: &Recovery) -> String {
        recovery
            .after()
            .map_or_else(String::new, |it| it.to_string())
    }

    #[test]
    fn s184_it_goes_on_after_what_was_handed_out_and_else_where_it_began() {
        let mut recovery = begun("a-5");
        assert_eq!(after(&recovery), "");
        // A retained value is older than where it began.
        hand_out(&mut recovery, "a-3");
        recovery.lose();
        assert_eq!(after(&recovery), "a-5");
        // Where it joined is beyond what is replayed, and that may be cut off, too.
        let receipt = frame(&[("cursor", "a-9"), ("recovered", "true")]);
        assert_eq!(recovery.begin(&receipt), Some(true));
        recovery.lose();
        assert_eq!(after(&recovery), "a-5");
        assert_eq!(recovery.begin(&receipt), Some(true));
        hand_out(&mut recovery, "a-7");
        recovery.lose();
        assert_eq!(after(&recovery), "a-7");
        assert_eq!(recovery.missed(), Missed::Unknown, "nobody has said yet");
        assert_eq!(recovery.begin(&receipt), Some(true));
        assert_eq!(recovery.missed(), Missed::Nothing);
    }

    #[test]
    fn s184_what_was_not_recovered_is_told_with_the_next_message_however_late() {
        let mut recovery = begun("a-5");
        recovery.lose();
        let receipt = frame(&[("cursor", "b-9"), ("recovered", "false")]);
        assert_eq!(recovery.begin(&receipt), Some(false));
        // The second loss is made good; the first one is not.
        recovery.lose();
        assert_eq!(after(&recovery), "b-9");
        let receipt = frame(&[("cursor", "b-9"), ("recovered", "true")]);
        assert_eq!(recovery.begin(&receipt), Some(true));
        assert_eq!(recovery.missed(), Missed::Unknown);
        hand_out(&mut recovery, "b-10");
        assert_eq!(recovery.missed(), Missed::Nothing);
    }

    #[test]
    fn s184_a_server_that_knows_no_recovery_is_asked_for_none() {
        let mut recovery = Recovery::new(true, None);
        recovery.begin(&frame(&[]));
        hand_out(&mut recovery, "a-1");
        recovery.lose();
        assert_eq!(recovery.after(), None);
        assert_eq!(recovery.missed(), Missed::Unknown);
        // One that knew it, and does not any more.
        let mut recovery = begun("a-5");
        recovery.lose();
        assert_eq!(recovery.begin(&frame(&[])), None);
        assert_eq!(recovery.missed(), Missed::Unknown);
        recovery.lose();
        assert_eq!(recovery.after(), None);
        // One whose user wants none.
        let mut recovery = Recovery::new(false, None);
        recovery.begin(&frame(&[("cursor", "a-5")]));
        recovery.lose();
        assert_eq!(recovery.after(), None);
    }

    #[test]
    fn s98_what_was_dropped_is_counted_until_it_comes_again() {
        let mut recovery = begun("a-5");
        let marker = frame(&[("gap", "3"), ("message-id", "a-8")]);
        let count = recovery.gap(&marker).expect("a gap");
        recovery.drop(count, "a-8");
        recovery.drop(1, "a-9");
        assert_eq!(recovery.missed(), Missed::Dropped(4));
        // Of before it began: it is not replayed.
        recovery.drop(1, "a-2");
        assert_eq!(recovery.missed(), Missed::Dropped(5));
        recovery.lose();
        assert_eq!(after(&recovery), "a-5");
        recovery.begin(&frame(&[("cursor", "a-9"), ("recovered", "true")]));
        assert_eq!(recovery.missed(), Missed::Dropped(1));
        hand_out(&mut recovery, "a-6");
        assert_eq!(recovery.missed(), Missed::Nothing);
    }

    #[test]
    fn s98_only_what_a_server_with_cursors_says_is_a_gap() {
        let mut recovery = Recovery::new(true, None);
        let marker = frame(&[("gap", "3")]);
        recovery.begin(&frame(&[]));
        assert_eq!(recovery.gap(&marker), None);
        let recovery = begun("a-5");
        assert_eq!(recovery.gap(&marker), Some(3));
        for none in ["0", "-1", "wide", ""] {
            assert_eq!(recovery.gap(&frame(&[("gap", none)])), None, "{none}");
        }
        let mut message = marker;
        message.body = Bytes::from_static(b"mind it");
        assert_eq!(recovery.gap(&message), None);
    }

    #[test]
    fn s98_where_it_begins_counts_for_one_who_has_taken_all_before() {
        let shared = Shared::default();
        assert_eq!(shared.cursor_after(0), None);
        let mut recovery = begun("a-5");
        hand_out(&mut recovery, "a-6");
        recovery.lose();
        let recovered = recovery.begin(&frame(&[("cursor", "b-1"), ("recovered", "false")]));
        shared.begin(&recovery, recovered);
        assert_eq!(shared.recovered(), Some(false));
        assert_eq!(shared.cursor_after(0), None, "a message waits");
        assert_eq!(shared.cursor_after(1), "b-1".parse().ok());
        assert_eq!(shared.cursor_after(2), None, "later ones came");
    }
}
