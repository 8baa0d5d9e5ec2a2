//! All queues of a node: their rules, what they hold together, what is due, and the dead letters.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use slab::Slab;

use crate::destination::Destination;
use crate::interest::ToWake;
use crate::moment::Moment;
use crate::outcome::{Outcome, Refusal};
use crate::patterns::{Pattern, PatternIndex};
use crate::publication::{Message, Publication};
use crate::queues::item::{ConsumerId, Dispatched, Item, cost, dead_letter, time_to_live};
use crate::queues::mint::Mint;
use crate::queues::queue::{Doomed, Queue, STEPS_MAX};
use crate::queues::store::{Change, MemoryStore, Store};
use crate::queues::{QUEUES_BYTES_MAX, QUEUES_MAX, QueueLimits};

/// All queues of a node.
pub(crate) struct Queues {
    /// Which rule is for which names; the lowest number counts.
    rules: PatternIndex<usize>,
    limits: Vec<Arc<QueueLimits>>,
    usual: Arc<QueueLimits>,
    by_name: HashMap<Arc<str>, usize>,
    queues: Slab<Queue>,
    bytes: usize,
    consumers: u64,
    /// When which queue has to be turned.
    due: BTreeSet<(Moment, usize)>,
    armed: HashMap<usize, Moment>,
    /// Queues that have changed in this critical section.
    touched: Vec<usize>,
    /// Queues that were not looked at to the end.
    unfinished: VecDeque<usize>,
    /// How many of them this critical section goes on with.
    to_go_on: usize,
    /// Consumers of each shard to which there was no room on the way.
    pub(crate) stalled: Box<[Vec<ConsumerId>]>,
    /// The latest moment that anybody has told.
    now: Moment,
    pub(super) store: Box<dyn Store>,
}

