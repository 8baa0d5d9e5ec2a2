//! The command line: one definition for each option, from which the help is made.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use campanile_bench::{Dialect, Plan, Shape};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::queue_options::QueueOptions;
use crate::stomp_options::{ListenOptions, PublishOptions};

/// The exit status for bad usage or configuration.
pub(crate) const BAD_USAGE: u8 = 2;

/// Push messages to browsers and apps in real time.
///
/// Without arguments it serves every demo on port 8080 of this machine: open
/// http://127.0.0.1:8080/ and look around.
#[derive(Debug, Parser)]
#[command(name = "campanile", version, args_conflicts_with_subcommands = false)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) serve: ServeOptions,

    /// How log lines look; they go to standard error. The variable CAMPANILE_LOG filters them.
    #[arg(long, value_enum, default_value_t = LogFormat::Text, global = true)]
    pub(crate) log_format: LogFormat,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve; this is what happens without a command, too.
    Serve(ServeOptions),
    /// Print every message that is published to a destination, or that an endpoint sends, one a
    /// line.
    Listen(ListenOptions),
    /// Publish one message to a destination, and wait until the server has accepted it.
    Publish(PublishOptions),
    /// Measure a server, this one or another, by its URL: throughput, latency, CPU and memory, and
    /// whether every message arrives once and in order.
    Bench(BenchOptions),
}

/// How to serve.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeOptions {
    /// Development mode: everything is allowed and the demos are there. It is the default as long
    /// as there is no configuration; said aloud, it also allows addresses beyond this machine.
    #[arg(long)]
    pub(crate) dev: bool,

    /// An address to listen on, such as 127.0.0.1:8080; may be given several times. Port 0 lets
    /// the system choose. With a certificate, TLS (https and wss) is spoken there.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Vec<SocketAddr>,

    /// Where STOMP clients come over TCP, without WebSocket; `off` for nowhere. In development mode it
    /// is 127.0.0.1:61613, if nobody else has that port. Port 0 lets the system choose. With a
    /// certificate, TLS is spoken there.
    #[arg(long, value_name = "ADDRESS|off", env = "CAMPANILE_STOMP_LISTEN")]
    pub(crate) stomp_listen: Option<StompListen>,

    #[command(flatten)]
    pub(crate) tls: TlsOptions,

    /// How many threads share the sessions. Half the number of cores unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) shards: Option<u16>,

    /// How long a busy thread may pause between two batches at most, so that more goes out in
    /// one: an eighth of what the last one took, 3 unless given; 0 turns it off.
    #[arg(long, value_name = "MILLISECONDS")]
    pub(crate) batching_pause_max: Option<u32>,
}

/// Where STOMP is listened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StompListen {
    /// Nowhere.
    Off,
    /// On this address.
    On(SocketAddr),
}

impl std::str::FromStr for StompListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(Self::Off);
        }
        let address = text.parse().map(Self::On);
        address.map_err(|_| "neither an address such as 127.0.0.1:61613, nor off".to_owned())
    }
}

// No documentation comment: it would become that of the whole command.
#[derive(Debug, Default, Args)]
pub(crate) struct TlsOptions {
    /// Speak TLS with this certificate: a PEM file with the server's own, then those of the
    /// authorities between. It is read anew when it changes and on SIGHUP. Without --listen it is
    /// on port 8443 of this machine, beside plain HTTP on 8080.
    #[arg(long = "tls-cert", value_name = "FILE", requires = "key", id = "cert")]
    pub(crate) cert: Option<PathBuf>,

    /// The certificate's private key: a PEM file, not encrypted.
    #[arg(long = "tls-key", value_name = "FILE", requires = "cert", id = "key")]
    pub(crate) key: Option<PathBuf>,

    /// Speak TLS with a certificate made for this run, for localhost, 127.0.0.1 and ::1. Nobody
    /// trusts it: browsers warn, and `campanile listen` needs --insecure. Addresses as above.
    #[arg(long = "dev-tls", conflicts_with_all = ["cert", "key"], id = "dev_tls")]
    pub(crate) dev: bool,

    /// Whether HTTP/2 is offered where TLS is spoken, beside HTTP/1.1.
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "on|off",
        env = "CAMPANILE_HTTP2"
    )]
    pub(crate) http2: Switch,

    /// Whether clients may open WebSockets over HTTP/2 (RFC 8441); without it they open a connection
    /// of HTTP/1.1 for each.
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "on|off",
        env = "CAMPANILE_WEBSOCKET_OVER_HTTP2"
    )]
    pub(crate) websocket_over_http2: Switch,
}

/// Whether something is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// It is.
    #[default]
    On,
    /// It is not.
    Off,
}

impl Switch {
    pub(crate) fn is_on(self) -> bool {
        self == Self::On
    }
}

