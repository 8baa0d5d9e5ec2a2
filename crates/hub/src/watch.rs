//! Silence and age: when a session that says nothing is asked, and when it is closed.

use std::time::Duration;

use crate::moment::Moment;
use crate::sink::{Cause, Ending};
use crate::wheel::TICK;

/// How long a ping may stay without an answer, unless said otherwise.
pub const PONG_TIMEOUT: Duration = Duration::from_secs(10);

/// What a session may leave undone, and for how long. The default is for ever.
///
/// All are kept on the shard's wheel: what is due happens at most one [`TICK`](crate::TICK) late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// How long the first message of a client may take; beyond it the session is closed with
    /// 1008 `first-message` (S32).
    pub first_message: Option<Duration>,
    /// How long there may be no message either way, pings and pongs not counted; beyond it the
    /// session is closed with 1001 `idle`, and ends as 1006 on this side (S199, S204).
    pub idle: Option<Duration>,
    /// How long a client may be silent before it is sent a ping (S17).
    pub ping: Option<Duration>,
    /// How long it may go on being silent after a ping; beyond it the session is closed with 1001
    /// `no-pong`, and ends as 1006 on this side.
    pub pong: Duration,
    /// How long a client may be silent, without being asked; beyond it the session is closed with
    /// 1001 `silent`, and ends as 1006 on this side. For protocols whose clients have promised a
    /// sign of life.
    pub silence: Option<Duration>,
    /// How long a client may be left without any bytes: before that, it is sent a sign of life,
    /// one [`TICK`] early rather than late. At least two ticks.
    pub heart_beat: Option<Duration>,
    /// How long the session may live at all, because what it was let in with expires; beyond it
    /// the session is closed with 1008 `expired`.
    pub life: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_message: None,
            idle: None,
            ping: None,
            pong: PONG_TIMEOUT,
            silence: None,
            heart_beat: None,
            life: None,
        }
    }
}

impl Timeouts {
    /// Whether nothing is ever due.
    fn are_off(&self) -> bool {
        let Self {
            first_message,
            idle,
            ping,
            pong: _,
            silence,
            heart_beat,
            life,
        } = self;
        [first_message, idle, ping, silence, heart_beat, life]
            .iter()
            .all(|limit| limit.is_none())
    }
}

/// What is to be done about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send it a ping.
    Ping,
    /// Send it a sign of life.
    HeartBeat,
    /// Close it: how it ends on this side, and the code that it is told.
    Close(Ending, u16),
}

/// What is known of one session's silence. There only for sessions that have a time-out.
#[derive(Debug)]
pub(crate) struct Watch {
    timeouts: Timeouts,
    opened: Moment,
    /// When bytes came last.
    heard: Moment,
    /// When a message came or was sent last.
    active: Moment,
    /// When anything was sent last.
    sent: Moment,
    has_spoken: bool,
    /// Nothing is read from the client: it may speak, and we would not hear it.
    is_unheard: bool,
    /// When a ping was sent that nothing has come after.
    pinged: Option<Moment>,
    /// When the wheel reminds of it next.
    armed: Option<Moment>,
}

impl Watch {
    /// Begins to watch; `None` when there is nothing to watch for.
    pub(crate) fn new(timeouts: Timeouts, now: Moment) -> Option<Box<Self>> {
        (!timeouts.are_off()).then(|| {
            Box::new(Self {
                timeouts,
                opened: now,
                heard: now,
                active: now,
                sent: now,
                has_spoken: false,
                is_unheard: false,
                pinged: None,
                armed: None,
            })
        })
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    pub(crate) fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = timeouts;
    }

    /// Reading has paused, or goes on: what a client says meanwhile is no silence of its own.
    pub(crate) fn pauses(&mut self, is_unheard: bool, now: Moment) {
        if std::mem::replace(&mut self.is_unheard, is_unheard) && !is_unheard {
            self.received(false, now);
        }
    }

    /// Bytes have come; `is_message` if a message was among them.
    pub(crate) fn received(&mut self, is_message: bool, now: Moment) {
        self.heard = now;
        self.pinged = None;
        if is_message {
            self.has_spoken = true;
            self.active = now;
        }
    }

    /// Something was sent; `is_message` if it was a message.
    pub(crate) fn sent(&mut self, is_message: bool, now: Moment) {
        self.sent = now;
        if is_message {
            self.active = now;
        }
    }

    /// The session's protocol has nothing to ask a peer with: its silence means nothing.
    pub(crate) fn cannot_be_asked(&mut self) {
        self.pinged = None;
        self.timeouts.ping = None;
    }

