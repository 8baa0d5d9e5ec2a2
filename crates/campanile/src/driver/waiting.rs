//! How a shard's thread waits: in its poller, or in its runtime while callbacks run on there.
//!
//! Nearly always there is nothing but sockets to wait for. Then the thread blocks in the poller
//! itself: one system call. Only while a callback awaits something does it block in the runtime,
//! which watches the poller's descriptor along with whatever the callback waits for.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use mio::{Events, Poll, Registry};
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::Notify;
use tokio::task::LocalSet;

/// How many sockets one look at the poller tells of.
const EVENTS_PER_LOOK: usize = 1_024;

/// Where callbacks run on that await something.
#[derive(Clone, Default)]
pub(super) struct Background {
    pub(super) local: Rc<LocalSet>,
    /// To be notified when one of them has ended.
    pub(super) ended: Rc<Notify>,
}

/// The poller and the runtime of one shard's thread.
pub(super) struct Waiting {
    poll: Poll,
    /// What the last wait has found.
    pub(super) events: Events,
    /// The poller's descriptor once more, for the runtime to watch.
    watch: AsyncFd<OwnedFd>,
    local: Rc<LocalSet>,
    /// A callback has ended.
    ended: Rc<Notify>,
    runtime: Runtime,
}

impl Waiting {
    pub(super) fn new(poll: Poll, runtime: Runtime) -> io::Result<Self> {
        let entered = runtime.enter();
        // What `new` is deprecated for is a descriptor that may be closed or change meanwhile. An
        // owned one cannot, and the successor is an unsafe function.
        #[expect(deprecated, reason = "sound for an `OwnedFd`")]
        let watch = AsyncFd::new(poll.registry().as_fd().try_clone_to_owned()?)?;
        drop(entered);
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS_PER_LOOK),
            watch,
            local: Rc::default(),
            ended: Rc::default(),
            runtime,
        })
    }

    pub(super) fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// The runtime that callbacks find when they are called.
    pub(super) fn runtime(&self) -> Handle {
        self.runtime.handle().clone()
    }

    /// Where callbacks run on when they await something.
    pub(super) fn background(&self) -> Background {
        Background {
            local: Rc::clone(&self.local),
            ended: Rc::clone(&self.ended),
        }
    }

    /// Waits for events, for a callback that has ended if some are `running`, or for the time to
    /// be over.
    pub(super) fn wait(&mut self, at_most: Option<Duration>, running: bool) -> io::Result<()> {
        // More events than fit may be left from the last time.
        let is_full = self.events.iter().count() >= EVENTS_PER_LOOK;
        let at_most = if is_full {
            Some(Duration::ZERO)
        } else {
            at_most
        };
        // What callbacks have spawned themselves must go on, too.
        if !running && self.runtime.metrics().num_alive_tasks() == 0 {
            return self.look(at_most);
        }
        let (watch, ended) = (&self.watch, &self.ended);
        self.local.block_on(&self.runtime, async {
            // Callbacks get their turn also when there is no need to wait.
            tokio::task::yield_now().await;
            tokio::select! {
                ready = watch.readable() => ready?.clear_ready(),
                () = ended.notified() => {}
                () = sleep(at_most) => {}
            }
            io::Result::Ok(())
        })?;
        self.look(Some(Duration::ZERO))
    }

    fn look(&mut self, at_most: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, at_most) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            result => result,
        }
    }
}

async fn sleep(at_most: Option<Duration>) {
    match at_most {
        Some(Duration::ZERO) => {}
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
