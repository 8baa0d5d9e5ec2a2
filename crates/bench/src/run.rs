//! What all shapes do: open sessions, find out whether they hear, publish, read, leave.

use std::time::Duration;

use crate::{
    clock::{Clock, SECOND},
    error::{BenchError, OpeningError},
    fleet::{Fleet, Happened},
    histogram::Histogram,
    marker::{Marker, Payload},
    masks::Masks,
    plan::{Plan, Shape},
    progress::{Progress, Stage, Teller},
    report::Interval,
    tally::Tally,
    usage::Watch,
};

/// Handshakes under way at once: less than the shortest backlog that servers are found with.
pub(crate) const OPENING_MAX: usize = 64;

/// How long nothing may happen while sessions open.
pub(crate) const OPENING_PATIENCE: u64 = 10 * SECOND;

/// How long the first message may take to reach all, and how often it is sent again: a server
/// that subscribes a session after its handshake may miss the first.
const SETTLING: u64 = 10 * SECOND;
const SETTLING_STEP: u64 = SECOND / 2;

/// How long sessions may take to leave.
pub(crate) const LEAVING: u64 = 5 * SECOND;

/// The longest wait, so that progress is told.
pub(crate) const WAIT: Duration = Duration::from_millis(50);

/// The state of a run.
pub(crate) struct Run<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) clock: Clock,
    pub(crate) fleet: Fleet,
    pub(crate) tally: Tally,
    pub(crate) watch: Watch,
    /// How long sessions took to open, in nanoseconds.
    pub(crate) openings: Histogram,
    /// Sessions that have left, as they wanted to.
    pub(crate) left: Vec<usize>,
    /// Sessions that could not be opened.
    pub(crate) failed: Vec<(usize, OpeningError)>,
    /// Whether each publication that has reached all is followed by another.
    pub(crate) is_refilling: bool,
    /// What has happened over time.
    pub(crate) series: Vec<Interval>,
    payload: Payload,
    /// The room whose turn it is.
    room: usize,
    teller: Teller<'a>,
}

impl<'a> Run<'a> {
    /// Reaches the server, but opens no session yet.
    pub(crate) fn new(
        plan: &'a Plan,
        progress: &'a mut dyn FnMut(&Progress),
    ) -> Result<Self, BenchError> {
        let clock = Clock::start();
        // The lowest octet is the part of the run.
        let run = u32::from_be_bytes(Masks::new().take::<4>()?) & !0xff;
        Ok(Self {
            plan,
            clock,
            fleet: Fleet::new(plan, clock)?,
            tally: Tally::new(run, plan.channels(), false),
            watch: Watch::new(plan.pid, clock),
            openings: Histogram::new(),
            left: Vec::new(),
            failed: Vec::new(),
            is_refilling: false,
            series: Vec::new(),
            payload: Payload::new(plan.payload_bytes),
            room: 0,
            teller: Teller::new(progress, clock),
        })
    }

    /// Tells how far the run is, if it was not told a moment ago.
    pub(crate) fn tell(&mut self, stage: Stage, done: f64, rate: Option<f64>) {
        self.teller.tell(stage, done, rate);
    }

    /// Waits for at most `timeout`, and reads all sessions that are ready.
    pub(crate) fn turn(&mut self, timeout: Duration) -> Result<(), BenchError> {
        self.fleet.wait(timeout)?;
        // Those that turn out to have more have their turn after the others.
        for _ in 0..self.fleet.ready() {
            let Some(index) = self.fleet.next_ready() else {
                break;
            };
            match self.fleet.read(index, &mut self.tally) {
                Ok(Happened::Nothing | Happened::Closed) => {}
                Ok(Happened::Opened(nanos)) => self.openings.record(nanos),
                Ok(Happened::Left) => self.left.push(index),
                Err(why) => self.failed.push((index, why)),
            }
            self.refill()?;
        }
        Ok(())
    }

    /// Publishes for everything that has reached all.
    pub(crate) fn refill(&mut self) -> Result<(), BenchError> {
        if !self.is_refilling {
            self.tally.completed.clear();
            return Ok(());
        }
        while let Some(completed) = self.tally.completed.pop() {
            let channel = match self.plan.shape {
                Shape::Rooms => self.next_room(),
                _ => completed as usize,
            };
            self.publish(channel, self.clock.now())?;
        }
        Ok(())
    }

    /// The room whose turn it is to publish.
    pub(crate) fn next_room(&mut self) -> usize {
        let room = self.room;
        self.room = (room + 1) % self.plan.channels();
        room
    }

    /// Publishes in a channel; `sent` is when that was due. False if nobody is there to do it.
    pub(crate) fn publish(&mut self, channel: usize, sent: u64) -> Result<bool, BenchError> {
        let mut members = (channel..self.plan.sessions).step_by(self.plan.channels());
        match members.find(|index| self.fleet.is_open(*index)) {
            Some(publisher) => self.publish_from(publisher, sent).map(|()| true),
            None => Ok(false),
        }
    }

