//! Whether anybody fetches what waits in a pipe for its client (S47, S49).

use std::io::IoSlice;
use std::time::Duration;

use campanile_hub::Moment;

/// How much waits in a pipe while no request fetches it, in bytes. Beyond it the session's outbox
/// begins.
pub(crate) const UNATTENDED_BYTES_MAX: usize = 64 << 10;

/// Heart-beats, of SockJS and of STOMP within it: there is no need of one where something waits.
const HEART_BEATS: [&[u8]; 2] = [b"h\n", b"a[\"\\n\"]\n"];

/// What a line with messages begins with.
const MESSAGES: u8 = b'a';

/// Since when nobody fetches, and how much has come since.
pub(super) struct Attendance {
    delay: Duration,
    lines_max: usize,
    /// `None` while a request fetches.
    unattended_since: Option<Moment>,
    /// How many lines with messages have come since then.
    lines: usize,
    /// The first byte of the line that is coming.
    first: Option<u8>,
}

/// What the shard is to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attended {
    /// Look again at this moment.
    Until(Moment),
    /// End the session: nobody has come for so long.
    Abandoned(Duration),
    /// End the session: there are more lines than this waiting.
    Overflowing(usize),
}

impl Attendance {
    pub(super) fn new(delay: Duration, lines_max: usize, now: Moment) -> Self {
        Self {
            delay,
            lines_max,
            unattended_since: Some(now),
            lines: 0,
            first: None,
        }
    }

    pub(super) fn begins(&mut self) {
        self.unattended_since = None;
        self.lines = 0;
    }

    pub(super) fn ends(&mut self, now: Moment, lines: usize) {
        self.unattended_since = Some(now);
        self.lines = lines;
        self.first = None;
    }

    /// How it is now.
    pub(super) fn at(&self, now: Moment) -> Attended {
        if self.overflows() {
            return Attended::Overflowing(self.lines_max);
        }
        match self.unattended_since {
            Some(since) if now.since(since) >= self.delay => Attended::Abandoned(self.delay),
            Some(since) => Attended::Until(since.plus(self.delay)),
            None => Attended::Until(now.plus(self.delay)),
        }
    }

    /// Whether more lines wait for a request than may.
    pub(super) fn overflows(&self) -> bool {
        self.unattended_since.is_some() && self.lines > self.lines_max
    }

    /// How much may wait, if it is `room` while a request fetches.
    pub(super) fn room(&self, room: usize) -> usize {
        match self.unattended_since {
            Some(_) => room.max(UNATTENDED_BYTES_MAX),
            None => room,
        }
    }

    /// Whether nobody needs these bytes: heart-beats do not pile up.
    pub(super) fn is_superfluous(&self, buffers: &[IoSlice<'_>], waiting: usize) -> bool {
        let is_heart_beat = matches!(buffers, [only] if HEART_BEATS.contains(&&**only));
        is_heart_beat && waiting != 0 && self.unattended_since.is_some()
    }

    /// Counts what has come.
    pub(super) fn has_come(&mut self, bytes: &[u8]) {
        if self.unattended_since.is_none() {
            return;
        }
        for byte in bytes {
            let first = *self.first.get_or_insert(*byte);
            if *byte == b'\n' {
                self.lines += usize::from(first == MESSAGES);
                self.first = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::after_start(Duration::from_secs(seconds))
    }

    #[test]
    fn s47_a_session_is_abandoned_once_the_delay_is_over_without_a_request() {
        let mut attendance = Attendance::new(Duration::from_secs(5), 100, at(10));
        assert_eq!(attendance.at(at(14)), Attended::Until(at(15)));
        attendance.begins();
        assert_eq!(attendance.at(at(100)), Attended::Until(at(105)));
        attendance.ends(at(101), 0);
        assert_eq!(attendance.at(at(105)), Attended::Until(at(106)));
        let abandoned = Attended::Abandoned(Duration::from_secs(5));
        assert_eq!(attendance.at(at(106)), abandoned);
    }

    #[test]
    fn s49_lines_count_while_nobody_fetches_and_heart_beats_do_not_pile_up() {
        let mut attendance = Attendance::new(Duration::from_secs(5), 2, at(0));
        attendance.has_come(b"o\na[\"1\"]\n");
        assert!(!attendance.overflows());
        let heart_beat = [IoSlice::new(b"h\n")];
        assert!(attendance.is_superfluous(&heart_beat, 8));
        assert!(!attendance.is_superfluous(&heart_beat, 0));
        assert!(!attendance.is_superfluous(&[IoSlice::new(b"a[\"h\"]\n")], 8));
        attendance.has_come(b"h\na[\"2");
        attendance.has_come(b"\"]\na[\"3\"]\n");
        assert_eq!(attendance.at(at(1)), Attended::Overflowing(2));
        attendance.begins();
        attendance.has_come(b"a[\"3\"]\na[\"4\"]\na[\"5\"]\n");
        assert!(!attendance.overflows());
        assert!(!attendance.is_superfluous(&heart_beat, 8));
        attendance.ends(at(2), 3);
        assert!(attendance.overflows());
    }

    #[test]
    fn more_may_wait_while_nobody_fetches() {
        let mut attendance = Attendance::new(Duration::from_secs(5), 100, at(0));
        assert_eq!(attendance.room(16), UNATTENDED_BYTES_MAX);
        attendance.begins();
        assert_eq!(attendance.room(16), 16);
    }
}
