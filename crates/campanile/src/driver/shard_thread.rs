//! The loop of one shard's thread: wait, then do what there is to do.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use campanile_hub::{Shard, Wait};
use mio::Poll;

use super::Door;
use super::shard_driver::{Ready, ShardDriver};
use super::transport::Watcher;
use super::waiting::Waiting;
use crate::state::Application;

/// Starts a shard's thread. It ends when its door is closed.
pub(super) fn spawn(
    shard: Shard,
    poll: Poll,
    doors: Arc<[Arc<Door>]>,
    application: Arc<Application>,
    pause_max: Duration,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let name = format!("campanile-{}", shard.index());
    std::thread::Builder::new().name(name).spawn(move || {
        let result = Waiting::new(poll, runtime).and_then(|waiting| {
            let runtime = waiting.runtime();
            let _entered = runtime.enter();
            let door = Arc::clone(&doors[shard.index()]);
            let watcher = Watcher::Poller(waiting.registry().try_clone()?);
            let background = waiting.background();
            let driver =
                ShardDriver::new(shard, watcher, background, doors, application, pause_max);
            run(driver, waiting, &door)
        });
        if let Err(error) = result {
            tracing::error!(%error, "a shard's thread has failed; its sessions are lost");
        }
    })?;
    Ok(())
}

fn run(mut driver: ShardDriver, mut waiting: Waiting, door: &Door) -> io::Result<()> {
    let mut wait = Wait::Event;
    while !door.closed.load(Ordering::Acquire) {
        waiting.wait(driver.may_wait(wait), driver.has_callbacks_running())?;
        wait = driver.turn(waiting.events.iter().map(|event| Ready {
            token: event.token(),
            is_readable: event.is_readable(),
            is_writable: event.is_writable(),
            is_read_closed: event.is_read_closed(),
        }));
    }
    Ok(())
}
