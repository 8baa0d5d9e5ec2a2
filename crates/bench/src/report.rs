//! What was measured.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{histogram::Histogram, plan::Plan, queue::QueuePlan};

/// The result of a run. `None` means that it was not measured; `not_measured` says why, where it
/// is not plain from the shape.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The shape's name.
    pub shape: &'static str,
    /// The name that was given to the run.
    pub label: Option<String>,
    /// The server.
    pub url: String,
    /// The dialect's name.
    pub dialect: &'static str,
    /// Whether permessage-deflate was offered and agreed upon.
    pub deflate: bool,
    /// Sessions that were opened.
    pub sessions: usize,
    /// Octets of a message's text.
    pub payload_bytes: usize,
    /// Publications outstanding at most, where a window sets the pace.
    pub window: Option<usize>,
    /// Publications a second that were asked for, where a rate sets the pace.
    pub rate: Option<f64>,
    /// Rooms.
    pub rooms: Option<usize>,
    /// Producers, consumers and queues.
    pub queue: Option<QueuePlan>,
    /// What the figures are about: from the first publication to the last delivery, and at least
    /// as long as was asked for where a rate sets the pace.
    pub seconds: f64,
    /// Publications sent.
    pub published: u64,
    /// Deliveries that were due: those that were made and those that are missing.
    pub expected: u64,
    /// Publications that arrived, counted once for each session.
    pub delivered: u64,
    /// `delivered / seconds`.
    pub deliveries_per_second: Option<f64>,
    /// CPU time of the server's process, in microseconds.
    pub cpu_micros_per_delivery: Option<f64>,
    /// The part of it outside the kernel.
    pub user_micros_per_delivery: Option<f64>,
    /// Instructions outside the kernel.
    pub user_instructions_per_delivery: Option<f64>,
    /// From publishing to reading; for connect, from the first packet to the open session.
    pub latency_micros: Option<Latency>,
    /// Resident memory of the server's process before the first session.
    pub rss_bytes_start: Option<u64>,
    /// The most that was seen under load; for idle, after the quiet time.
    pub rss_bytes_loaded: Option<u64>,
    /// After all sessions had left.
    pub rss_bytes_left: Option<u64>,
    /// `(rss_bytes_loaded - rss_bytes_start) / sessions`.
    pub rss_bytes_per_session: Option<f64>,
    /// Sessions opened a second.
    pub connections_per_second: Option<f64>,
    /// CPU time of the server's process for each, in microseconds.
    pub cpu_micros_per_connection: Option<f64>,
    /// Deliveries that were due and not made, although the session was not told so by a close.
    pub missing: u64,
    /// Deliveries that were made again.
    pub duplicated: u64,
    /// Deliveries that were overtaken by a later publication.
    pub out_of_order: u64,
    /// Deliveries to a session that the publication was not for.
    pub misdelivered: u64,
    /// Sessions that the server closed.
    pub closed_by_server: u64,
    /// How often the server gave which code and reason.
    pub close_reasons: BTreeMap<String, u64>,
    /// Sessions that came back in churn.
    pub reconnects: Option<u64>,
    /// Connections that failed in churn and were tried again.
    pub connection_failures: Option<u64>,
    /// Sessions that stopped reading in slow.
    pub slow_sessions: Option<usize>,
    /// Those of them that the server closed.
    pub slow_closed: Option<usize>,
    /// Processors that the server's process kept busy, on average.
    pub server_cores: Option<f64>,
    /// Processors that the generator kept busy. At 1 it can do no more: it is one thread.
    pub generator_cores: Option<f64>,
    /// Processors that other programs kept busy, on average.
    pub other_cores: Option<f64>,
    /// Processors of the generator's machine.
    pub machine_cores: usize,
    /// Why a figure is missing.
    pub not_measured: BTreeMap<&'static str, String>,
    /// How it went over time.
    #[serde(skip)]
    pub series: Vec<Interval>,
}

/// Latencies in microseconds: what the share of all deliveries did not exceed. They are rounded
/// up by at most 1.6 %; `max` is exact.
#[derive(Clone, Copy, Debug, Serialize)]
#[expect(missing_docs, reason = "percentiles are called what they are")]
pub struct Latency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// A short time within a run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Interval {
    /// Its end, in seconds from the beginning of the measurement.
    pub at_seconds: f64,
    /// Deliveries a second; for connect and idle, sessions opened a second.
    pub per_second: f64,
    /// Median latency.
    pub p50_micros: Option<f64>,
    /// 99th percentile of the latency.
    pub p99_micros: Option<f64>,
    /// Longest latency.
    pub max_micros: Option<f64>,
    /// Resident memory of the server's process.
    pub rss_bytes: Option<u64>,
}