impl TlsOptions {
    /// Whether TLS is asked for at all.
    pub(crate) fn is_on(&self) -> bool {
        self.dev || self.cert.is_some()
    }
}

/// What to measure, and how.
#[derive(Debug, Args)]
pub(crate) struct BenchOptions {
    /// How sessions and messages are arranged.
    #[arg(value_enum)]
    pub(crate) shape: BenchShape,

    /// Where: ws://HOST:PORT/PATH. `{room}` stands for the session's room, `{session}` for its
    /// number. What is behind `#` is a channel of Centrifugo's or a namespace of Socket.IO's. For
    /// queue: tcp://HOST:PORT, with `#/queue/NAME-{queue}` behind it if the queues are to be called
    /// so.
    pub(crate) url: String,

    /// Sessions to open; 10,000 for idle and rooms, 100 for echo, 1,000 for others.
    #[arg(long, value_name = "N")]
    pub(crate) sessions: Option<usize>,

    /// Seconds to measure.
    #[arg(long, value_name = "S", default_value = "10", value_parser = seconds)]
    pub(crate) seconds: Duration,

    /// Seconds of load before that, which are not counted.
    #[arg(long, value_name = "S", default_value = "1", value_parser = seconds)]
    pub(crate) warm_up: Duration,

    /// Bytes of a message's text, from 54; 200 for idle, 128 for others.
    #[arg(long, value_name = "BYTES")]
    pub(crate) payload: Option<usize>,

    /// Messages published a second: for fanout, churn and slow, where it is 50 unless given, and
    /// for rooms and queue, where otherwise the window sets the pace.
    #[arg(long, value_name = "PER_SECOND")]
    pub(crate) rate: Option<f64>,

    /// Messages published that not everybody has received yet: in all for fanout-max and rooms,
    /// for each session in echo, for each producer in queue. 1 is one message at a time. 64 for
    /// queue, 16 for others.
    #[arg(long, value_name = "N")]
    pub(crate) window: Option<usize>,

    /// Rooms, for rooms.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) rooms: usize,

    /// The server's process, if it runs on this machine: its CPU time and memory are measured.
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<u32>,

    /// What is spoken within WebSocket messages; queue is always STOMP over TCP.
    #[arg(long, value_enum, default_value_t = BenchDialect::Raw)]
    pub(crate) dialect: BenchDialect,

    /// Offer permessage-deflate, and compress what is published.
    #[arg(long)]
    pub(crate) deflate: bool,

    /// For idle: seconds of quiet before memory is read.
    #[arg(long, value_name = "S", default_value = "60", value_parser = seconds)]
    pub(crate) quiet_time: Duration,

    /// For slow: the share of sessions that stop reading.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    pub(crate) slow_share: f64,

    /// For churn: the share of sessions that reconnects every second.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    pub(crate) churn_share: f64,

    /// A name for the report, such as that of the server.
    #[arg(long, value_name = "NAME")]
    pub(crate) label: Option<String>,

    /// Print JSON, one object a line: each part of the run, then the whole.
    #[arg(long)]
    pub(crate) json: bool,

    /// Draw how it went over time.
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,

    /// Producers, consumers and queues.
    #[command(flatten)]
    pub(crate) queue: QueueOptions,
}

/// How sessions and messages are arranged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BenchShape {
    /// Sessions that have exchanged a message are quiet: memory.
    Idle,
    /// One publishes to all at a rate: latency.
    Fanout,
    /// One publishes to all, as fast as all receive: throughput.
    FanoutMax,
    /// Each session's messages come back to it alone.
    Echo,
    /// Sessions in many rooms.
    Rooms,
    /// Sessions open and leave: CPU a connection.
    Connect,
    /// Fan-out at a rate, while some reconnect.
    Churn,
    /// Fan-out at a rate, while some do not read.
    Slow,
    /// Producers send to a broker's queues, consumers compete for what is there.
    Queue,
}

/// What is spoken within WebSocket messages.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BenchDialect {
    /// Nothing: a message is what was published.
    Raw,
    /// Socket.IO 5: the event `m`.
    #[value(name = "socket.io")]
    SocketIo,
    /// Centrifugo's JSON protocol.
    Centrifugo,
    /// SockJS over WebSocket.
    #[value(name = "sockjs")]
    SockJs,
    /// STOMP 1.0, 1.1 and 1.2, mixed, with a subscription id for each session.
    Stomp,
}

