//! A load generator that measures any WebSocket server by its URL, and queues of STOMP brokers.
//!
//! **What it does.** One thread holds thousands of sessions, publishes through some of them, and
//! checks at all of them that every publication arrives once and in order. It reports deliveries
//! a second, latencies, the CPU time and memory of the server's process, and whatever was
//! missing, duplicated or out of order. [`Plan`] says what to do, [`run`] does it, [`Report`] is
//! what came of it, for machines ([`Report::to_json`]), for people ([`text`]) and as a picture
//! ([`plot`]).
//!
//! **What the server has to do.** Send every text that arrives at the URL to all sessions of that
//! URL, the sender too; for [`Shape::Echo`], to the sender alone. A publication carries a marker
//! that is found in any envelope; so servers that speak a [`Dialect`] are measured in the same way.
//! For [`Shape::Queue`], it is to speak STOMP 1.2 over TCP and give each message of a queue to one
//! consumer.
//!
//! **What the figures mean.** A latency runs from the moment at which a publication was due to
//! the moment at which this thread has read it, so it includes the time that the thread itself
//! needs to read the sessions before. CPU time is what the kernel has counted for the server's
//! process, in steps of 10 ms; runs of a few seconds are exact enough. Where the generator's own
//! processor is fully busy, the report says so: the server might do more then.
//!
//! ```no_run
//! use campanile_bench::{Plan, Shape, run, text};
//!
//! let mut plan = Plan::new(Shape::FanoutMax, "ws://127.0.0.1:8080/chat");
//! plan.sessions = 2_000;
//! let report = run(&plan, &mut |_| {})?;
//! println!("{}", text(&report));
//! # Ok::<(), campanile_bench::BenchError>(())
//! ```
#![forbid(unsafe_code)]

mod churn;
mod clock;
mod connect;
mod deflate;
mod descriptors;
mod dialect;
mod error;
mod fleet;
mod frame;
mod histogram;
mod idle;
mod ledger;
mod limit;
mod load;
mod marker;
mod masks;
mod plan;
mod plot;
mod process;
mod progress;
mod queue;
mod report;
mod run;
mod scale;
mod session;
mod shapes;
mod tally;
mod target;
mod text;
mod units;
mod usage;

pub use error::{BenchError, OpeningError};
pub use plan::{Dialect, PAYLOAD_BYTES_MAX, Plan, Shape};
pub use plot::plot;
pub use progress::{Progress, Stage};
pub use queue::{AckMode, QueuePlan};
pub use report::{Interval, Latency, Report};
pub use shapes::run;
pub use text::text;
