//! Whether every message of every producer has come to one consumer, once.

use crate::{
    histogram::Histogram,
    ledger::{Arrival, Ledger},
    marker::Marker,
    queue::plan::QueuePlan,
};

/// Which part of a marker's `run` is the generator's own; the rest counts the parts of its run.
const RUN_MASK: u32 = !0xff;

/// What is known about one producer's messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Producer {
    /// Messages sent; the number of the next one.
    pub(crate) sent: u64,
    /// Messages that the server has taken: what receipts say.
    pub(crate) confirmed: u64,
    /// Messages that have come to a consumer, each counted once.
    pub(crate) received: u64,
    ledger: Ledger,
}

/// Counts of one part of a run.
#[derive(Debug)]
pub(crate) struct Tally {
    /// The run and its part.
    pub(crate) run: u32,
    plan: QueuePlan,
    pub(crate) producers: Vec<Producer>,
    /// For each consumer and producer, one more than the highest number that has come.
    reached: Vec<u64>,
    /// Messages that came for the first time.
    pub(crate) delivered: u64,
    /// Messages that came again, those of earlier parts included.
    pub(crate) duplicated: u64,
    /// Messages that came to a consumer after a later one of the same producer.
    pub(crate) out_of_order: u64,
    /// Messages that came from another queue than they were sent to, or were never sent.
    pub(crate) misdelivered: u64,
    /// Latencies since the last look, in nanoseconds.
    pub(crate) latencies: Histogram,
    /// When the last message came.
    pub(crate) last_delivery: u64,
}

impl Tally {
    /// An empty count; `run` is what the markers say.
    pub(crate) fn new(run: u32, plan: QueuePlan) -> Self {
        Self {
            run,
            plan,
            producers: vec![Producer::default(); plan.producers],
            reached: vec![0; plan.producers * plan.consumers],
            delivered: 0,
            duplicated: 0,
            out_of_order: 0,
            misdelivered: 0,
            latencies: Histogram::new(),
            last_delivery: 0,
        }
    }

    /// An empty count for the next part of the same run.
    pub(crate) fn next_part(&self) -> Self {
        Self::new(self.run + 1, self.plan)
    }

    /// The marker of a producer's next message, and the queue that it goes to.
    pub(crate) fn send(&mut self, producer: usize, sent: u64) -> (Marker, usize) {
        let books = &mut self.producers[producer];
        let sequence = books.sent;
        books.sent += 1;
        let marker = Marker {
            run: self.run,
            channel: producer as u32,
            sequence,
            sent,
        };
        (marker, self.plan.queue_of(producer, sequence))
    }

    /// The server has taken all of a producer's messages of this part before number `end`.
    pub(crate) fn confirm(&mut self, producer: usize, run: u32, end: u64) {
        if run == self.run {
            let books = &mut self.producers[producer];
            books.confirmed = books.confirmed.max(end.min(books.sent));
        }
    }

    /// Enters a message that has come to a consumer at `now`.
    #[inline]
    pub(crate) fn receive(&mut self, consumer: usize, marker: &Marker, now: u64) {
        if marker.run != self.run {
            // Those that somebody else has left in the queue are nobody's fault.
            if marker.run & RUN_MASK == self.run & RUN_MASK {
                self.duplicated += 1;
            }
            return;
        }
        let producer = marker.channel as usize;
        let is_sent = (self.producers.get(producer)).is_some_and(|it| marker.sequence < it.sent);
        let queue = self.plan.queue_for(consumer);
        if !is_sent || self.plan.queue_of(producer, marker.sequence) != queue {
            self.misdelivered += 1;
            return;
        }
        let books = &mut self.producers[producer];
        if books.ledger.enter(marker.sequence) == Arrival::Again {
            self.duplicated += 1;
            return;
        }
        let reached = &mut self.reached[consumer * self.plan.producers + producer];
        if marker.sequence < *reached {
            self.out_of_order += 1;
        }
        *reached = (*reached).max(marker.sequence + 1);
        books.received += 1;
        self.delivered += 1;
        self.latencies.record(now.saturating_sub(marker.sent));
        self.last_delivery = now;
    }

