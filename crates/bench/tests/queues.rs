//! Queues of a tiny broker that does everything right, and of one that does not.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use campanile_bench::{AckMode, Plan, Report, Shape, run, text};
use campanile_stomp::{Command, Decoder, Frame, FrameWriter, Limits, Role, Version, encode};

/// What the broker does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// It loses the tenth message of each queue.
    Drop,
    /// It sends that one twice.
    Duplicate,
    /// It sends that one after the next.
    Reorder,
    /// It sends that one to a consumer of the other queue.
    Misplace,
    /// It forgets every acknowledgement.
    Forget,
    /// It refuses that message.
    Refuse,
}

struct Consumer {
    connection: usize,
    stream: TcpStream,
    is_auto: bool,
    /// What it has not acknowledged.
    held: BTreeMap<u64, Vec<u8>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Vec<u8>>,
    consumers: Vec<Consumer>,
    /// Whose turn it is.
    turn: usize,
    accepted: u64,
    late: Option<Vec<u8>>,
}

#[derive(Default)]
struct Broker {
    queues: HashMap<String, Queue>,
    delivered: u64,
}

impl Broker {
    /// Takes a message for a queue; false if it refuses.
    fn accept(&mut self, name: &str, body: &[u8], fault: Fault) -> bool {
        let queue = self.queues.entry(name.to_owned()).or_default();
        queue.accepted += 1;
        let is_tenth = queue.accepted == 10;
        let mut bodies = vec![body.to_vec()];
        match fault {
            Fault::Drop if is_tenth => bodies.clear(),
            Fault::Duplicate if is_tenth => bodies.push(body.to_vec()),
            Fault::Reorder if is_tenth => queue.late = bodies.pop(),
            Fault::Refuse if is_tenth => return false,
            _ => bodies.extend(queue.late.take()),
        }
        let other = if name == "/queue/t0" {
            "/queue/t1"
        } else {
            "/queue/t0"
        };
        let name = match fault {
            Fault::Misplace if is_tenth => other,
            _ => name,
        };
        let queue = self.queues.entry(name.to_owned()).or_default();
        queue.waiting.extend(bodies);
        self.deliver(name);
        true
    }

    fn deliver(&mut self, name: &str) {
        let Some(queue) = self.queues.get_mut(name) else {
            return;
        };
        while !queue.consumers.is_empty()
            && let Some(body) = queue.waiting.pop_front()
        {
            queue.turn += 1;
            let place = queue.turn % queue.consumers.len();
            let consumer = &mut queue.consumers[place];
            self.delivered += 1;
            let id = self.delivered.to_string();
            let mut frame = Vec::new();
            let mut writer = FrameWriter::new(&mut frame, Version::V12, Command::Message);
            writer.header("subscription", "q").header("message-id", &id);
            if !consumer.is_auto {
                writer.header("ack", &format!("ID:{id}"));
                consumer.held.insert(self.delivered, body.clone());
            }
            writer.body(&body);
            // Who has gone is taken out by its own thread.
            let _ = consumer.stream.write_all(&frame);
        }
    }

    fn settle(&mut self, connection: usize, id: &str) {
        let id: u64 = id.trim_start_matches("ID:").parse().expect("an id of ours");
        let consumers = self.queues.values_mut().flat_map(|it| &mut it.consumers);
        let mut own = consumers.filter(|it| it.connection == connection);
        assert!(own.any(|it| it.held.remove(&id).is_some()), "it had it");
    }

    fn forget(&mut self, connection: usize) {
        let names: Vec<String> = self.queues.keys().cloned().collect();
        for name in names {
            let queue = self.queues.get_mut(&name).expect("it is there");
            for consumer in &mut queue.consumers {
                if consumer.connection == connection {
                    queue
                        .waiting
                        .extend(std::mem::take(&mut consumer.held).into_values());
                }
            }
            queue.consumers.retain(|it| it.connection != connection);
            self.deliver(&name);
        }
    }
}

/// Starts the broker on a port that the kernel chooses, and returns its URL.
fn start(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let broker = Arc::new(Mutex::new(Broker::default()));
    thread::spawn(move || {
        for (connection, stream) in listener.incoming().flatten().enumerate() {
            let broker = Arc::clone(&broker);
            thread::spawn(move || serve(connection, stream, &broker, fault));
        }
    });
    format!("tcp://{address}#/queue/t{{queue}}")
}

fn serve(connection: usize, mut stream: TcpStream, broker: &Mutex<Broker>, fault: Fault) {
    let mut decoder = Decoder::new(Role::Server);
    let mut buffer = vec![0; 16 << 10];
    while let Ok(received @ 1..) = stream.read(&mut buffer) {
        let mut octets = &buffer[..received];
        loop {
            let decoded = decoder.decode(octets, &Limits::default()).expect("STOMP");
            octets = &octets[decoded.consumed..];
            let Some(frame) = decoded.frame else { break };
            let is_connect = frame.command() == Command::Connect;
            let answer = answer(connection, &frame, &stream, broker, fault);
            if stream.write_all(&answer).is_err() {
                break;
            }
            if is_connect {
                decoder.set_version(Version::V12);
            }
        }
    }
    broker.lock().expect("not poisoned").forget(connection);
}

