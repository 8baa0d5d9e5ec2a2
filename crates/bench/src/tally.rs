//! What all sessions together have received.

use std::collections::VecDeque;

use crate::{
    histogram::Histogram,
    ledger::{Arrival, Ledger},
    marker::Marker,
};

/// One series of publications and those who are to receive it.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    /// Sessions that are open.
    pub(crate) members: u32,
    /// Publications sent; the number of the next one.
    pub(crate) published: u64,
    /// The number of the first publication that somebody has not received.
    oldest: u64,
    /// How many have received each publication from `oldest` on.
    receivers: VecDeque<u32>,
}

/// Counts of one part of a run.
#[derive(Debug)]
pub(crate) struct Tally {
    /// The run and its part; other publications are not counted.
    pub(crate) run: u32,
    pub(crate) channels: Vec<Channel>,
    /// Whether it matters when a publication has reached all: the next one waits for that.
    is_windowed: bool,
    /// Channels in which a publication has reached all, one entry for each.
    pub(crate) completed: Vec<u32>,
    /// Publications that were received, each once by each session.
    pub(crate) delivered: u64,
    /// Publications that a session received again.
    pub(crate) duplicated: u64,
    /// Publications that came after a later one.
    pub(crate) out_of_order: u64,
    /// Publications of another channel than the session's.
    pub(crate) misdelivered: u64,
    /// Publications that are known not to arrive any more.
    pub(crate) missing: u64,
    /// Latencies since the last look, in nanoseconds.
    pub(crate) latencies: Histogram,
    /// When the last delivery was.
    pub(crate) last_delivery: u64,
}

impl Tally {
    /// An empty count for `channels`; `run` is what the markers say.
    pub(crate) fn new(run: u32, channels: usize, is_windowed: bool) -> Self {
        Self {
            run,
            channels: (0..channels).map(|_| Channel::default()).collect(),
            is_windowed,
            completed: Vec::new(),
            delivered: 0,
            duplicated: 0,
            out_of_order: 0,
            misdelivered: 0,
            missing: 0,
            latencies: Histogram::new(),
            last_delivery: 0,
        }
    }

    /// The number of a new publication.
    pub(crate) fn publish(&mut self, channel: usize) -> u64 {
        let channel = &mut self.channels[channel];
        let sequence = channel.published;
        channel.published += 1;
        if self.is_windowed {
            channel.receivers.push_back(0);
        }
        sequence
    }

    /// Enters what a session of `channel` has received at `now`. `is_timed` is false for one that
    /// reads late of its own will: it is checked, but no delivery of the server's.
    #[inline]
    pub(crate) fn deliver(
        &mut self,
        ledger: &mut Ledger,
        channel: u32,
        marker: &Marker,
        now: u64,
        is_timed: bool,
    ) {
        if marker.run != self.run {
            return;
        }
        let index = marker.channel as usize;
        if marker.channel != channel || marker.sequence >= self.channels[index].published {
            self.misdelivered += 1;
            return;
        }
        match ledger.enter(marker.sequence) {
            Arrival::Ahead => {}
            Arrival::Late => self.out_of_order += 1,
            Arrival::Again => {
                self.duplicated += 1;
                return;
            }
        }
        if is_timed {
            self.delivered += 1;
            self.latencies.record(now.saturating_sub(marker.sent));
            self.last_delivery = now;
        }
        if self.is_windowed {
            self.receive(index, marker.sequence);
        }
    }

    #[inline]
    fn receive(&mut self, index: usize, sequence: u64) {
        let channel = &mut self.channels[index];
        let Some(place) = sequence.checked_sub(channel.oldest) else {
            return;
        };
        if let Some(receivers) = channel.receivers.get_mut(place as usize) {
            *receivers += 1;
            if place == 0 && *receivers >= channel.members {
                self.complete(index);
            }
        }
    }

    /// Takes out the publications that all have received.
    fn complete(&mut self, index: usize) {
        let channel = &mut self.channels[index];
        while let Some(receivers) = channel.receivers.front()
            && *receivers >= channel.members
        {
            channel.receivers.pop_front();
            channel.oldest += 1;
            self.completed.push(index as u32);
        }
    }

