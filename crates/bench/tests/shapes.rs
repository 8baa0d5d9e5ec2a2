//! Each shape against a server that does everything right.

mod support;

use campanile_bench::{Plan, Progress, Report, Shape, Stage, plot, run, text};
use support::{Server, plan};

/// Makes the run, checks what holds for every shape, and returns the report.
fn measure(plan: &Plan) -> Report {
    let mut stages = Vec::new();
    let mut look = |progress: &Progress| {
        assert!((0.0..=1.0).contains(&progress.done));
        if !stages.contains(&progress.stage) {
            stages.push(progress.stage);
        }
    };
    let report = run(plan, &mut look).expect("a report");
    assert!(stages.contains(&Stage::Opening), "{stages:?}");
    assert!(report.is_correct(), "{report:?}");
    assert_eq!(report.delivered, report.expected);
    assert_eq!(
        (report.closed_by_server, report.close_reasons.len()),
        (0, 0)
    );
    assert!(report.rss_bytes_start.is_some() && report.rss_bytes_left.is_some());
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
    assert_eq!(json["shape"], plan.shape.name());
    assert_eq!(
        json["user_instructions_per_delivery"],
        serde_json::Value::Null
    );
    assert!(text(&report).contains(plan.shape.name()));
    assert!(plot(&report).starts_with("<svg"));
    report
}

fn broadcast(shape: Shape) -> Report {
    let url = Server::default().start() + "/chat";
    let report = measure(&plan(shape, &url));
    assert_eq!(report.delivered, report.published * 8);
    assert!(report.latency_micros.is_some() && report.cpu_micros_per_delivery.is_some());
    report
}

#[test]
fn fanout_publishes_at_its_rate_to_all() {
    let report = broadcast(Shape::Fanout);
    assert_eq!(
        (report.published, report.rate, report.window),
        (30, Some(100.0), None)
    );
}

#[test]
fn fanout_max_fills_its_window() {
    let report = broadcast(Shape::FanoutMax);
    assert!(report.published >= 4);
    assert_eq!((report.rate, report.window), (None, Some(4)));
}

#[test]
fn echo_comes_back_to_the_sender() {
    let url = Server::default().start() + "/echo";
    let report = measure(&plan(Shape::Echo, &url));
    assert_eq!(report.delivered, report.published);
    assert!(report.published >= 4 * 8);
}

#[test]
fn rooms_hear_their_own_publications_only() {
    let url = Server::default().start() + "/rooms/{room}";
    let report = measure(&plan(Shape::Rooms, &url));
    // Two rooms have three sessions, the third has two.
    assert!((report.published * 2..=report.published * 3).contains(&report.delivered));
    assert_eq!(
        (report.rooms, report.window, report.misdelivered),
        (Some(3), Some(4), 0)
    );
    let mut with_rate = plan(Shape::Rooms, &url);
    with_rate.rate = Some(100.0);
    let report = measure(&with_rate);
    assert_eq!(
        (report.published, report.delivered, report.window),
        (30, 80, None)
    );
}

#[test]
fn connect_opens_all_again_and_again() {
    let url = Server::default().start() + "/chat";
    let report = measure(&plan(Shape::Connect, &url));
    assert!(report.connections_per_second.is_some_and(|rate| rate > 0.0));
    assert!(report.cpu_micros_per_connection.is_some());
    assert_eq!((report.published, report.deliveries_per_second), (0, None));
}

#[test]
fn idle_exchanges_messages_whether_the_server_broadcasts_or_echoes() {
    let server = Server::default().start();
    for path in ["/chat", "/echo"] {
        let report = measure(&plan(Shape::Idle, &format!("{server}{path}")));
        assert!(report.rss_bytes_loaded.is_some() && report.rss_bytes_per_session.is_some());
        assert!(
            !report.not_measured.contains_key("exchange of messages"),
            "{path}"
        );
    }
}

#[test]
fn churn_reconnects_without_a_loss() {
    let url = Server::default().start() + "/chat";
    let mut plan = plan(Shape::Churn, &url);
    plan.churn_share = 1.0;
    plan.seconds = std::time::Duration::from_secs(1);
    let report = measure(&plan);
    assert!(report.reconnects.is_some_and(|reconnects| reconnects > 0));
    assert_eq!(
        (report.published, report.connection_failures),
        (100, Some(0))
    );
    assert!(report.delivered <= 800);
}

#[test]
fn slow_sessions_get_all_once_they_read() {
    let url = Server::default().start() + "/chat";
    let mut plan = plan(Shape::Slow, &url);
    plan.slow_share = 0.5;
    let report = measure(&plan);
    assert_eq!(
        (report.slow_sessions, report.slow_closed),
        (Some(4), Some(0))
    );
    // Those who read late are checked, but are no deliveries that could be timed.
    assert_eq!((report.published, report.delivered), (30, 120));
}

#[test]
fn without_a_process_nothing_is_guessed() {
    let url = Server::default().start() + "/chat";
    let mut plan = plan(Shape::Fanout, &url);
    plan.pid = None;
    let report = run(&plan, &mut |_| {}).expect("a report");
    assert_eq!(
        (report.cpu_micros_per_delivery, report.server_cores),
        (None, None)
    );
    assert_eq!(
        (report.rss_bytes_start, report.rss_bytes_per_session),
        (None, None)
    );
    assert!(report.not_measured.contains_key("CPU and memory"));
}
