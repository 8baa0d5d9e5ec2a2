//! A server that does something wrong is reported so, and with the right numbers.

mod support;

use std::time::Duration;

use campanile_bench::{BenchError, Report, Shape, run};
use support::{Fault, Server, plan};

/// Thirty publications to eight sessions, of which the second has trouble with three.
fn fanout(fault: Fault) -> Report {
    let server = Server {
        fault,
        ..Server::default()
    };
    let mut plan = plan(Shape::Fanout, &(server.start() + "/chat"));
    plan.warm_up = Duration::ZERO;
    plan.patience = Duration::from_secs(2);
    let report = run(&plan, &mut |_| {}).expect("a report");
    assert_eq!(report.published, 30);
    report
}

#[test]
fn what_is_dropped_is_missing() {
    let report = fanout(Fault::Drop);
    assert_eq!(
        (report.missing, report.expected, report.delivered),
        (3, 240, 237)
    );
    assert_eq!((report.duplicated, report.out_of_order), (0, 0));
    assert!(!report.is_correct());
}

#[test]
fn what_comes_twice_is_duplicated() {
    let report = fanout(Fault::Duplicate);
    assert_eq!(
        (report.duplicated, report.delivered, report.expected),
        (3, 240, 240)
    );
    assert_eq!((report.missing, report.out_of_order), (0, 0));
    assert!(!report.is_correct());
}

#[test]
fn what_is_overtaken_is_out_of_order_and_not_missing() {
    let report = fanout(Fault::Reorder);
    assert_eq!((report.out_of_order, report.delivered), (3, 240));
    assert_eq!((report.missing, report.duplicated), (0, 0));
    assert!(!report.is_correct());
}

#[test]
fn a_session_that_was_closed_is_told_with_its_reason_and_misses_nothing() {
    let report = fanout(Fault::Close);
    assert_eq!(report.closed_by_server, 1);
    assert_eq!(report.close_reasons["1008 slow-consumer: a test"], 1);
    // It had received six.
    assert_eq!((report.delivered, report.missing), (7 * 30 + 6, 0));
    assert!(report.is_correct());
}

#[test]
fn a_window_does_not_wait_for_ever_for_what_was_dropped() {
    let server = Server {
        fault: Fault::Drop,
        ..Server::default()
    };
    let mut plan = plan(Shape::FanoutMax, &(server.start() + "/chat"));
    plan.warm_up = Duration::ZERO;
    plan.patience = Duration::from_millis(100);
    plan.seconds = Duration::from_secs(1);
    let report = run(&plan, &mut |_| {}).expect("a report");
    assert!(report.missing > 0 && report.published > 4, "{report:?}");
}

#[test]
fn a_publication_that_reaches_the_wrong_session_is_misdelivered() {
    let plan = plan(Shape::Echo, &(Server::default().start() + "/chat"));
    let report = run(&plan, &mut |_| {}).expect("a report");
    assert!(report.misdelivered > 0 && !report.is_correct());
}

#[test]
fn who_does_not_serve_is_named() {
    let server = Server {
        answer: |_| Some("quiet".to_owned()),
        ..Server::default()
    };
    let url = server.start() + "/chat";
    // Nobody hears anything, so there is nothing to measure.
    match run(&plan(Shape::Fanout, &url), &mut |_| {}) {
        Err(BenchError::NotHeard { heard, wanted, .. }) => assert_eq!((heard, wanted), (0, 8)),
        other => panic!("{other:?}"),
    }
    let mut plan = plan(Shape::Fanout, "ws://127.0.0.1:1/");
    assert!(matches!(
        run(&plan, &mut |_| {}),
        Err(BenchError::Unreachable { .. })
    ));
    plan.payload_bytes = 53;
    assert!(matches!(
        run(&plan, &mut |_| {}),
        Err(BenchError::Option {
            option: "payload",
            ..
        })
    ));
    plan.payload_bytes = 128;
    plan.url = url;
    plan.pid = Some(u32::MAX);
    assert!(matches!(
        run(&plan, &mut |_| {}),
        Err(BenchError::Process { .. })
    ));
}
