//! A server with some clients, one thread, and a schedule that a seed has made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use campanile_hub::{
    Attributes, Destination, Hub, Moment, NewSession, OutboxPolicy, Overflow, PathParameters,
    Timeouts,
};
use campanile_stomp::{Command, Version};

use super::acts::Mode;
use super::client::{Client, Wanted};
use super::effects::name_of;
use super::model::Model;
use super::net::{Net, Pipe};
use super::places::{QUEUES, RETAINING, TOPICS, USERS, Wish};
use super::rules::{REDELIVERY_DELAY, keep_histories, limit_queues, make_hub, pattern};
use super::side::{Errors, Served, Side, Turn};
use super::{Mischief, Random, runtime};
use crate::driver::Inbound;
use crate::session::Session;
use crate::stomp::{StompRuntime, StompSession};
use crate::wire::Wire;

/// How many rounds it may take until nothing more happens without time passing.
const ROUNDS_MAX: usize = 5_000;

/// How often nothing may come before nothing is left: what is rejected and what expires has come by
/// then.
const IDLE_ROUNDS: usize = 10;

/// Which message of a schedule is meant by what goes wrong on purpose.
const MISCHIEF_AT: usize = 12;

pub(super) struct World {
    pub(super) hub: Hub,
    pub(super) sides: Vec<Side>,
    clock: Arc<AtomicU64>,
    runtime: Arc<StompRuntime>,
    errors: Errors,
    pub(super) random: Random,
    pub(super) clients: Vec<Client>,
    pub(super) model: Model,
    /// What goes wrong on purpose.
    pub(super) mischief: Mischief,
    /// How many messages clients have seen.
    seen: usize,
    next_connection: u64,
    pub(super) next_key: usize,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let clock = Arc::new(AtomicU64::new(0));
        let shards = random.between(1, 3);
        let woken: Vec<Arc<AtomicBool>> = (0..shards).map(|_| Arc::default()).collect();
        let (hub, shards) = make_hub(&clock, &woken);
        let sides = shards.into_iter().zip(woken).map(|(shard, woken)| Side {
            shard,
            net: Net::default(),
            served: Vec::new(),
            woken,
            due: None,
        });
        let histories = keep_histories(&hub, &mut random);
        limit_queues(&hub);
        hub.retain(&pattern(TOPICS[RETAINING]))
            .expect("room for a pattern");
        let errors: Errors = Arc::default();
        let clients = (0..random.between(2, 6)).map(|_| {
            let user = random.chance(70).then(|| random.below(USERS.len()));
            Client::new(user, &mut random)
        });
        Self {
            clients: clients.collect(),
            sides: sides.collect(),
            clock,
            runtime: runtime::make(&hub, &errors),
            errors,
            hub,
            model: Model::new(histories),
            mischief: Mischief::Nothing,
            seen: 0,
            next_connection: 0,
            next_key: 0,
            random,
        }
    }

    fn now(&self) -> Moment {
        Moment::after_start(Duration::from_millis(self.clock.load(Ordering::Relaxed)))
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, millis: u64) {
        self.model.now = self.clock.fetch_add(millis, Ordering::Relaxed) + millis;
    }

    /// Something happens, here and there.
    pub(super) fn step(&mut self) {
        let millis = match self.random.below(1_000) {
            0..900 => self.random.below(40),
            900..990 => self.random.between(100, 900),
            990..998 => self.random.between(1_000, 6_000),
            _ => self.random.between(20_000, 70_000),
        };
        self.pass(millis as u64);
        for _ in 0..self.random.between(1, 4) {
            let which = self.random.below(self.clients.len());
            self.act(which);
        }
        for which in 0..self.clients.len() {
            if self.random.chance(60) {
                self.read(which, false);
            }
        }
        for side in 0..self.sides.len() {
            let spuriously = self.random.chance(3);
            let may = self.random.chance(75);
            if spuriously || may && self.sides[side].has_to_turn(self.now()) {
                self.turn(side, false);
            }
        }
    }

    pub(super) fn connect(&mut self, which: usize) {
        self.next_connection += 1;
        let id = self.next_connection;
        let random = &mut self.random;
        let client = &mut self.clients[which];
        let pipe = Pipe::new(id, client.version, random);
        let overflows = [
            Overflow::Close,
            Overflow::DropOldest,
            Overflow::DropNewest,
            Overflow::Conflate,
        ];
        let outbox = OutboxPolicy {
            bytes_max: random.between(2_500, 12_000),
            age_max: Duration::from_secs(random.between(2, 30) as u64),
            overflow: *random.pick(&overflows),
        };
        let formats = &self.runtime.formats;
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let new = NewSession {
            endpoint: Destination::endpoint("/stomp"),
            format: formats.of(Wire::Bare, client.version).expect("a format"),
            outbox,
            timeouts: Timeouts::default(),
            principal: name_of(client.user).map(Into::into),
            path_parameters: PathParameters::default(),
            uri: "/stomp".into(),
            protocol: None,
            extensions: None,
            transport: campanile_hub::TransportKind::default(),
            is_secure: false,
            remote_address: address,
            local_address: address,
            attributes: Attributes::default(),
        };
        let side = random.below(self.sides.len());
        let now = Moment::after_start(Duration::from_millis(self.clock.load(Ordering::Relaxed)));
        let side = &mut self.sides[side];
        let (slot, session) = side.shard.open(new, now).finished().expect("room");
        side.net.connect(slot, pipe.clone());
        side.served.push(Served {
            id,
            slot,
            session: Session::new(session, self.hub.clone()),
            stomp: StompSession::new(Arc::clone(&self.runtime), Wire::Bare),
            inbound: Inbound::default(),
            running: Vec::new(),
            received: Vec::new(),
            taken: 0,
            is_between: true,
            pipe: pipe.clone(),
            outbox_bytes_max: outbox.bytes_max,
        });
        self.model.connect(id, which, client.user, client.version);
        client.connect(id, pipe, random);
    }

    fn read(&mut self, which: usize, is_calm: bool) {
        let (client, model) = (&mut self.clients[which], &mut self.model);
        let bytes = match client.reads {
            _ if is_calm => usize::MAX,
            usize::MAX => match self.random.chance(70) {
                true => usize::MAX,
                false => self.random.between(1, 500),
            },
            0 => return,
            most => self.random.between(1, most),
        };
        let (mischief, count) = (self.mischief, &mut self.seen);
        client.read(bytes, |id, seen| {
            let is_message = seen.command == Command::Message && !model.is_queued(id, seen);
            *count += usize::from(is_message);
            let times = match mischief {
                Mischief::SkipsOne if is_message && *count == MISCHIEF_AT => 0,
                Mischief::RepeatsOne if is_message && *count == MISCHIEF_AT => 2,
                _ => 1,
            };
            for _ in 0..times {
                model.received(id, seen);
            }
        });
    }

    pub(super) fn turn(&mut self, side: usize, is_calm: bool) {
        let now = self.now();
        let mut turn = Turn {
            hub: &self.hub,
            now,
            model: &mut self.model,
            random: &mut self.random,
            errors: &self.errors,
            broker: &self.runtime.broker,
            mischief: self.mischief,
            is_calm,
        };
        self.sides[side].turn(&mut turn);
    }

    /// Everything happens that can happen without time passing.
    pub(super) fn calm_down(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let mut is_quiet = true;
            for which in 0..self.clients.len() {
                let line = self.clients[which].line.as_ref();
                is_quiet &= line.is_none_or(|line| {
                    let pipe = line.pipe.borrow();
                    pipe.down.is_empty() && !pipe.is_closed
                });
                self.read(which, true);
            }
            for side in 0..self.sides.len() {
                if self.sides[side].has_to_turn(self.now()) {
                    is_quiet = false;
                    self.turn(side, true);
                }
            }
            if is_quiet {
                return;
            }
        }
        panic!("it goes on and on");
    }

    /// When all is calm, whoever is connected has got everything.
    pub(super) fn check_calm(&mut self) {
        self.calm_down();
        for client in &self.clients {
            if let Some(line) = client.line.as_ref().filter(|line| line.is_connected) {
                self.model.check_nothing_is_missing(line.id);
            }
        }
    }

    /// Messages that may be delivered have been, once everybody reads.
    pub(super) fn check_nobody_waits(&mut self) {
        for _ in 0..3 {
            self.pass(REDELIVERY_DELAY.as_millis() as u64);
            self.calm_down();
        }
        for client in &self.clients {
            if let Some(line) = client.line.as_ref().filter(|line| line.is_connected) {
                self.model.check_nothing_waits_for(line.id);
            }
        }
    }

    /// When all have left, one more takes all that is left on queues; then there is nothing left.
    pub(super) fn drain(&mut self) {
        self.leave();
        let mut last = Client::new(None, &mut self.random);
        (last.version, last.is_careful) = (Version::V12, true);
        last.wanted = (0..QUEUES.len())
            .map(|queue| Wanted {
                key: format!("last:{queue}"),
                wish: Wish::Queue(queue),
                mode: Mode::Individual,
                prefetch: self.random.between(1, 40),
                is_selective: false,
                cursor: None,
                is_asked_for: false,
            })
            .collect();
        self.clients = vec![last];
        self.connect(0);
        for place in 0..QUEUES.len() {
            let client = &mut self.clients[0];
            if !client.wanted[place].is_asked_for {
                client.ask_for(place, &mut self.random);
            }
        }
        let mut idle = 0;
        while idle < IDLE_ROUNDS {
            self.pass(REDELIVERY_DELAY.as_millis() as u64);
            self.calm_down();
            idle = match self.clients[0].accept_all() {
                true => 0,
                false => idle + 1,
            };
        }
        self.model.check_nothing_is_lost();
        self.leave();
        for name in QUEUES {
            assert_eq!(self.hub.queue(name), None, "{name} is kept");
        }
    }

    /// All clients leave, each in its way; the server keeps nothing of them.
    fn leave(&mut self) {
        for client in &mut self.clients {
            match self.random.chance(50) {
                true => client.disconnect(&mut self.random),
                false => client.cut(),
            }
        }
        self.calm_down();
        for client in &mut self.clients {
            client.cut();
        }
        self.calm_down();
        assert_eq!(self.hub.sessions(), 0, "sessions");
        assert_eq!(self.hub.index_size().0, 0, "destinations");
        assert_eq!(self.hub.users(), 0, "users");
    }
}