    /// When the wheel has to be armed for, if it is not yet.
    pub(crate) fn arm_for(&mut self) -> Option<Moment> {
        let due = self.next_due()?;
        if self.armed.is_some_and(|armed| armed <= due) {
            return None;
        }
        self.armed = Some(due);
        Some(due)
    }

    /// Whether a reminder is the one that counts. Reminders are never taken back, so there may be
    /// others that were armed for a later moment.
    pub(crate) fn is_reminded(&mut self, now: Moment) -> bool {
        let is_due = self.armed.is_some_and(|armed| armed <= now);
        if is_due {
            self.armed = None;
        }
        is_due
    }

    /// What has become due.
    pub(crate) fn due(&mut self, now: Moment) -> Option<Due> {
        if self.is_unheard {
            self.received(false, now);
        }
        let over = |since: Moment, limit: Option<Duration>| {
            limit.filter(|limit| now >= since.plus(*limit))
        };
        let Timeouts {
            first_message,
            idle,
            ping,
            pong,
            silence,
            heart_beat: _,
            life,
        } = self.timeouts;
        if over(self.opened, life).is_some() {
            let reason = "expired: what the session was let in with has expired; reconnect with new credentials";
            return Some(closed(1008, 1008, reason.into()));
        }
        if let Some(limit) = over(self.opened, first_message.filter(|_| !self.has_spoken)) {
            let seconds = limit.as_secs_f32();
            let reason = format!(
                "first-message: nothing was sent within {seconds} s; reconnect and send something"
            );
            return Some(closed(1008, 1008, reason));
        }
        if let Some(limit) = over(self.active, idle) {
            let seconds = limit.as_secs_f32();
            let reason = format!("idle: no message for {seconds} s; reconnect when there is one");
            return Some(closed(1006, 1001, reason));
        }
        if let Some(limit) = over(self.heard, silence) {
            let seconds = limit.as_secs_f32();
            let reason = format!("silent: no sign of life for {seconds} s; reconnect");
            return Some(closed(1006, 1001, reason));
        }
        if self.next_heart_beat().is_some_and(|due| now >= due) {
            self.sent = now;
            return Some(Due::HeartBeat);
        }
        match self.pinged {
            Some(at) if now >= at.plus(pong) => {
                let seconds = pong.as_secs_f32();
                let reason = format!("no-pong: a ping had no answer for {seconds} s; reconnect");
                Some(closed(1006, 1001, reason))
            }
            Some(_) => None,
            None => over(self.heard, ping).map(|_| {
                self.pinged = Some(now);
                Due::Ping
            }),
        }
    }

    /// When a sign of life is due, a tick early: the wheel may be one late.
    fn next_heart_beat(&self) -> Option<Moment> {
        let interval = self.timeouts.heart_beat?;
        Some(self.sent.plus(interval.saturating_sub(TICK).max(TICK)))
    }