impl Queues {
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            rules: PatternIndex::new(),
            limits: Vec::new(),
            usual: Arc::default(),
            by_name: HashMap::new(),
            queues: Slab::new(),
            bytes: 0,
            consumers: 0,
            due: BTreeSet::new(),
            armed: HashMap::new(),
            touched: Vec::new(),
            unfinished: VecDeque::new(),
            to_go_on: 0,
            stalled: (0..shards).map(|_| Vec::new()).collect(),
            now: Moment::default(),
            store: Box::new(MemoryStore),
        }
    }

    /// Notes what time it is; time never goes back.
    pub(crate) fn advance(&mut self, now: Moment) -> Moment {
        self.now = self.now.max(now);
        self.now
    }

    /// Tells the store what is about to change, if anything is.
    pub(crate) fn record(&mut self, changes: &[Change]) -> Outcome<()> {
        match changes.is_empty() {
            true => Outcome::Done(()),
            false => self.store.record(changes),
        }
    }

    // Rules

    pub(crate) fn limit(&mut self, pattern: &Pattern, limits: QueueLimits) -> Result<(), Refusal> {
        let added = self.rules.insert(pattern, self.limits.len());
        added.map_err(|_| Refusal::TooManyPatterns)?;
        self.limits.push(Arc::new(limits));
        let all: Vec<usize> = self.by_name.values().copied().collect();
        for key in all {
            let name = self.queues.get(key).map(|queue| Arc::clone(&queue.name));
            let limits = name.map(|name| self.limits_of(&name));
            if let (Some(limits), Some(queue)) = (limits, self.queues.get_mut(key)) {
                queue.limits = limits;
            }
        }
        Ok(())
    }

    pub(crate) fn limits_of(&self, name: &str) -> Arc<QueueLimits> {
        let mut first = usize::MAX;
        self.rules.find(name, |&rule| first = first.min(rule));
        Arc::clone(self.limits.get(first).unwrap_or(&self.usual))
    }

    // Queues

    /// Where a queue stands.
    pub(crate) fn key(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn queue(&self, key: usize) -> Option<&Queue> {
        self.queues.get(key)
    }

    /// How many consumers a queue has.
    pub(crate) fn consumers(&self, name: &str) -> usize {
        let queue = self.key(name).and_then(|key| self.queues.get(key));
        queue.map_or(0, Queue::consumers)
    }

    /// The shards that have consumers of a queue.
    pub(crate) fn shards(&self, name: &str) -> ToWake {
        let queue = self.key(name).and_then(|key| self.queues.get(key));
        queue.map_or(0, Queue::shards)
    }

    /// How many more queues there may be.
    pub(crate) fn room_for_queues(&self) -> usize {
        QUEUES_MAX.saturating_sub(self.queues.len())
    }

    pub(crate) fn has_room_for_bytes(&self, bytes: usize) -> bool {
        self.bytes.saturating_add(bytes) <= QUEUES_BYTES_MAX
    }

    /// A queue, made if need be.
    pub(crate) fn obtain(&mut self, name: &Arc<str>) -> Result<usize, Refusal> {
        if let Some(key) = self.key(name) {
            return Ok(key);
        }
        if self.room_for_queues() == 0 {
            return Err(Refusal::TooManyQueues);
        }
        let limits = self.limits_of(name);
        let key = self.queues.insert(Queue::new(Arc::clone(name), limits));
        self.by_name.insert(Arc::clone(name), key);
        self.touched.push(key);
        Ok(key)
    }

    /// Changes a queue and what is counted of it.
    pub(crate) fn with<T>(&mut self, key: usize, act: impl FnOnce(&mut Queue) -> T) -> Option<T> {
        let queue = self.queues.get_mut(key)?;
        let before = queue.bytes();
        let result = act(queue);
        self.bytes = self.bytes + queue.bytes() - before;
        if self.touched.last() != Some(&key) {
            self.touched.push(key);
        }
        Some(result)
    }

    /// A new consumer's id.
    pub(crate) fn next_consumer(&mut self, queue: usize) -> ConsumerId {
        self.consumers += 1;
        let number = self.consumers;
        ConsumerId { queue, number }
    }

    pub(crate) fn knows(&self, id: ConsumerId) -> bool {
        self.queues.get(id.queue).is_some_and(|one| one.knows(id))
    }

    /// Whether so many messages, of so many bytes with overhead, find room on a queue. What has
    /// waited too long makes room first.
    pub(crate) fn check_room(
        &mut self,
        name: &Arc<str>,
        messages: usize,
        bytes: usize,
        mint: &mut Mint<'_>,
    ) -> Result<(), Refusal> {
        if !self.has_room(name, messages, bytes)
            && let Some(key) = self.key(name)
        {
            self.turn(key, &mut { STEPS_MAX }, mint);
        }
        match self.has_room(name, messages, bytes) {
            true => Ok(()),
            false => Err(Refusal::QueueFull),
        }
    }

    /// Whether they find room now.
    pub(crate) fn has_room(&self, name: &str, messages: usize, bytes: usize) -> bool {
        let queue = self.key(name).and_then(|key| self.queues.get(key));
        let has_room = match queue {
            Some(queue) => queue.has_room(messages, bytes),
            None => {
                let limits = self.limits_of(name);
                messages <= limits.messages_max && bytes <= limits.bytes_max
            }
        };
        has_room && self.has_room_for_bytes(bytes)
    }

    /// A message as an item of a queue.
    pub(crate) fn item(&self, key: usize, publication: Arc<Publication>) -> Item {
        let usual = self.queues.get(key).and_then(|one| one.limits.time_to_live);
        let life = time_to_live(publication.headers(), usual);
        Item::new(publication, life.map(|life| self.now.plus(life)))
    }

    // Dead letters

    /// Moves messages to their dead letters; those for which there is no room stay and wait.
    pub(crate) fn bury(&mut self, key: usize, doomed: Vec<Doomed>, mint: &mut Mint<'_>) {
        let now = self.now;
        let mut doomed = doomed.into_iter();
        while let Some((item, reason)) = doomed.next() {
            let Some(queue) = self.queues.get(key) else {
                return;
            };
            let (from, target) = (Arc::clone(&queue.name), queue.limits.dead_letters.clone());
            let message = dead_letter(&item.publication, &from, reason);
            let buried = match &target {
                Some(target) => self.bury_one(&from, &item, message, target, mint),
                // The rule has changed since they were doomed. They wait for it to change again.
                None => Err(Refusal::QueueFull),
            };
            if buried.is_err() {
                // Where there is no room for one there is none for the next.
                let all = std::iter::once((item, reason)).chain(doomed);
                self.with(key, |queue| queue.keep_doomed(all, now));
                return;
            }
            self.with(key, |queue| queue.drop_item(&item));
        }
    }

    fn bury_one(
        &mut self,
        from: &Arc<str>,
        item: &Item,
        message: Message,
        target: &Arc<str>,
        mint: &mut Mint<'_>,
    ) -> Result<(), Refusal> {
        let key = self.obtain(target)?;
        let bytes = cost(&message);
        let room = self
            .queues
            .get(key)
            .is_some_and(|queue| queue.has_room(1, bytes));
        if !room || !self.has_room_for_bytes(bytes) {
            return Err(Refusal::QueueFull);
        }
        let publication = mint.publication(Destination::Queue(Arc::clone(target)), message);
        let moved = Change::Moved {
            queue: Arc::clone(from),
            position: item.position(),
            dead_letter: Arc::clone(&publication),
        };
        if let Outcome::Refused(refusal) = self.record(&[moved]) {
            return Err(refusal);
        }
        let mut dead = self.item(key, publication);
        dead.is_dead = true;
        self.with(key, |queue| queue.push(dead));
        Ok(())
    }

    // What is due

    /// When something is due next.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.due.first().map(|(moment, _)| *moment)
    }

    /// Whether something is left to do now.
    pub(crate) fn is_unfinished(&self) -> bool {
        !self.unfinished.is_empty() || self.next_due().is_some_and(|moment| moment <= self.now)
    }

    /// Looks at everything that is due, and goes on with what was left.
    pub(crate) fn turn_all(&mut self, mint: &mut Mint<'_>) {
        let mut steps = STEPS_MAX;
        while steps > 0
            && let Some(&(moment, key)) = self.due.first()
            && moment <= self.now
        {
            steps -= 1;
            self.due.remove(&(moment, key));
            self.armed.remove(&key);
            self.turn(key, &mut steps, mint);
        }
        self.to_go_on = self.unfinished.len();
    }

    fn turn(&mut self, key: usize, steps: &mut usize, mint: &mut Mint<'_>) {
        let (now, mut doomed) = (self.now, Vec::new());
        self.with(key, |queue| queue.turn(now, steps, &mut doomed));
        self.bury(key, doomed, mint);
    }

    /// Gives what waits on the queues that have changed to their consumers, forgets those that hold
    /// nothing for nobody, and notes when each is due. `offer` says whether there was room.
    pub(crate) fn dispatch(
        &mut self,
        mint: &mut Mint<'_>,
        offer: &mut dyn FnMut(Dispatched) -> bool,
    ) {
        let mut steps = STEPS_MAX;
        while let Some(key) = self.touched.pop().or_else(|| self.next_unfinished(steps)) {
            let (now, mut doomed, mut stalled) = (self.now, Vec::new(), Vec::new());
            let mut is_done = true;
            self.with(key, |queue| {
                is_done = queue.dispatch(now, &mut steps, &mut doomed, offer, &mut stalled);
            });
            // What `with` has noted is this very look.
            self.touched.pop_if(|touched| *touched == key);
            self.bury(key, doomed, mint);
            for (shard, id) in stalled {
                self.stalled[shard].push(id);
            }
            self.conclude(key, is_done);
        }
        self.to_go_on = 0;
    }

    /// The next of the queues that were left for later.
    fn next_unfinished(&mut self, steps: usize) -> Option<usize> {
        if steps == 0 || self.to_go_on == 0 {
            return None;
        }
        self.to_go_on -= 1;
        let key = self.unfinished.pop_front()?;
        if let Some(queue) = self.queues.get_mut(key) {
            queue.is_unfinished = false;
        }
        Some(key)
    }

    fn conclude(&mut self, key: usize, is_done: bool) {
        let Some(queue) = self.queues.get_mut(key) else {
            return;
        };
        let expired = std::mem::take(&mut queue.expired);
        if !expired.is_empty() {
            let gone = expired.into_iter().map(|position| Change::Gone {
                queue: Arc::clone(&queue.name),
                position,
            });
            // Where it is refused, a restart finds them again and lets go of them again.
            let _ = self.store.record(&gone.collect::<Vec<_>>());
        }
        if queue.is_forgettable() {
            let name = Arc::clone(&queue.name);
            self.queues.remove(key);
            self.by_name.remove(&name);
            self.arm(key, None);
            return;
        }
        if !is_done && !queue.is_unfinished {
            queue.is_unfinished = true;
            self.unfinished.push_back(key);
        }
        let due = queue.due();
        self.arm(key, due);
    }

    fn arm(&mut self, key: usize, due: Option<Moment>) {
        let before = self.armed.get(&key).copied();
        if before == due {
            return;
        }
        if let Some(moment) = before {
            self.due.remove(&(moment, key));
            self.armed.remove(&key);
        }
        if let Some(moment) = due {
            self.due.insert((moment, key));
            self.armed.insert(key, moment);
        }
    }
}