impl Latency {
    /// The percentiles of a histogram of nanoseconds; `None` when it is empty.
    pub(crate) fn of(histogram: &Histogram) -> Option<Self> {
        let micros = |share| histogram.quantile(share) as f64 / 1000.0;
        (histogram.total() > 0).then(|| Self {
            p50: micros(0.5),
            p90: micros(0.9),
            p99: micros(0.99),
            p999: micros(0.999),
            max: histogram.max() as f64 / 1000.0,
        })
    }
}

impl Report {
    /// A report in which nothing was measured yet.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut not_measured = BTreeMap::new();
        not_measured.insert(
            "user_instructions_per_delivery",
            "the generator reads no hardware counters; perf stat -p PID does, where there are any"
                .to_owned(),
        );
        if plan.pid.is_none() {
            let why = "no --pid of the server was given".to_owned();
            not_measured.insert("CPU and memory", why);
        }
        Self {
            shape: plan.shape.name(),
            label: plan.label.clone(),
            url: plan.url.clone(),
            dialect: plan.dialect.name(),
            deflate: false,
            sessions: plan.sessions,
            payload_bytes: plan.payload_bytes,
            window: None,
            rate: None,
            rooms: None,
            queue: None,
            seconds: 0.0,
            published: 0,
            expected: 0,
            delivered: 0,
            deliveries_per_second: None,
            cpu_micros_per_delivery: None,
            user_micros_per_delivery: None,
            user_instructions_per_delivery: None,
            latency_micros: None,
            rss_bytes_start: None,
            rss_bytes_loaded: None,
            rss_bytes_left: None,
            rss_bytes_per_session: None,
            connections_per_second: None,
            cpu_micros_per_connection: None,
            missing: 0,
            duplicated: 0,
            out_of_order: 0,
            misdelivered: 0,
            closed_by_server: 0,
            close_reasons: BTreeMap::new(),
            reconnects: None,
            connection_failures: None,
            slow_sessions: None,
            slow_closed: None,
            server_cores: None,
            generator_cores: None,
            other_cores: None,
            machine_cores: std::thread::available_parallelism().map_or(1, usize::from),
            not_measured,
            series: Vec::new(),
        }
    }

    /// The report as one line of JSON.
    pub fn to_json(&self) -> String {
        // Names are strings and numbers finite, so there is nothing that JSON could refuse.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether every delivery that was due was made once and in order.
    pub fn is_correct(&self) -> bool {
        self.missing + self.duplicated + self.out_of_order + self.misdelivered == 0
    }

    /// Whether messages are compressed, and if they should be and are not, why.
    pub(crate) fn enter_deflate(&mut self, is_wanted: bool, is_agreed: bool) {
        self.deflate = is_agreed;
        if is_wanted && !is_agreed {
            let why = "the server declined permessage-deflate".to_owned();
            self.not_measured.insert("compression", why);
        }
    }

    /// The memory of a session, once both ends are known. A process that has given back more than
    /// the sessions took tells nothing about them.
    pub(crate) fn enter_memory(&mut self) {
        let Some((loaded, start)) = self.rss_bytes_loaded.zip(self.rss_bytes_start) else {
            return;
        };
        match loaded.checked_sub(start) {
            Some(grown) => {
                self.rss_bytes_per_session = Some(grown as f64 / self.sessions as f64);
            }
            None => {
                let why = "the server's process had more memory before the sessions than with \
                           them; start it anew";
                let why = why.to_owned();
                self.not_measured.insert("rss_bytes_per_session", why);
            }
        }
    }
}

impl Interval {
    /// What came in the time that ended at `at_seconds`, with its latencies in nanoseconds.
    pub(crate) fn new(
        at_seconds: f64,
        per_second: f64,
        latencies: &Histogram,
        rss_bytes: Option<u64>,
    ) -> Self {
        let micros =
            |share| (latencies.total() > 0).then(|| latencies.quantile(share) as f64 / 1000.0);
        Self {
            at_seconds,
            per_second,
            p50_micros: micros(0.5),
            p99_micros: micros(0.99),
            max_micros: micros(1.0),
            rss_bytes,
        }
    }

    /// The interval as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