fn answer(
    connection: usize,
    frame: &Frame<'_>,
    stream: &TcpStream,
    broker: &Mutex<Broker>,
    fault: Fault,
) -> Vec<u8> {
    let header = |name| frame.header(name).unwrap_or_default().into_owned();
    let receipt = header("receipt");
    let mut out = Vec::new();
    if !receipt.is_empty() {
        let headers = [("receipt-id", receipt.as_str())];
        out = encode(Version::V12, Command::Receipt, &headers, b"");
    }
    let mut broker = broker.lock().expect("not poisoned");
    match frame.command() {
        Command::Connect => {
            let headers = [("version", "1.2")];
            out = encode(Version::V12, Command::Connected, &headers, b"");
        }
        Command::Subscribe => {
            assert_eq!(header("prefetch-count"), "64");
            let name = header("destination");
            let queue = broker.queues.entry(name.clone()).or_default();
            queue.consumers.push(Consumer {
                connection,
                stream: stream.try_clone().expect("a descriptor"),
                is_auto: header("ack") == "auto",
                held: BTreeMap::new(),
            });
            broker.deliver(&name);
        }
        Command::Send if !broker.accept(&header("destination"), frame.body(), fault) => {
            let headers = [("message", "queue-full")];
            out = encode(Version::V12, Command::Error, &headers, b"It holds ten.");
        }
        Command::Ack if fault != Fault::Forget => broker.settle(connection, &header("id")),
        Command::Disconnect => broker.forget(connection),
        _ => {}
    }
    out
}

fn queue_plan(fault: Fault) -> Plan {
    let mut plan = Plan::new(Shape::Queue, &start(fault));
    plan.seconds = Duration::from_millis(300);
    plan.warm_up = Duration::from_millis(50);
    plan.patience = Duration::from_secs(20);
    plan.pid = Some(std::process::id());
    plan.queue.producers = 3;
    plan.queue.consumers = 4;
    plan.queue.queues = 2;
    plan.window = 8;
    plan
}

/// What a short run with one fault reports. All of the tenth messages are among those that count.
fn faulty(fault: Fault) -> Report {
    let mut plan = queue_plan(fault);
    plan.warm_up = Duration::ZERO;
    plan.patience = Duration::from_secs(2);
    if fault == Fault::Reorder {
        // One consumer and one producer, or it may be that nobody sees it.
        plan.queue.producers = 1;
        plan.queue.consumers = 2;
        plan.window = 32;
    }
    let report = run(&plan, &mut |_| {}).expect("a report");
    assert!(!report.is_correct(), "{report:?}");
    assert!(text(&report).contains("WRONG"));
    report
}

#[test]
fn every_message_comes_to_one_consumer_once() {
    for ack in [AckMode::ClientIndividual, AckMode::Auto] {
        let mut plan = queue_plan(Fault::None);
        plan.queue.ack = ack;
        let report = run(&plan, &mut |_| {}).expect("a report");
        assert!(report.is_correct(), "{report:?}");
        assert!(report.published >= 24 && report.delivered == report.published);
        assert!(report.latency_micros.is_some() && report.cpu_micros_per_delivery.is_some());
        assert_eq!((report.sessions, report.dialect), (7, "stomp"));
        assert_eq!((report.window, report.rate), (Some(8), None));
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
        assert_eq!(json["queue"]["ack"], ack.name());
        assert_eq!(json["queue"]["consumers"], 4);
        let said = text(&report);
        assert!(
            said.contains("3 producers, 2 queues, 4 consumers"),
            "{said}"
        );
    }
}

#[test]
fn a_rate_is_kept() {
    let mut plan = queue_plan(Fault::None);
    plan.rate = Some(100.0);
    let report = run(&plan, &mut |_| {}).expect("a report");
    assert!(report.is_correct(), "{report:?}");
    // A machine that is too busy for 100 messages a second publishes fewer, and none is lost.
    assert!((1..=31).contains(&report.published), "{report:?}");
}

#[test]
fn what_is_lost_repeated_overtaken_or_misplaced_is_told() {
    let lost = faulty(Fault::Drop);
    assert_eq!((lost.missing, lost.duplicated), (2, 0));
    assert_eq!(lost.expected, lost.delivered + 2);
    let repeated = faulty(Fault::Duplicate);
    assert_eq!((repeated.missing, repeated.duplicated), (0, 2));
    let overtaken = faulty(Fault::Reorder);
    assert_eq!((overtaken.missing, overtaken.out_of_order), (0, 2));
    let misplaced = faulty(Fault::Misplace);
    assert_eq!((misplaced.missing, misplaced.misdelivered), (2, 2));
}

#[test]
fn an_acknowledgement_without_effect_is_found_at_the_end() {
    let report = faulty(Fault::Forget);
    // All that was received, and is received again by those who come later, counts.
    assert!(report.duplicated >= report.delivered, "{report:?}");
}

#[test]
fn a_refusal_ends_the_run_with_the_reason() {
    let error = run(&queue_plan(Fault::Refuse), &mut |_| {}).expect_err("refused");
    let said = error.to_string();
    assert!(said.contains("ERROR queue-full: It holds ten."), "{said}");
}

#[test]
fn queues_need_names_and_nobody_listens_to_one_without_consumers() {
    let mut plan = queue_plan(Fault::None);
    plan.url = plan.url.replace("{queue}", "");
    let error = run(&plan, &mut |_| {}).expect_err("one name").to_string();
    assert!(error.contains("{queue}"), "{error}");
    plan.queue.queues = 5;
    let error = run(&plan, &mut |_| {}).expect_err("4 for 5").to_string();
    assert!(error.starts_with("--consumers"), "{error}");
}
