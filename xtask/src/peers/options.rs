//! What `cargo xtask peers` is asked for.

use std::path::PathBuf;

use crate::{
    peers::{
        figures::{QUEUE_OPTIONS, Shape},
        roster::{Dialect, PEERS},
    },
    run::Failure,
};

/// Ratios of fewer pairs are not for publication.
pub(crate) const PUBLISHED_PAIRS_MIN: usize = 15;

/// Seconds that quiet sessions stay quiet before their memory is read.
const QUIET_SECONDS: &str = "10";

/// What the chore prints when it is asked for help.
pub(crate) const HELP: &str = "\
Measures Campanile beside other servers, in pairs of runs that take turns.

Usage: cargo xtask peers [OPTION VALUE]...

  --shape SHAPE[,SHAPE]  idle, fanout, fanout-max, echo, rooms, connect, churn, slow, and with
                         --stomp queue (default: fanout-max)
  --only PEER[,PEER]     bun, ws, socket.io, axum, centrifugo, spring, floor (default: these), or
                         campanile-raw, spring-stomp, rabbitmq (default with --stomp), or
                         rabbitmq, activemq (default with --stomp --shape queue)
  --pairs N              runs of Campanile and of each peer (default: 15, the least for a ratio
                         that is published)
  --seconds S            how long a run measures (default: 3)
  --warm-up S            how long it runs before that (default: 1; Spring and ActiveMQ: at least
                         6, RabbitMQ: 2)
  --out FOLDER           where the reports go (default: peers/report in the target folder)
  --deflate              with permessage-deflate
  --stomp                Campanile speaks STOMP: sessions of all versions, each with a subscription
                         id of its own
  --sessions N, --payload BYTES, --rate N, --window N, --rooms N, --quiet-time S
                         as `campanile bench` has them, and with its defaults (quiet-time: 10)
  --producers N, --consumers N, --queues N, --prefetch N, --ack MODE
                         the same, for queue

Peers are installed into the target folder from public registries. It needs npm and node for bun,
ws and socket.io, go for centrifugo, java and mvn for spring and
spring-stomp, a Debian for rabbitmq and activemq, which are unpacked and not installed, and java for
the latter. What cannot be had or does not start is named as not measured.";