    /// A session has left its channel: nobody waits for it any more, and what it has skipped will
    /// not come.
    pub(crate) fn leave(&mut self, index: u32, ledger: &Ledger) {
        self.missing += ledger.skipped();
        let channel = &mut self.channels[index as usize];
        channel.members = channel.members.saturating_sub(1);
        for (receivers, sequence) in channel.receivers.iter_mut().zip(channel.oldest..) {
            *receivers -= u32::from(*receivers > 0 && ledger.has(sequence));
        }
        if self.is_windowed {
            self.complete(index as usize);
        }
    }

    /// Takes everything that is outstanding for lost, so that publishing can go on.
    pub(crate) fn give_up(&mut self) {
        for (index, channel) in self.channels.iter_mut().enumerate() {
            let outstanding = channel.receivers.drain(..);
            self.completed.extend(outstanding.map(|_| index as u32));
            channel.oldest = channel.published;
        }
    }

    /// Publications sent in all channels.
    pub(crate) fn published(&self) -> u64 {
        self.channels.iter().map(|channel| channel.published).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(channel: u32, sequence: u64) -> Marker {
        Marker {
            run: 7,
            channel,
            sequence,
            sent: 100,
        }
    }

    fn two_members() -> (Tally, Ledger, Ledger) {
        let mut tally = Tally::new(7, 2, true);
        tally.channels[0].members = 2;
        (tally, Ledger::from_the_start(), Ledger::from_the_start())
    }

    #[test]
    fn a_publication_is_complete_when_all_have_it() {
        let (mut tally, mut one, mut two) = two_members();
        tally.publish(0);
        tally.publish(0);
        tally.deliver(&mut one, 0, &marker(0, 0), 150, true);
        tally.deliver(&mut one, 0, &marker(0, 1), 150, true);
        assert!(tally.completed.is_empty());
        tally.deliver(&mut two, 0, &marker(0, 1), 150, true);
        assert!(tally.completed.is_empty(), "the first is still outstanding");
        tally.deliver(&mut two, 0, &marker(0, 0), 170, true);
        assert_eq!(tally.completed, [0, 0]);
        assert_eq!(
            (tally.delivered, tally.out_of_order, tally.duplicated),
            (4, 1, 0)
        );
        assert_eq!((tally.latencies.max(), tally.last_delivery), (70, 170));
    }

    #[test]
    fn what_is_not_of_this_run_or_channel_is_no_delivery() {
        let (mut tally, mut one, _) = two_members();
        tally.publish(0);
        tally.publish(1);
        let other = Marker {
            run: 8,
            ..marker(0, 0)
        };
        tally.deliver(&mut one, 0, &other, 150, true);
        assert_eq!(tally.misdelivered, 0);
        tally.deliver(&mut one, 0, &marker(1, 0), 150, true);
        tally.deliver(&mut one, 0, &marker(0, 1), 150, true);
        tally.deliver(&mut one, 0, &marker(9, 0), 150, true);
        assert_eq!((tally.misdelivered, tally.delivered), (3, 0));
        tally.deliver(&mut one, 0, &marker(0, 0), 150, true);
        tally.deliver(&mut one, 0, &marker(0, 0), 150, true);
        assert_eq!((tally.delivered, tally.duplicated), (1, 1));
    }

    #[test]
    fn nobody_waits_for_a_session_that_has_left() {
        let (mut tally, mut one, mut two) = two_members();
        (0..3).for_each(|_| _ = tally.publish(0));
        (0..2).for_each(|n| tally.deliver(&mut one, 0, &marker(0, n), 150, true));
        tally.deliver(&mut two, 0, &marker(0, 1), 150, true);
        // It had the second, but not the first.
        tally.leave(0, &two);
        assert_eq!((tally.completed.len(), tally.missing), (2, 1));
        tally.deliver(&mut one, 0, &marker(0, 2), 150, true);
        assert_eq!(tally.completed.len(), 3);
    }

    #[test]
    fn what_is_given_up_makes_room() {
        let (mut tally, mut one, _) = two_members();
        (0..3).for_each(|_| _ = tally.publish(0));
        tally.give_up();
        assert_eq!(tally.completed, [0, 0, 0]);
        tally.deliver(&mut one, 0, &marker(0, 2), 150, true);
        assert_eq!((tally.delivered, one.skipped()), (1, 2));
        assert_eq!(tally.published(), 3);
    }
}