    /// Publishes from a session, in its channel.
    pub(crate) fn publish_from(&mut self, publisher: usize, sent: u64) -> Result<(), BenchError> {
        let channel = self.plan.channel_of(publisher);
        let marker = Marker {
            run: self.tally.run,
            channel: channel as u32,
            sequence: self.tally.publish(channel),
            sent,
        };
        self.fleet
            .publish(publisher, self.payload.stamped(&marker))?;
        // One write for each message, as by anybody who sends a message when there is one: a server
        // is not handed the batches that it should form itself.
        self.fleet.flush(publisher);
        Ok(())
    }

    /// Opens all sessions.
    pub(crate) fn open_all(&mut self) -> Result<(), BenchError> {
        let wanted = self.plan.sessions;
        let (before, mut begun) = (self.openings.total(), 0);
        let mut last = (0, self.clock.now());
        loop {
            let open = (self.openings.total() - before) as usize;
            let now = self.clock.now();
            if open != last.0 {
                last = (open, now);
            }
            self.tell(Stage::Opening, open as f64 / wanted as f64, None);
            if open == wanted {
                return self.check_none_closed();
            }
            if now - last.1 > OPENING_PATIENCE {
                return Err(BenchError::OpeningStopped {
                    open,
                    wanted,
                    seconds: OPENING_PATIENCE / SECOND,
                    dialect: self.plan.dialect.name(),
                });
            }
            while begun < wanted && begun - open < OPENING_MAX {
                let why = self.fleet.connect(begun);
                why.map_err(|why| BenchError::Opening {
                    session: begun,
                    why: why.into(),
                })?;
                begun += 1;
            }
            self.turn(WAIT)?;
            if !self.failed.is_empty() {
                let (session, why) = self.failed.swap_remove(0);
                return Err(BenchError::Opening { session, why });
            }
        }
    }

    fn check_none_closed(&self) -> Result<(), BenchError> {
        let Some(reason) = self.fleet.reasons.keys().next() else {
            return Ok(());
        };
        let mut sessions = 0..self.plan.sessions;
        let session = sessions.find(|index| !self.fleet.is_open(*index));
        Err(BenchError::Opening {
            session: session.unwrap_or_default(),
            why: OpeningError::Closed(reason.clone()),
        })
    }

    /// Publishes in every channel until all sessions have heard something, so that nothing which
    /// is counted later begins before everybody listens.
    pub(crate) fn settle(&mut self) -> Result<(), BenchError> {
        let start = self.clock.now();
        let mut next = start;
        loop {
            let deaf: Vec<usize> = self.deaf().collect();
            let wanted = self.plan.sessions;
            let heard = wanted - deaf.len();
            self.tell(Stage::Settling, heard as f64 / wanted as f64, None);
            if deaf.is_empty() {
                return self.check_none_closed();
            }
            let now = self.clock.now();
            if now - start > SETTLING {
                self.check_none_closed()?;
                return Err(BenchError::NotHeard {
                    heard,
                    wanted,
                    seconds: SETTLING / SECOND,
                    whom: match self.plan.shape {
                        Shape::Echo => "the session that it came from",
                        Shape::Rooms => "all sessions of its path, the sender too",
                        _ => "all its sessions, the sender too",
                    },
                });
            }
            if now >= next {
                next = now + SETTLING_STEP;
                let mut channels: Vec<usize> = deaf
                    .iter()
                    .map(|index| self.plan.channel_of(*index))
                    .collect();
                channels.sort_unstable();
                channels.dedup();
                for channel in channels {
                    self.publish(channel, now)?;
                }
            }
            self.turn(WAIT)?;
        }
    }

    /// Sessions that have heard nothing since they were opened.
    pub(crate) fn deaf(&self) -> impl Iterator<Item = usize> {
        let sessions = self.fleet.sessions.iter().enumerate();
        let deaf = sessions.filter(|(_, session)| !session.ledger.has_heard());
        deaf.map(|(index, _)| index)
    }

    /// Lets all sessions leave. Those that have not after some seconds are cut off.
    pub(crate) fn leave_all(&mut self) -> Result<(), BenchError> {
        for index in 0..self.plan.sessions {
            self.fleet.leave(index, &mut self.tally)?;
        }
        let start = self.clock.now();
        while self.fleet.connected() > 0 && self.clock.now() - start < LEAVING {
            self.turn(WAIT)?;
            let gone = self.plan.sessions - self.fleet.connected();
            self.tell(
                Stage::Leaving,
                gone as f64 / self.plan.sessions as f64,
                None,
            );
        }
        for index in 0..self.plan.sessions {
            self.fleet.drop_connection(index);
        }
        self.left.clear();
        Ok(())
    }
}
