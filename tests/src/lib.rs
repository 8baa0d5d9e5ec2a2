//! What the tests of the finished program share.
//!
//! [`Server`] runs the real program as a child process on a port that the kernel chose. Three
//! kinds of peers talk to it: [`Raw`], which sends any bytes and judges the answers with a frame
//! reader of its own; the project's client, opened with [`clients::open`]; and [`Bystander`], an
//! innocent whose echoes must all arrive in order whatever others do, and who is the main figure
//! of a [`Scene`]. They come to the program on each [`Way`]: directly, or by a [`Proxy`] in front
//! of it. What must hold for all endpoints on all ways is checked with [`everywhere`] or
//! [`attack_everywhere`].
//!
//! Every wait is bounded by [`PATIENCE`]. No test asserts how long something took.
#![forbid(unsafe_code)]

use std::{future::Future, time::Duration};

pub mod attack;
mod body;
mod bystander;
pub mod clients;
mod cutting;
pub mod deflate;
pub mod event_stream;
pub mod flood;
pub mod frames;
mod http;
mod proxy;
pub mod queue_peer;
mod raw;
mod scene;
mod script;
mod sending;
mod server;
pub mod sockjs;
mod stomp;
mod stomp_peer;
mod target;

pub use bystander::Bystander;
pub use cutting::CuttingWay;
pub use http::{Request, Response};
pub use proxy::{Certificate, Proxy, Way};
pub use raw::{Ended, Frame, Raw};
pub use scene::Scene;
pub use script::run_client;
pub use server::{Server, program, run_to_end};
pub use stomp::{Stomp, StompFrame};
pub use stomp_peer::{
    Attack, STOMP_PATH, StompBystander, StompPeer, attack_stomp, attack_stomp_on, refuse_all,
};
pub use target::{
    Answers, ENDPOINTS, Endpoint, attack_everywhere, attack_on, everywhere, on_each_way,
    with_default_limits, with_high_limits,
};

/// Bound on every single wait. It is long because a busy machine is no failure; a test that waits
/// this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One mebibyte.
pub const MIB: usize = 1024 * 1024;

/// Waits for `future`, and fails with `what` when [`PATIENCE`] is over.
///
/// # Panics
/// When the time is over.
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} did not happen within {PATIENCE:?}"),
    }
}

/// Fails with a remedy unless this process may hold `needed` descriptors at once.
///
/// # Panics
/// When the limit is lower.
pub fn require_descriptors(needed: usize) {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("the limits of this process");
    let soft = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|line| line.split_whitespace().next())
        .expect("the limit on open files");
    let soft = soft.parse().unwrap_or(usize::MAX);
    assert!(
        soft >= needed,
        "only {soft} descriptors; run `ulimit -n {needed}` before the tests"
    );
}