    fn next_due(&self) -> Option<Moment> {
        let Timeouts {
            first_message,
            idle,
            ping,
            pong,
            silence,
            heart_beat: _,
            life,
        } = self.timeouts;
        let answer = match self.pinged {
            Some(at) => ping.map(|_| at.plus(pong)),
            None => ping.map(|limit| self.heard.plus(limit)),
        };
        let first = first_message.filter(|_| !self.has_spoken);
        [
            life.map(|limit| self.opened.plus(limit)),
            first.map(|limit| self.opened.plus(limit)),
            idle.map(|limit| self.active.plus(limit)),
            silence.map(|limit| self.heard.plus(limit)),
            self.next_heart_beat(),
            answer,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

fn closed(code: u16, told: u16, reason: String) -> Due {
    let ending = Ending {
        code,
        reason,
        cause: Cause::TimedOut,
    };
    Due::Close(ending, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::default().plus(Duration::from_secs(seconds))
    }

    fn watch(timeouts: Timeouts) -> Box<Watch> {
        Watch::new(timeouts, at(0)).expect("something to watch for")
    }

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    fn told(due: Option<Due>) -> (u16, u16) {
        match due {
            Some(Due::Close(ending, told)) => (ending.code, told),
            other => panic!("not a close: {other:?}"),
        }
    }

    #[test]
    fn without_a_time_out_there_is_no_watch() {
        assert!(Watch::new(Timeouts::default(), at(0)).is_none());
    }

    #[test]
    fn s17_silence_is_answered_with_a_ping_and_then_with_a_close() {
        let mut watch = watch(Timeouts {
            ping: seconds(20),
            ..Timeouts::default()
        });
        assert_eq!(watch.arm_for(), Some(at(20)));
        assert_eq!(watch.arm_for(), None);
        watch.received(false, at(5));
        assert!(watch.is_reminded(at(20)));
        assert_eq!(watch.due(at(20)), None);
        assert_eq!(watch.arm_for(), Some(at(25)));
        assert!(watch.is_reminded(at(25)));
        assert_eq!(watch.due(at(25)), Some(Due::Ping));
        assert_eq!(watch.arm_for(), Some(at(35)));
        assert_eq!(watch.due(at(34)), None);
        assert_eq!(told(watch.due(at(35))), (1006, 1001));
        watch.received(false, at(35));
        assert_eq!(watch.due(at(36)), None);
    }

    #[test]
    fn s17_who_cannot_be_asked_is_not_closed_for_silence() {
        let mut watch = watch(Timeouts {
            ping: seconds(20),
            ..Timeouts::default()
        });
        assert_eq!(watch.due(at(20)), Some(Due::Ping));
        watch.cannot_be_asked();
        assert_eq!(watch.due(at(600)), None);
        assert_eq!(watch.arm_for(), None);
    }

    #[test]
    fn s32_whoever_never_speaks_is_closed_and_whoever_speaks_is_not() {
        let timeouts = Timeouts {
            first_message: seconds(60),
            ..Timeouts::default()
        };
        let mut silent = watch(timeouts);
        silent.received(false, at(59));
        assert_eq!(told(silent.due(at(60))), (1008, 1008));
        let mut speaking = watch(timeouts);
        speaking.received(true, at(59));
        assert_eq!(speaking.due(at(600)), None);
        assert_eq!(speaking.arm_for(), None);
    }

    #[test]
    fn s199_messages_either_way_keep_a_session_and_pongs_do_not() {
        let mut watch = watch(Timeouts {
            idle: seconds(30),
            ..Timeouts::default()
        });
        watch.received(true, at(10));
        watch.sent(true, at(20));
        watch.received(false, at(45));
        assert_eq!(watch.due(at(49)), None);
        assert_eq!(told(watch.due(at(50))), (1006, 1001));
    }

    #[test]
    fn s66_a_sign_of_life_is_sent_a_tick_early_when_nothing_else_is() {
        let mut watch = watch(Timeouts {
            heart_beat: seconds(10),
            ..Timeouts::default()
        });
        let early = |whole: u64| Moment::default().plus(Duration::from_millis(whole * 1_000 - 250));
        assert_eq!(watch.arm_for(), Some(early(10)));
        watch.sent(false, at(4));
        assert_eq!(watch.due(early(10)), None);
        assert_eq!(watch.due(early(14)), Some(Due::HeartBeat));
        assert_eq!(watch.due(at(14)), None);
    }

    #[test]
    fn s67_a_client_that_breaks_its_promise_of_life_is_closed() {
        let mut watch = watch(Timeouts {
            silence: seconds(30),
            ..Timeouts::default()
        });
        watch.sent(true, at(29));
        watch.received(false, at(10));
        assert_eq!(watch.due(at(39)), None);
        assert_eq!(told(watch.due(at(40))), (1006, 1001));
    }

    #[test]
    fn s67_s150_who_is_not_read_from_is_not_silent() {
        let mut watch = watch(Timeouts {
            silence: seconds(30),
            ..Timeouts::default()
        });
        watch.pauses(true, at(10));
        assert_eq!(watch.due(at(30)), None);
        assert_eq!(watch.due(at(60)), None);
        watch.pauses(false, at(80));
        assert_eq!(watch.due(at(109)), None);
        assert_eq!(told(watch.due(at(110))), (1006, 1001));
    }

    #[test]
    fn s207_an_expiry_closes_however_busy_a_session_is() {
        let mut watch = watch(Timeouts {
            life: seconds(5),
            ..Timeouts::default()
        });
        watch.received(true, at(5));
        assert_eq!(told(watch.due(at(5))), (1008, 1008));
    }

    #[test]
    fn a_shorter_limit_is_armed_anew_and_the_older_reminder_means_nothing() {
        let mut watch = watch(Timeouts {
            idle: seconds(100),
            ..Timeouts::default()
        });
        assert_eq!(watch.arm_for(), Some(at(100)));
        watch.set_timeouts(Timeouts {
            idle: seconds(10),
            ..Timeouts::default()
        });
        assert_eq!(watch.arm_for(), Some(at(10)));
        watch.sent(true, at(8));
        assert!(watch.is_reminded(at(10)));
        assert_eq!(watch.arm_for(), Some(at(18)));
        assert!(watch.is_reminded(at(18)));
        watch.sent(true, at(18));
        assert_eq!(watch.arm_for(), Some(at(28)));
        watch.sent(true, at(95));
        assert!(watch.is_reminded(at(28)));
        assert_eq!(watch.arm_for(), Some(at(105)));
        assert!(!watch.is_reminded(at(100)));
    }
}