impl BenchOptions {
    /// The plan that the options describe.
    pub(crate) fn plan(&self) -> Plan {
        let shape = match self.shape {
            BenchShape::Idle => Shape::Idle,
            BenchShape::Fanout => Shape::Fanout,
            BenchShape::FanoutMax => Shape::FanoutMax,
            BenchShape::Echo => Shape::Echo,
            BenchShape::Rooms => Shape::Rooms,
            BenchShape::Connect => Shape::Connect,
            BenchShape::Churn => Shape::Churn,
            BenchShape::Slow => Shape::Slow,
            BenchShape::Queue => Shape::Queue,
        };
        let mut plan = Plan::new(shape, &self.url);
        plan.dialect = match self.dialect {
            BenchDialect::Raw => Dialect::Raw,
            BenchDialect::SocketIo => Dialect::SocketIo,
            BenchDialect::Centrifugo => Dialect::Centrifugo,
            BenchDialect::SockJs => Dialect::SockJs,
            BenchDialect::Stomp => Dialect::Stomp,
        };
        plan.sessions = self.sessions.unwrap_or(plan.sessions);
        plan.seconds = self.seconds;
        plan.warm_up = self.warm_up;
        plan.payload_bytes = self.payload.unwrap_or(plan.payload_bytes);
        plan.rate = self.rate.or(plan.rate);
        plan.window = self.window.unwrap_or(plan.window);
        plan.queue = self.queue.plan();
        plan.rooms = self.rooms;
        plan.pid = self.pid;
        plan.deflate = self.deflate;
        plan.quiet = self.quiet_time;
        plan.slow_share = self.slow_share;
        plan.churn_share = self.churn_share;
        plan.label.clone_from(&self.label);
        plan
    }
}

/// Seconds, with a fraction if need be.
fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
}

/// How log lines look.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use campanile_bench::AckMode;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from([&["campanile"], arguments].concat())
    }

    #[test]
    fn no_arguments_serve() {
        let options = parse(&[]).expect("valid");
        assert!(options.command.is_none());
        assert!(options.serve.listen.is_empty());
    }

    #[test]
    fn listen_addresses_add_up() {
        let options = parse(&["--listen", "127.0.0.1:0", "--listen", "[::1]:9"]).expect("valid");
        assert_eq!(options.serve.listen.len(), 2);
    }

    #[test]
    fn stomp_is_listened_for_on_an_address_or_not_at_all() {
        let options = parse(&["--stomp-listen", "127.0.0.1:0"]).expect("valid");
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        assert_eq!(options.serve.stomp_listen, Some(StompListen::On(address)));
        let options = parse(&["--stomp-listen", "off"]).expect("valid");
        assert_eq!(options.serve.stomp_listen, Some(StompListen::Off));
        let error = parse(&["--stomp-listen", "61613"]).expect_err("no address");
        assert!(error.to_string().contains("nor off"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn s3_a_certificate_needs_its_key() {
        let options = parse(&["--tls-cert", "c.pem", "--tls-key", "k.pem"]).expect("valid");
        assert!(options.serve.tls.is_on());
        assert!(parse(&["--dev-tls"]).expect("valid").serve.tls.dev);
        assert!(!parse(&[]).expect("valid").serve.tls.is_on());
        for wrong in [
            &["--tls-cert", "c.pem"][..],
            &["--tls-key", "k.pem"],
            &["--dev-tls", "--tls-cert", "c.pem", "--tls-key", "k.pem"],
        ] {
            assert_eq!(parse(wrong).expect_err("half").exit_code(), 2);
        }
    }

    #[test]
    fn bench_options_become_a_plan() {
        let url = "ws://127.0.0.1:9/chat";
        let plan = |arguments: &[&str]| match parse(&[&["bench"], arguments].concat()) {
            Ok(Options {
                command: Some(Command::Bench(options)),
                ..
            }) => options.plan(),
            other => panic!("{other:?}"),
        };
        let default = plan(&["idle", url]);
        assert_eq!((default.sessions, default.payload_bytes), (10_000, 200));
        let given = plan(&[
            "fanout-max",
            url,
            "--sessions",
            "7",
            "--seconds",
            "0.5",
            "--dialect",
            "socket.io",
        ]);
        assert_eq!(given.shape, Shape::FanoutMax);
        assert_eq!((given.sessions, given.payload_bytes), (7, 128));
        assert_eq!(given.seconds, Duration::from_millis(500));
        assert_eq!(given.dialect, Dialect::SocketIo);
        assert_eq!((given.window, plan(&["queue", url]).window), (16, 64));
        let queue = plan(&["queue", url, "--producers", "2", "--ack", "auto"]).queue;
        assert_eq!((queue.producers, queue.ack), (2, AckMode::Auto));
        let error = parse(&["bench", "echo", url, "--seconds", "-1"]).expect_err("no time");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn a_bad_address_is_named() {
        let error = parse(&["--listen", "here"]).expect_err("not an address");
        assert!(error.to_string().contains("here"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}
