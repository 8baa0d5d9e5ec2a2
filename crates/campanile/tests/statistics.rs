//! What an application counts (S159), and what travels with a message (S161).

mod support;

use std::time::Duration;

use campanile::testing::TestApplication;
use campanile::{
    Broker, Campanile, CloseCode, Context, Endpoint, FromEvent, Rejection, Session, StompEndpoint,
    Text,
};

use support::stomp::{Received, connect, refusal, send, start};

#[test]
fn s159_sessions_are_counted_by_how_they_ended() {
    let talk = Endpoint::new()
        .on_text(async |session: Session, Text(word): Text| {
            if word == "close me" {
                let _ = session.close(CloseCode::NORMAL, "as you like");
            }
        })
        .idle_timeout(Duration::from_secs(30));
    let app = Campanile::builder().endpoint("/talk", talk);
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut clients: Vec<_> = (0..5).map(|_| test.connect("/talk")).collect();
    let before = test.handle().statistics();
    assert_eq!((before.sessions, before.sessions_opened), (5, 5));
    assert_eq!(before.ended, campanile::Statistics::default().ended);
    clients[0].close(1000, "bye");
    clients[1].disconnect();
    clients[2].send_text("close me");
    clients[2].next_close();
    // No client's frame is without a mask.
    clients[3].send_raw(&[0x81, 0x01, b'a']);
    clients[3].next_close();
    test.advance(Duration::from_secs(31));
    assert_eq!(clients[4].next_close().0, 1001);
    test.settle();
    let after = test.handle().statistics();
    let ended = after.ended;
    assert_eq!((after.sessions, after.sessions_opened), (0, 5));
    assert_eq!((ended.by_clients, ended.lost), (1, 1));
    assert_eq!((ended.by_application, ended.breaches), (1, 1));
    assert_eq!(ended.timed_out, 1);
    assert_eq!((ended.slow_consumers, ended.leaving), (0, 0));
}

#[test]
fn s159_stomp_frames_are_counted_by_command() {
    let mut test = start();
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, "SUBSCRIBE\nid:a\ndestination:/topic/a\n\n");
    send(&mut client, "SEND\ndestination:/topic/a\n\none");
    send(&mut client, "SEND\ndestination:/topic/a\n\ntwo");
    for command in ["BEGIN", "ABORT", "BEGIN", "COMMIT"] {
        send(&mut client, &format!("{command}\ntransaction:t\n\n"));
    }
    for command in ["ACK", "NACK"] {
        send(&mut client, &format!("{command}\nid:1,a\n\n"));
    }
    send(&mut client, "UNSUBSCRIBE\nid:a\n\n");
    send(&mut client, "DISCONNECT\n\n");
    let mut refused = test.connect("/stomp");
    send(&mut refused, "CONNECT\naccept-version:9.9\nhost:h\n\n");
    refusal(&mut refused);
    test.settle();
    let stomp = test.handle().statistics().stomp;
    assert_eq!(
        (stomp.connect, stomp.connected, stomp.disconnect),
        (2, 1, 1)
    );
    assert_eq!((stomp.send, stomp.subscribe, stomp.unsubscribe), (2, 1, 1));
    assert_eq!((stomp.begin, stomp.commit, stomp.abort), (2, 1, 1));
    assert_eq!((stomp.ack, stomp.nack), (1, 1));
    assert_eq!(stomp.errors, 1);
    let line = test.handle().statistics().to_string();
    assert!(line.contains("STOMP: 1 connected of 2"), "{line}");
}

/// The example of the W3C's Trace Context, section 3.2.3.
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The trace that a message belongs to, as a tracing library would take it up.
struct Trace(Option<String>);

impl FromEvent for Trace {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let headers = context.message_headers();
        Ok(Self(headers.get("traceparent").map(str::to_owned)))
    }
}

#[test]
fn s161_a_traces_context_reaches_receivers_and_handlers() {
    let traced = async |Trace(parent): Trace| parent;
    let app = Campanile::builder()
        .broker(Broker::new().clients_may_send("/topic/**"))
        .stomp("/stomp", StompEndpoint::new())
        .message("/traced", traced);
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut client = connect(&mut test, "/stomp", "1.2");
    for destination in ["/topic/straight", "/topic/traced"] {
        let id = destination;
        send(
            &mut client,
            &format!("SUBSCRIBE\nid:{id}\ndestination:{destination}\n\n"),
        );
    }
    let headers = format!("traceparent:{TRACE}\ntracestate:vendor=1\n");
    send(
        &mut client,
        &format!("SEND\ndestination:/topic/straight\n{headers}\nhello"),
    );
    let straight = Received::next(&mut client);
    assert_eq!(straight.header("traceparent"), Some(TRACE));
    assert_eq!(straight.header("tracestate"), Some("vendor=1"));
    send(
        &mut client,
        &format!("SEND\ndestination:/app/traced\n{headers}\nhello"),
    );
    assert_eq!(Received::next(&mut client).body(), TRACE);
}
