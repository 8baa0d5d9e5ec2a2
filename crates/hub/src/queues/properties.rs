//! Whatever senders, consumers and time do: one queue beside a model that is too simple to be wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use crate::destination::Destination;
use crate::moment::Moment;
use crate::publication::{Message, Publication, PublicationId};
use crate::queues::item::{ConsumerId, Dispatched, Item, QUEUED_OVERHEAD_BYTES};
use crate::queues::queue::{Doomed, Queue};
use crate::queues::steps::{Step, step};
use crate::queues::taker::Taker;
use crate::queues::{QueueLimits, Verdict, Wants};
use crate::session::{SessionId, Slot};

const DELAY: Duration = Duration::from_millis(100);
const REJECTIONS_MAX: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Ready,
    Until(Moment),
    With(ConsumerId),
    Gone,
}

#[derive(Debug)]
struct Known {
    place: Where,
    colour: u8,
    expires: Option<Moment>,
    deliveries: u32,
    rejections: u32,
    /// It was never taken from the head of the line.
    is_fresh: bool,
}

#[derive(Debug)]
struct Client {
    prefetch: usize,
    is_done_on_write: bool,
    wants: Option<u8>,
    is_resting: bool,
    has_retired: bool,
    has: Vec<u64>,
}

struct World {
    queue: Queue,
    now: Moment,
    known: BTreeMap<u64, Known>,
    clients: BTreeMap<ConsumerId, Client>,
    stalled: Vec<ConsumerId>,
    has_room: bool,
    next: u64,
    buried: Vec<u64>,
}

fn colour_of(publication: &Publication) -> Option<u8> {
    publication.content().bytes().first().copied()
}

impl World {
    fn new(has_dead_letters: bool) -> Self {
        let limits = QueueLimits {
            redelivery_delay: DELAY,
            rejections_max: REJECTIONS_MAX,
            dead_letters: has_dead_letters.then(|| "/queue/dead".into()),
            ..QueueLimits::default()
        };
        Self {
            queue: Queue::new("/queue/a".into(), Arc::new(limits)),
            now: Moment::default(),
            known: BTreeMap::new(),
            clients: BTreeMap::new(),
            stalled: Vec::new(),
            has_room: true,
            next: 1,
            buried: Vec::new(),
        }
    }

    fn pick(&self, who: usize) -> Option<ConsumerId> {
        let count = self.clients.len();
        (count > 0)
            .then(|| self.clients.keys().nth(who % count))
            .flatten()
            .copied()
    }

    fn free(&mut self, positions: &[u64]) {
        for position in positions {
            let known = self.known.get_mut(position).expect("a message");
            known.place = Where::Ready;
            known.is_fresh = false;
        }
    }

    fn bury(&mut self, doomed: Vec<Doomed>) {
        for (item, _) in doomed {
            assert!(self.queue.limits.dead_letters.is_some());
            self.queue.drop_item(&item);
            let known = self.known.get_mut(&item.position()).expect("a message");
            assert_ne!(known.place, Where::Gone);
            known.place = Where::Gone;
            self.buried.push(item.position());
        }
    }

