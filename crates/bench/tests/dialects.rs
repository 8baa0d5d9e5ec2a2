//! Publications in the envelopes of other protocols, and compressed ones.

mod support;

use campanile_bench::{Dialect, Report, Shape, run};
use support::{Server, plan};

/// Thirty publications to eight sessions, all of which arrive.
fn fanout(server: Server, path: &str, dialect: Dialect) -> Report {
    let mut plan = plan(Shape::Fanout, &(server.start() + path));
    plan.dialect = dialect;
    plan.deflate = server.deflate;
    let report = run(&plan, &mut |_| {}).expect("a report");
    assert!(report.is_correct(), "{report:?}");
    assert_eq!((report.published, report.delivered), (30, 240));
    report
}

#[test]
fn socket_io_joins_before_it_is_counted_and_answers_pings() {
    let server = Server {
        greeting: Some("0{\"sid\":\"a\",\"pingInterval\":25000}"),
        answer: |text| match text {
            "40/chat," => Some("2".to_owned()),
            // It is let in once it has answered the ping.
            "3" => Some("40/chat,{\"sid\":\"b\"}".to_owned()),
            text => (!text.starts_with("42/chat,[\"m\",\"bench:")).then(|| "44".to_owned()),
        },
        ..Server::default()
    };
    fanout(server, "/#/chat", Dialect::SocketIo);
}

#[test]
fn centrifugo_is_subscribed_before_it_is_counted() {
    let server = Server {
        answer: |text| {
            let subscribe = "{\"id\":2,\"subscribe\":{\"channel\":\"bench\"}}";
            let answer = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{}}";
            text.contains(subscribe).then(|| answer.to_owned())
        },
        ..Server::default()
    };
    fanout(server, "", Dialect::Centrifugo);
}

#[test]
fn stomp_is_subscribed_before_it_is_counted() {
    let server = Server {
        answer: |text| match text.split('\n').next() {
            Some("CONNECT") => Some("CONNECTED\nversion:1.2\n\n\0".to_owned()),
            Some("SUBSCRIBE") if text.contains("\ndestination:/topic/x\n") => {
                Some("RECEIPT\nreceipt-id:r\n\n\0".to_owned())
            }
            Some("SEND") => None,
            _ => Some("ERROR\nmessage:unexpected\n\n\0".to_owned()),
        },
        ..Server::default()
    };
    fanout(server, "/stomp#/topic/x", Dialect::Stomp);
}

#[test]
fn a_dialect_that_is_refused_ends_the_run_with_the_reason() {
    let server = Server {
        answer: |_| Some("{\"id\":2,\"error\":{\"code\":103,\"message\":\"denied\"}}".to_owned()),
        ..Server::default()
    };
    let mut plan = plan(Shape::Fanout, &server.start());
    plan.dialect = Dialect::Centrifugo;
    let error = run(&plan, &mut |_| {}).expect_err("refused").to_string();
    assert!(error.contains("denied"), "{error}");
}

#[test]
fn compressed_publications_are_read() {
    let server = Server {
        deflate: true,
        ..Server::default()
    };
    let report = fanout(server, "/chat", Dialect::Raw);
    assert!(report.deflate && !report.not_measured.contains_key("compression"));
    let mut declined = plan(Shape::Fanout, &(Server::default().start() + "/chat"));
    declined.deflate = true;
    let report = run(&declined, &mut |_| {}).expect("a report");
    assert!(!report.deflate && report.not_measured.contains_key("compression"));
}
