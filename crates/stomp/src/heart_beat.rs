//! Who sends signs of life, and how often.

use std::{fmt, time::Duration};

/// What one side can do and wants: the value of `heart-beat` (STOMP 1.2, Heart-beating).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HeartBeat {
    /// The shortest time between two heart-beats that this side can keep to, in milliseconds; 0 if
    /// it sends none.
    pub sends_every_ms: u32,
    /// The time between two heart-beats that this side would like to get, in milliseconds; 0 if it
    /// wants none.
    pub wants_every_ms: u32,
}

/// What two sides have agreed on, as one of them sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HeartBeatPlan {
    /// Send something at least this often; `None` for never.
    pub send_every: Option<Duration>,
    /// The other side sends something this often; `None` if nothing can be expected. Networks
    /// delay: wait for a multiple of it before taking the other side for dead (S67).
    pub receive_every: Option<Duration>,
}

/// A `heart-beat` that is not two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("heart-beat is not two numbers of milliseconds with a comma between; write it as 10000,0")]
pub struct HeartBeatInvalid;

impl HeartBeat {
    /// Neither sends nor wants any, which is what a missing header means.
    pub const NONE: Self = Self {
        sends_every_ms: 0,
        wants_every_ms: 0,
    };

    /// Reads a header's value: two numbers in digits with a comma between, each of at most 32 bits
    /// (49 days).
    ///
    /// # Errors
    /// [`HeartBeatInvalid`] for anything else; signs and blanks are not allowed.
    pub fn parse(value: &str) -> Result<Self, HeartBeatInvalid> {
        let (sends, wants) = value.split_once(',').ok_or(HeartBeatInvalid)?;
        let number = |text: &str| match text.bytes().all(|it| it.is_ascii_digit()) {
            true => text.parse().map_err(|_| HeartBeatInvalid),
            false => Err(HeartBeatInvalid),
        };
        Ok(Self {
            sends_every_ms: number(sends)?,
            wants_every_ms: number(wants)?,
        })
    }

    /// What comes of ours and theirs: in each direction none if one side does not offer or the
    /// other does not want them, else the longer of the two times (STOMP 1.2, Heart-beating; S67).
    pub fn negotiate(ours: Self, theirs: Self) -> HeartBeatPlan {
        let every = |offer: u32, wish: u32| {
            let millis = offer.max(wish).into();
            (offer > 0 && wish > 0).then(|| Duration::from_millis(millis))
        };
        HeartBeatPlan {
            send_every: every(ours.sends_every_ms, theirs.wants_every_ms),
            receive_every: every(theirs.sends_every_ms, ours.wants_every_ms),
        }
    }
}

/// As the header's value is written.
impl fmt::Display for HeartBeat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{},{}", self.sends_every_ms, self.wants_every_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(sends_every_ms: u32, wants_every_ms: u32) -> HeartBeat {
        HeartBeat {
            sends_every_ms,
            wants_every_ms,
        }
    }

    #[test]
    fn s67_stomp12_heart_beating_takes_the_longer_time_in_each_direction() {
        let plan = |ours, theirs| {
            let plan = HeartBeat::negotiate(ours, theirs);
            let millis = |it: Option<Duration>| it.map_or(0, |it| it.as_millis());
            (millis(plan.send_every), millis(plan.receive_every))
        };
        assert_eq!(plan(beat(500, 10_000), beat(4_000, 8_000)), (8_000, 10_000));
        assert_eq!(plan(beat(500, 10_000), beat(20_000, 100)), (500, 20_000));
        assert_eq!(plan(beat(500, 10_000), HeartBeat::NONE), (0, 0));
        assert_eq!(plan(HeartBeat::NONE, beat(1, 1)), (0, 0));
        assert_eq!(plan(beat(0, 10), beat(10, 10)), (0, 10));
        assert_eq!(plan(beat(10, 0), beat(10, 10)), (10, 0));
    }

    #[test]
    fn s67_stomp11_heart_beat_headers_are_two_numbers() {
        assert_eq!(HeartBeat::parse("0,0"), Ok(HeartBeat::NONE));
        assert_eq!(
            HeartBeat::parse("10000,4294967295"),
            Ok(beat(10_000, u32::MAX))
        );
        assert_eq!(HeartBeat::parse("007,1"), Ok(beat(7, 1)));
        for value in [
            "",
            ",",
            "1",
            "1,",
            ",1",
            "1,2,3",
            "+1,2",
            "-1,2",
            "1, 2",
            " 1,2",
            "1.5,2",
            "1,4294967296",
            "１,2",
            "99999999999999999999,0",
        ] {
            assert_eq!(HeartBeat::parse(value), Err(HeartBeatInvalid), "{value}");
        }
        assert_eq!(beat(1, 2).to_string(), "1,2");
        assert_eq!(HeartBeat::default(), HeartBeat::NONE);
    }
}