    fn act(&mut self, step: &Step) {
        match *step {
            Step::Send(colour, life) => {
                let position = self.next;
                self.next += 1;
                let id = PublicationId { epoch: 1, position };
                let to = Destination::queue("/queue/a");
                let message = Message::binary(vec![colour]);
                let publication = Arc::new(Publication::new(id, Moment::default(), to, message, 0));
                let life = life.map(u64::from).map(Duration::from_millis);
                let expires = life.map(|life| self.now.plus(life));
                self.queue.push(Item::new(publication, expires));
                let known = Known {
                    place: Where::Ready,
                    colour,
                    expires,
                    deliveries: 0,
                    rejections: 0,
                    is_fresh: true,
                };
                self.known.insert(position, known);
            }
            Step::Admit {
                prefetch,
                is_done_on_write,
                wants,
            } => {
                let number = self.next;
                self.next += 1;
                let id = ConsumerId { queue: 0, number };
                let session = SessionId::new([1; 12], 0, Slot(1));
                let picks = wants.map(|colour| -> Wants {
                    Arc::new(move |one: &Publication| colour_of(one) == Some(colour))
                });
                let taker = Taker::new(session, prefetch, is_done_on_write, picks);
                self.queue.admit(id, taker);
                let client = Client {
                    prefetch: usize::from(prefetch),
                    is_done_on_write,
                    wants,
                    is_resting: false,
                    has_retired: false,
                    has: Vec::new(),
                };
                self.clients.insert(id, client);
            }
            Step::Retire(who) => {
                let Some(id) = self.pick(who) else { return };
                let client = self.clients.get_mut(&id).expect("a client");
                client.has_retired = true;
                let stays = client.is_done_on_write && !client.has.is_empty();
                assert_eq!(self.queue.retire(id), !stays);
                if !stays {
                    let gone = self.clients.remove(&id).expect("a client");
                    self.free(&gone.has);
                }
            }
            Step::Remove(who) => {
                let Some(id) = self.pick(who) else { return };
                self.queue.remove(id);
                let gone = self.clients.remove(&id).expect("a client");
                self.free(&gone.has);
            }
            Step::Settle(who, which, verdict, cumulative) => {
                self.settle(who, which, verdict, cumulative);
            }
            Step::Decline(who, which) => {
                let Some(id) = self.pick(who) else { return };
                let client = self.clients.get_mut(&id).expect("a client");
                if client.has.is_empty() {
                    return;
                }
                client.is_resting = true;
                let first = which % client.has.len();
                let back = client.has.split_off(first);
                self.queue.decline(id, back[0]);
                for position in &back {
                    self.known.get_mut(position).expect("known").deliveries -= 1;
                }
                self.free(&back);
                self.let_go(id);
            }
            Step::Rest(who) => {
                let Some(id) = self.pick(who) else { return };
                self.queue.rested(id);
                self.clients.get_mut(&id).expect("a client").is_resting = false;
            }
            Step::Pass(millis) => {
                self.now = self.now.plus(Duration::from_millis(u64::from(millis)));
            }
            Step::Stall(has_room) => {
                self.has_room = has_room;
                if has_room {
                    for id in std::mem::take(&mut self.stalled) {
                        self.queue.unstalled(id);
                    }
                }
            }
        }
    }

    fn let_go(&mut self, id: ConsumerId) {
        let client = &self.clients[&id];
        if client.has_retired && client.has.is_empty() {
            self.clients.remove(&id);
        }
        assert_eq!(self.queue.knows(id), self.clients.contains_key(&id));
    }

    fn settle(&mut self, who: usize, which: usize, verdict: Verdict, cumulative: bool) {
        let Some(id) = self.pick(who) else { return };
        let client = self.clients.get_mut(&id).expect("a client");
        if client.has.is_empty() {
            assert!(self.queue.meant(id, 1, cumulative).is_empty());
            return;
        }
        let index = which % client.has.len();
        let position = client.has[index];
        let meant: Vec<u64> = match cumulative {
            true => client.has.drain(..=index).collect(),
            false => vec![client.has.remove(index)],
        };
        assert_eq!(self.queue.meant(id, position, cumulative), meant);
        for position in meant {
            let doomed = self.queue.settle(id, position, verdict, self.now);
            let has_dead_letters = self.queue.limits.dead_letters.is_some();
            let known = self.known.get_mut(&position).expect("a message");
            known.is_fresh = false;
            let is_doomed = match verdict {
                Verdict::Accepted => {
                    known.place = Where::Gone;
                    false
                }
                Verdict::Discarded if has_dead_letters => true,
                Verdict::Discarded => {
                    known.place = Where::Gone;
                    false
                }
                Verdict::Rejected => {
                    known.rejections += 1;
                    known.place = Where::Until(self.now.plus(DELAY));
                    has_dead_letters && known.rejections >= REJECTIONS_MAX
                }
            };
            assert_eq!(doomed.is_some(), is_doomed);
            // Nobody else settles it again.
            assert!(self.queue.meant(id, position, false).is_empty());
            self.bury(doomed.into_iter().collect());
        }
        self.let_go(id);
    }

    /// What time and consumers make of it, so many looks at a time.
    fn run(&mut self, budget: usize) {
        let now = self.now;
        for known in self.known.values_mut() {
            if matches!(known.place, Where::Until(moment) if moment <= now) {
                known.place = Where::Ready;
            }
        }
        loop {
            let mut doomed = Vec::new();
            let mut steps = budget;
            let mut is_done = self.queue.turn(now, &mut steps, &mut doomed);
            let Self {
                queue,
                known,
                clients,
                stalled,
                has_room,
                ..
            } = self;
            let mut halted = Vec::new();
            let mut steps = budget;
            is_done &= queue.dispatch(
                now,
                &mut steps,
                &mut doomed,
                &mut |one| *has_room && hand_over(now, known, clients, &one),
                &mut halted,
            );
            stalled.extend(halted.into_iter().map(|(_, id)| id));
            self.bury(doomed);
            for position in std::mem::take(&mut self.queue.expired) {
                let known = self.known.get_mut(&position).expect("a message");
                assert_eq!(known.place, Where::Ready);
                assert!(known.expires.expect("it expires") <= now);
                known.place = Where::Gone;
            }
            if is_done {
                return;
            }
        }
    }