/// The chore's options.
#[derive(Debug)]
pub(crate) struct Options {
    /// The shapes, each a table of its own.
    pub(crate) shapes: Vec<Shape>,
    /// The names of the peers.
    pub(crate) peers: Vec<&'static str>,
    /// How many pairs of runs each peer has.
    pub(crate) pairs: usize,
    /// How long a run measures, in seconds.
    pub(crate) seconds: f64,
    /// How long a run warms up, in seconds.
    pub(crate) warm_up_seconds: f64,
    /// How long quiet sessions stay quiet, in seconds.
    pub(crate) quiet_seconds: f64,
    /// Where the reports go.
    pub(crate) out: Option<PathBuf>,
    /// Whether messages are compressed.
    pub(crate) is_deflated: bool,
    /// What Campanile speaks.
    pub(crate) dialect: Dialect,
    /// What `campanile bench` is given as it is: names with their values.
    pub(crate) passed_on: Vec<(&'static str, String)>,
}

impl Options {
    /// Reads the words behind `cargo xtask peers`.
    ///
    /// # Errors
    /// When a word is no option, or its value cannot be one.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, Failure> {
        let mut options = Self {
            shapes: Vec::new(),
            peers: Vec::new(),
            pairs: PUBLISHED_PAIRS_MIN,
            seconds: 3.0,
            warm_up_seconds: 1.0,
            quiet_seconds: seconds("--quiet-time", QUIET_SECONDS)?,
            out: None,
            is_deflated: false,
            dialect: Dialect::Raw,
            passed_on: Vec::new(),
        };
        let mut words = words.iter().copied();
        while let Some(name) = words.next() {
            if name == "--deflate" {
                options.is_deflated = true;
                continue;
            }
            if name == "--stomp" {
                options.dialect = Dialect::Stomp;
                continue;
            }
            let value = words
                .next()
                .ok_or_else(|| Failure::new(format!("{name} needs a value\n\n{HELP}")))?;
            options.set(name, value)?;
        }
        if options.shapes.is_empty() {
            options.shapes.push(Shape::FanoutMax);
        }
        if options.dialect == Dialect::Stomp && options.shapes.contains(&Shape::Echo) {
            return Err(Failure::new(
                "--stomp has no echo: what a client sends to a topic goes to all",
            ));
        }
        if options.dialect != Dialect::Stomp && options.shapes.contains(&Shape::Queue) {
            return Err(Failure::new("queues are STOMP's: add --stomp"));
        }
        if options.is_deflated && options.shapes.contains(&Shape::Queue) {
            return Err(Failure::new(
                "STOMP over TCP has no compression: --shape queue",
            ));
        }
        if options.peers.is_empty() {
            options.peers = PEERS
                .iter()
                .filter(|peer| peer.is_usual_beside(options.dialect, &options.shapes))
                .map(|peer| peer.name)
                .collect();
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        match name {
            "--shape" => {
                for word in value.split(',') {
                    let shape = Shape::named(word)
                        .ok_or_else(|| Failure::new(format!("no shape {word:?}\n\n{HELP}")))?;
                    if !self.shapes.contains(&shape) {
                        self.shapes.push(shape);
                    }
                }
            }
            "--only" => {
                for word in value.split(',') {
                    let peer = PEERS
                        .iter()
                        .find(|peer| peer.name == word)
                        .ok_or_else(|| Failure::new(format!("no peer {word:?}\n\n{HELP}")))?;
                    if !self.peers.contains(&peer.name) {
                        self.peers.push(peer.name);
                    }
                }
            }
            "--pairs" => self.pairs = count(name, value)?,
            "--seconds" => self.seconds = seconds(name, value)?,
            "--warm-up" => self.warm_up_seconds = seconds(name, value)?,
            "--quiet-time" => self.quiet_seconds = seconds(name, value)?,
            "--out" => self.out = Some(PathBuf::from(value)),
            _ => {
                let known = ["--sessions", "--payload", "--rate", "--window", "--rooms"]
                    .into_iter()
                    .chain(QUEUE_OPTIONS)
                    .find(|known| *known == name)
                    .ok_or_else(|| Failure::new(format!("no option {name:?}\n\n{HELP}")))?;
                if known != "--ack" {
                    count(known, value)?;
                } else if !["auto", "client-individual"].contains(&value) {
                    return Err(Failure::new("--ack is auto or client-individual"));
                }
                self.passed_on.push((known, value.to_owned()));
            }
        }
        Ok(())
    }
}

fn count(name: &str, value: &str) -> Result<usize, Failure> {
    match value.parse() {
        Ok(count @ 1..) => Ok(count),
        _ => Err(Failure::new(format!(
            "{name} {value}: it takes a whole number of at least 1"
        ))),
    }
}

fn seconds(name: &str, value: &str) -> Result<f64, Failure> {
    value
        .parse()
        .ok()
        .filter(|seconds| (0.0..=86_400.0).contains(seconds))
        .ok_or_else(|| Failure::new(format!("{name} {value}: it takes a number of seconds")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_the_saturated_fan_out_beside_everybody() {
        let options = Options::parse(&[]).unwrap();
        assert_eq!(options.shapes, [Shape::FanoutMax]);
        assert_eq!(options.pairs, PUBLISHED_PAIRS_MIN);
        assert_eq!(options.dialect, Dialect::Raw);
        assert!(options.peers.contains(&"bun"));
        assert!(!options.peers.contains(&"rabbitmq"));
        assert!(options.passed_on.is_empty());
    }

    #[test]
    fn stomp_brings_the_peers_that_speak_it() {
        let options = Options::parse(&["--stomp", "--window", "1"]).unwrap();
        assert_eq!(options.dialect, Dialect::Stomp);
        let expected = ["campanile-raw", "spring-stomp", "rabbitmq"];
        assert_eq!(options.peers, expected);
        let queues = [
            "--stomp", "--shape", "queue", "--ack", "auto", "--queues", "2",
        ];
        let options = Options::parse(&queues).unwrap();
        assert_eq!(options.peers, ["rabbitmq", "activemq"]);
        let passed_on = [("--ack", "auto".to_owned()), ("--queues", "2".to_owned())];
        assert_eq!(options.passed_on, passed_on);
        let beside_bun = Options::parse(&["--stomp", "--only", "bun"]).unwrap();
        assert_eq!(beside_bun.peers, ["bun"]);
    }

    #[test]
    fn lists_are_divided_and_options_passed_on() {
        let words = [
            "--shape",
            "echo,rooms",
            "--shape",
            "echo",
            "--only",
            "floor,bun",
            "--pairs",
            "3",
            "--sessions",
            "200",
            "--deflate",
            "--seconds",
            "0.5",
            "--out",
            "there",
        ];
        let options = Options::parse(&words).unwrap();
        assert_eq!(options.shapes, [Shape::Echo, Shape::Rooms]);
        assert_eq!(options.peers, ["floor", "bun"]);
        assert_eq!(options.pairs, 3);
        assert_eq!(options.seconds, 0.5);
        assert!(options.is_deflated);
        assert_eq!(options.passed_on, [("--sessions", "200".to_owned())]);
        assert_eq!(options.out, Some(PathBuf::from("there")));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for words in [
            &["--shape", "fan"][..],
            &["--only", "nobody"],
            &["--pairs", "0"],
            &["--pairs"],
            &["--sessions", "many"],
            &["--seconds", "-1"],
            &["--seconds", "NaN"],
            &["--loud", "1"],
            &["--stomp", "--shape", "echo"],
            &["--shape", "queue"],
            &["--stomp", "--shape", "queue", "--deflate"],
            &["--stomp", "--shape", "queue", "--ack", "client"],
            &["echo"],
        ] {
            assert!(Options::parse(words).is_err(), "{words:?} was taken");
        }
    }
}
