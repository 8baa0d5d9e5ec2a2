//! The shapes of load, and which figures of a run's report count for each.

use serde_json::Value;

/// A shape of load that `campanile bench` has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Sessions that are quiet.
    Idle,
    /// One message to all, so many times a second.
    Fanout,
    /// One message to all, as fast as the server can.
    FanoutMax,
    /// Each message back to its sender.
    Echo,
    /// Many groups that each hear their own.
    Rooms,
    /// Sessions that come.
    Connect,
    /// A fan-out while sessions come and go.
    Churn,
    /// A fan-out while some do not read.
    Slow,
    /// Producers and consumers of queues.
    Queue,
}

/// All shapes, in the order in which they are told.
pub(crate) const SHAPES: [Shape; 9] = [
    Shape::Idle,
    Shape::Fanout,
    Shape::FanoutMax,
    Shape::Echo,
    Shape::Rooms,
    Shape::Connect,
    Shape::Churn,
    Shape::Slow,
    Shape::Queue,
];

/// Options of `campanile bench` that only queues have.
pub(crate) const QUEUE_OPTIONS: [&str; 5] = [
    "--producers",
    "--consumers",
    "--queues",
    "--prefetch",
    "--ack",
];

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    /// A cost.
    Less,
    /// A yield.
    More,
}

/// A figure of a run's report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Figure {
    /// Where it is in the report, as a JSON pointer.
    pub(crate) pointer: &'static str,
    /// What it is, with its unit.
    pub(crate) name: &'static str,
    /// Which way it is better.
    pub(crate) better: Better,
    /// Whether pictures show it.
    pub(crate) is_plotted: bool,
}

const DELIVERIES: Figure = Figure {
    pointer: "/deliveries_per_second",
    name: "deliveries a second",
    better: Better::More,
    is_plotted: true,
};
const CPU: Figure = Figure {
    pointer: "/cpu_micros_per_delivery",
    name: "CPU a delivery, µs",
    better: Better::Less,
    is_plotted: true,
};
const USER: Figure = Figure {
    pointer: "/user_micros_per_delivery",
    name: "user CPU a delivery, µs",
    better: Better::Less,
    is_plotted: false,
};
const INSTRUCTIONS: Figure = Figure {
    pointer: "/user_instructions_per_delivery",
    name: "user instructions a delivery",
    better: Better::Less,
    is_plotted: false,
};
const P50: Figure = Figure {
    pointer: "/latency_micros/p50",
    name: "latency p50, µs",
    better: Better::Less,
    is_plotted: false,
};
const P99: Figure = Figure {
    pointer: "/latency_micros/p99",
    name: "latency p99, µs",
    better: Better::Less,
    is_plotted: true,
};
const MEMORY: Figure = Figure {
    pointer: "/rss_bytes_per_session",
    name: "memory a session, bytes",
    better: Better::Less,
    is_plotted: true,
};
const CONNECTIONS: Figure = Figure {
    pointer: "/connections_per_second",
    name: "connections a second",
    better: Better::More,
    is_plotted: true,
};
const CPU_CONNECTION: Figure = Figure {
    pointer: "/cpu_micros_per_connection",
    name: "CPU a connection, µs",
    better: Better::Less,
    is_plotted: true,
};

impl Shape {
    /// The shape's name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Fanout => "fanout",
            Self::FanoutMax => "fanout-max",
            Self::Echo => "echo",
            Self::Rooms => "rooms",
            Self::Connect => "connect",
            Self::Churn => "churn",
            Self::Slow => "slow",
            Self::Queue => "queue",
        }
    }

    /// The shape with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        SHAPES.into_iter().find(|shape| shape.name() == name)
    }

    /// Whether an option of `campanile bench` means something for this shape.
    pub(crate) fn takes(self, option: &str) -> bool {
        match option {
            "--rooms" => self == Self::Rooms,
            "--sessions" => self != Self::Queue,
            _ => !QUEUE_OPTIONS.contains(&option) || self == Self::Queue,
        }
    }

    /// The figures that count, the first of them most.
    pub(crate) fn figures(self) -> &'static [Figure] {
        match self {
            Self::Idle => &[MEMORY],
            Self::Connect => &[CPU_CONNECTION, CONNECTIONS],
            // At a given rate everybody delivers as much.
            Self::Fanout | Self::Churn | Self::Slow => &[CPU, USER, INSTRUCTIONS, P50, P99],
            Self::FanoutMax | Self::Echo | Self::Rooms | Self::Queue => {
                &[CPU, USER, INSTRUCTIONS, DELIVERIES, P50, P99]
            }
        }
    }
}

impl Figure {
    /// The figure's value in a run's report; none when it was not measured.
    pub(crate) fn of(&self, report: &Value) -> Option<f64> {
        report.pointer(self.pointer)?.as_f64()
    }
}

/// What a report says went wrong: a count for each kind that is not zero.
pub(crate) fn faults(report: &Value) -> Vec<(&'static str, u64)> {
    [
        ("missing", "missing"),
        ("duplicated", "duplicated"),
        ("out_of_order", "out of order"),
        ("misdelivered", "misdelivered"),
        ("closed_by_server", "closed by the server"),
    ]
    .into_iter()
    .filter_map(|(key, name)| Some((name, report[key].as_u64().filter(|count| *count > 0)?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shapes_are_found_by_their_names() {
        for shape in SHAPES {
            assert_eq!(Shape::named(shape.name()), Some(shape));
            assert!(!shape.figures().is_empty());
        }
        assert_eq!(Shape::named("fan-out"), None);
    }

    #[test]
    fn options_go_only_to_the_shapes_that_have_them() {
        assert!(Shape::Queue.takes("--ack") && Shape::Queue.takes("--window"));
        assert!(!Shape::Queue.takes("--sessions") && !Shape::Queue.takes("--rooms"));
        assert!(Shape::Rooms.takes("--rooms") && Shape::Rooms.takes("--sessions"));
        assert!(!Shape::FanoutMax.takes("--consumers"));
    }

    #[test]
    fn what_was_not_measured_is_no_figure() {
        let report = json!({
            "cpu_micros_per_delivery": 0.5,
            "user_instructions_per_delivery": null,
            "latency_micros": { "p99": 120 },
        });
        assert_eq!(CPU.of(&report), Some(0.5));
        assert_eq!(INSTRUCTIONS.of(&report), None);
        assert_eq!(DELIVERIES.of(&report), None);
        assert_eq!(P99.of(&report), Some(120.0));
    }

    #[test]
    fn faults_are_named_and_absent_ones_are_not() {
        let report = json!({ "missing": 3, "duplicated": 0, "closed_by_server": null });
        assert_eq!(faults(&report), [("missing", 3)]);
    }
}