    /// What must be true between any two steps.
    fn check(&self) {
        let at = |place: fn(&Where) -> bool| {
            let all = self.known.values().filter(|one| place(&one.place));
            all.count()
        };
        let with = at(|place| matches!(place, Where::With(_)));
        let gone = at(|place| *place == Where::Gone);
        let state = self.queue.state();
        assert_eq!(state.delivered, with);
        assert_eq!(state.waiting, self.known.len() - with - gone);
        let bytes = (self.known.len() - gone) * (1 + QUEUED_OVERHEAD_BYTES);
        assert_eq!(state.bytes, bytes);
        // Whoever can take something has it.
        for client in self.clients.values() {
            assert!(client.has.len() <= client.prefetch);
            let may_take = !client.is_resting
                && !client.has_retired
                && client.has.len() < client.prefetch
                && self.has_room;
            let wanted = self.known.values().find(|one| {
                one.place == Where::Ready && client.wants.is_none_or(|wanted| wanted == one.colour)
            });
            assert!(!may_take || wanted.is_none(), "{wanted:?} waits in vain");
        }
        let is_left = |one: &Known| one.expires.is_some_and(|moment| moment <= self.now);
        let left = self.known.values();
        let mut left = left.filter(|one| one.place == Where::Ready && is_left(one));
        assert!(left.next().is_none());
    }
}

/// Notes a delivery, after a look whether it may be.
fn hand_over(
    now: Moment,
    known: &mut BTreeMap<u64, Known>,
    clients: &mut BTreeMap<ConsumerId, Client>,
    one: &Dispatched,
) -> bool {
    let position = one.publication.id().position;
    let client = clients.get_mut(&one.consumer).expect("a client");
    assert!(!client.is_resting && !client.has_retired);
    assert!(client.has.len() < client.prefetch);
    let wants = |colour| client.wants.is_none_or(|wanted| wanted == colour);
    let is_fresh = known[&position].is_fresh;
    if is_fresh {
        let mut before = known.range(..position);
        let overtaken = before.find(|(_, one)| {
            let has_expired = one.expires.is_some_and(|moment| moment <= now);
            one.place == Where::Ready && one.is_fresh && wants(one.colour) && !has_expired
        });
        assert!(overtaken.is_none(), "{position} overtakes {overtaken:?}");
    }
    let message = known.get_mut(&position).expect("a message");
    assert_eq!(message.place, Where::Ready);
    assert!(wants(message.colour));
    assert!(message.expires.is_none_or(|moment| moment > now));
    message.deliveries += 1;
    assert_eq!(message.deliveries, one.deliveries);
    message.place = Where::With(one.consumer);
    client.has.push(position);
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn s71_s91_a_queue_does_what_its_model_does(
        steps in prop::collection::vec(step(), 1..120),
        has_dead_letters in any::<bool>(),
        budget in 2..30_usize,
    ) {
        let mut world = World::new(has_dead_letters);
        for step in &steps {
            world.act(step);
            world.run(budget);
            world.check();
        }
        // At the end somebody comes who takes all that is left.
        world.act(&Step::Stall(true));
        let ids: Vec<ConsumerId> = world.clients.keys().copied().collect();
        for _ in ids {
            world.act(&Step::Remove(0));
        }
        world.act(&Step::Pass(100));
        world.act(&Step::Admit { prefetch: 999, is_done_on_write: false, wants: None });
        world.run(budget);
        world.check();
        let left = world.known.values().filter(|one| one.place != Where::Gone).count();
        prop_assert_eq!(world.queue.state().delivered, left);
        world.act(&Step::Settle(0, left.wrapping_sub(1), Verdict::Accepted, true));
        prop_assert_eq!(world.queue.state().bytes, 0);
        world.act(&Step::Remove(0));
        prop_assert!(world.queue.is_forgettable() && world.queue.due().is_none());
    }
}