    /// Whether a producer may send, of whose messages at most `window` are to be under way: neither
    /// without a receipt, nor with the server.
    pub(crate) fn may_send(&self, producer: usize, window: usize) -> bool {
        let books = &self.producers[producer];
        books.sent - books.confirmed.min(books.received) < window as u64
    }

    /// Messages sent by all producers.
    pub(crate) fn sent(&self) -> u64 {
        self.producers.iter().map(|producer| producer.sent).sum()
    }

    /// Messages that were sent and have not come.
    pub(crate) fn missing(&self) -> u64 {
        let producers = self.producers.iter();
        producers.map(|it| it.ledger.missing(it.sent)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two producers, three consumers and two queues: consumers 0 and 2 share the first queue.
    fn tally() -> Tally {
        let plan = QueuePlan {
            producers: 2,
            consumers: 3,
            queues: 2,
            ..QueuePlan::default()
        };
        Tally::new(0x1200, plan)
    }

    fn send(tally: &mut Tally, producer: usize, count: u64) -> Vec<Marker> {
        let mut markers = Vec::new();
        (0..count).for_each(|_| markers.push(tally.send(producer, 100).0));
        markers
    }

    #[test]
    fn what_came_once_to_a_consumer_of_its_queue_is_right() {
        let mut tally = tally();
        let sent = send(&mut tally, 0, 4);
        assert_eq!((tally.sent(), tally.missing()), (4, 4));
        for (consumer, number) in [(2, 2), (0, 0), (1, 1), (1, 3)] {
            tally.receive(consumer, &sent[number], 150);
        }
        assert_eq!((tally.delivered, tally.missing()), (4, 0));
        let faults = tally.duplicated + tally.out_of_order + tally.misdelivered;
        assert_eq!(faults, 0, "consumers of a queue do not wait for each other");
        assert_eq!((tally.latencies.max(), tally.last_delivery), (50, 150));
    }

    #[test]
    fn each_fault_is_counted_as_what_it_is() {
        let mut tally = tally();
        let sent = send(&mut tally, 1, 6);
        // Producer 1 sends its even numbers to queue 1.
        tally.receive(1, &sent[2], 150);
        tally.receive(1, &sent[0], 150);
        assert_eq!((tally.out_of_order, tally.delivered), (1, 2));
        tally.receive(1, &sent[2], 150);
        assert_eq!((tally.duplicated, tally.delivered), (1, 2));
        tally.receive(1, &sent[1], 150);
        let invented = Marker {
            sequence: 6,
            ..sent[0]
        };
        tally.receive(1, &invented, 150);
        let nobody = Marker {
            channel: 2,
            ..sent[0]
        };
        tally.receive(1, &nobody, 150);
        assert_eq!((tally.misdelivered, tally.delivered), (3, 2));
        assert_eq!(tally.missing(), 4);
    }

    #[test]
    fn what_comes_from_an_earlier_part_was_not_settled_and_what_others_left_does_not_count() {
        let mut tally = tally();
        let old = send(&mut tally, 0, 1)[0];
        tally = tally.next_part();
        tally.receive(0, &old, 150);
        assert_eq!((tally.duplicated, tally.delivered), (1, 0));
        let foreign = Marker { run: 0x9900, ..old };
        tally.receive(0, &foreign, 150);
        assert_eq!((tally.duplicated, tally.misdelivered), (1, 0));
    }

    #[test]
    fn a_window_is_open_once_messages_were_both_confirmed_and_received() {
        let mut tally = tally();
        assert!(tally.may_send(0, 2));
        let sent = send(&mut tally, 0, 2);
        assert!(!tally.may_send(0, 2));
        assert!(tally.may_send(1, 2));
        let run = tally.run;
        tally.confirm(0, run, 2);
        assert!(!tally.may_send(0, 2));
        tally.receive(0, &sent[0], 150);
        assert!(tally.may_send(0, 2));
        tally.confirm(0, run + 1, 9);
        tally.confirm(0, run, 9);
        assert_eq!(tally.producers[0].confirmed, 2, "more than was sent");
    }
}
