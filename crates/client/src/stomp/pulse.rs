//! When a heart-beat is due, and when the server has been silent for too long. No clock: the moment
//! is an argument.

use std::time::Duration;

use campanile_stomp::HeartBeatPlan;
use tokio::time::Instant;

/// The server may be silent for so many times what it has promised: networks delay (S176).
const GRACE: u32 = 3;

/// The signs of life of one connection.
#[derive(Debug)]
pub(super) struct Pulse {
    plan: HeartBeatPlan,
    /// When the server was heard last.
    heard: Instant,
    /// When something was sent last.
    sent: Instant,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// Send a heart-beat.
    Beat,
    /// The server was silent for so long: end the connection.
    Silent(Duration),
}

impl Pulse {
    pub(super) fn new(plan: HeartBeatPlan, now: Instant) -> Self {
        Self {
            plan,
            heard: now,
            sent: now,
        }
    }

    /// Something came, or reading goes on after a pause of ours.
    pub(super) fn hear(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Something was sent.
    pub(super) fn send(&mut self, now: Instant) {
        self.sent = now;
    }

    /// When to look again; `None` for never. Who does not read hears nothing, and must not take the
    /// server for dead.
    pub(super) fn next_look(&self, is_reading: bool) -> Option<Instant> {
        let beat = self.send_after().map(|after| self.sent + after);
        let silent = self.silent_after().filter(|_| is_reading);
        let silent = silent.map(|after| self.heard + after);
        [beat, silent].into_iter().flatten().min()
    }

    pub(super) fn due(&self, is_reading: bool, now: Instant) -> Due {
        if let Some(after) = self.silent_after()
            && is_reading
            && now >= self.heard + after
        {
            return Due::Silent(after);
        }
        match self.send_after() {
            Some(after) if now >= self.sent + after => Due::Beat,
            _ => Due::Nothing,
        }
    }

    /// Earlier than agreed on, since the way to the server takes time, too.
    fn send_after(&self) -> Option<Duration> {
        self.plan.send_every.map(|every| every * 3 / 4)
    }

    fn silent_after(&self) -> Option<Duration> {
        self.plan.receive_every.map(|every| every * GRACE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pulse(send: u64, receive: u64) -> (Pulse, Instant) {
        let every = |seconds| (seconds > 0).then(|| Duration::from_secs(seconds));
        let plan = HeartBeatPlan {
            send_every: every(send),
            receive_every: every(receive),
        };
        let start = Instant::now();
        (Pulse::new(plan, start), start)
    }

    #[test]
    fn s176_a_heart_beat_is_sent_before_it_is_late_and_not_while_frames_go_out() {
        let (mut pulse, start) = pulse(4, 0);
        assert_eq!(pulse.next_look(true), Some(start + 3 * SECOND));
        assert_eq!(pulse.due(true, start + 2 * SECOND), Due::Nothing);
        assert_eq!(pulse.due(true, start + 3 * SECOND), Due::Beat);
        pulse.send(start + 2 * SECOND);
        assert_eq!(pulse.due(true, start + 4 * SECOND), Due::Nothing);
        assert_eq!(pulse.next_look(false), Some(start + 5 * SECOND));
    }

    #[test]
    fn s176_three_times_the_promised_time_is_silence_unless_we_do_not_read() {
        let (mut pulse, start) = pulse(0, 10);
        assert_eq!(pulse.due(true, start + 29 * SECOND), Due::Nothing);
        let silent = Due::Silent(30 * SECOND);
        assert_eq!(pulse.due(true, start + 30 * SECOND), silent);
        assert_eq!(pulse.due(false, start + 30 * SECOND), Due::Nothing);
        assert_eq!(pulse.next_look(false), None);
        pulse.hear(start + 25 * SECOND);
        assert_eq!(pulse.next_look(true), Some(start + 55 * SECOND));
        assert_eq!(pulse.due(true, start + 54 * SECOND), Due::Nothing);
        assert_eq!(pulse.due(true, start + 55 * SECOND), silent);
    }

    #[test]
    fn s176_without_an_agreement_nothing_is_due() {
        let (pulse, start) = pulse(0, 0);
        assert_eq!(pulse.next_look(true), None);
        assert_eq!(pulse.due(true, start + 1_000_000 * SECOND), Due::Nothing);
    }
}
