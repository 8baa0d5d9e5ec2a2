//! Everything that a test's clients share: the application's shards and their runtime.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use campanile_hub::TICK;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;
use tokio::time::Instant;

use crate::app::Running;
use crate::driver::clock::by_hand;
use crate::driver::{MemoryPeer, MemoryShard};

/// How many rounds in a row nothing may happen before everything has been done that can be done
/// without time passing. A callback that waits for others of its own needs more than one.
const QUIET_ROUNDS: usize = 4;

/// How often tasks are given their turn in a round.
const TURNS_PER_ROUND: usize = 8;

/// How many rounds there may be at all: beyond it, something goes on for ever without time passing.
const ROUNDS_MAX: usize = 100_000;

/// How much virtual time a future may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(3_600);

pub(super) struct Stage {
    pub(super) running: Arc<Running>,
    pub(super) routes: Router,
    shards: RefCell<Vec<MemoryShard>>,
    peers: RefCell<Vec<MemoryPeer>>,
    local: Rc<LocalSet>,
    runtime: Runtime,
}

impl Stage {
    pub(super) fn new(
        running: Arc<Running>,
        routes: Router,
        shards: Vec<MemoryShard>,
        local: Rc<LocalSet>,
        runtime: Runtime,
    ) -> Self {
        Self {
            running,
            routes,
            shards: RefCell::new(shards),
            peers: RefCell::default(),
            local,
            runtime,
        }
    }

    pub(super) fn add(&self, peer: MemoryPeer) {
        self.peers.borrow_mut().push(peer);
    }

    /// One turn of every shard.
    fn turn(&self) {
        let peers = self.peers.borrow();
        for shard in &mut *self.shards.borrow_mut() {
            shard.turn(&peers);
        }
    }

    /// How much has happened so far, as far as it can be seen.
    fn events(&self) -> u64 {
        let peers: u64 = self.peers.borrow().iter().map(MemoryPeer::events).sum();
        let hub = &self.running.hub;
        let shards = self.shards.borrow();
        let shards: u64 = shards.iter().map(MemoryShard::events).sum();
        peers + shards + hub.sessions_opened() + hub.position()
    }

    fn is_busy(&self) -> bool {
        self.shards.borrow().iter().any(MemoryShard::is_busy)
    }

    /// Polls a future while everything else goes on; when nothing else happens, time passes.
    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.within(async {
            let mut future = pin!(future);
            let mut passed = Duration::ZERO;
            loop {
                let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
                if let Poll::Ready(output) = polled {
                    return output;
                }
                let before = self.events();
                self.rounds().await;
                if self.events() == before {
                    assert!(
                        passed < PATIENCE,
                        "what the test waits for does not come, not even in an hour"
                    );
                    passed += TICK;
                    tokio::time::advance(TICK).await;
                }
            }
        })
    }

    /// Runs a future in the application's runtime; its clock then stands where this ended.
    fn within<F: Future>(&self, future: F) -> F::Output {
        let (output, at) = self.runtime.block_on(self.local.run_until(async {
            let output = future.await;
            (output, Instant::now())
        }));
        by_hand::set(Some(at));
        output
    }

    /// Does everything that can be done without time passing.
    pub(super) fn settle(&self) {
        self.within(self.rounds());
    }

    async fn rounds(&self) {
        let mut quiet = 0;
        for _ in 0..ROUNDS_MAX {
            let before = self.events();
            self.turn();
            for _ in 0..TURNS_PER_ROUND {
                tokio::task::yield_now().await;
            }
            let has_happened = self.events() != before || self.is_busy();
            quiet = if has_happened { 0 } else { quiet + 1 };
            if quiet >= QUIET_ROUNDS {
                // Who has gone for good need not be looked at any more.
                self.peers.borrow_mut().retain(|peer| !peer.is_closed());
                return;
            }
        }
        panic!("the application goes on and on without time passing");
    }

    /// Lets time pass, tick by tick, with everything done that is due.
    pub(super) fn advance(&self, time: Duration) {
        self.settle();
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(TICK);
            left -= step;
            self.within(tokio::time::advance(step));
            self.settle();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        by_hand::set(None);
    }
}
