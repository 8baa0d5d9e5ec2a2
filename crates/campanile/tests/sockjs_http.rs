//! SockJS over plain HTTP: how long sessions live, and what each request gets.

mod support;

use std::time::Duration;

use campanile::testing::TestApplication;
use campanile::{Campanile, Endpoint, SockJs};

use support::kit::echo;
use support::sockjs::{poll, post, send};

fn start(endpoint: Endpoint, options: SockJs) -> TestApplication {
    let app = Campanile::builder().endpoint("/e", endpoint.sockjs(options));
    TestApplication::start(app.build().expect("an application"))
}

#[test]
fn s40_a_poll_opens_a_session_and_gets_what_was_sent_since_the_last_one() {
    let mut test = start(echo(), SockJs::new());
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
    for number in 1..=8 {
        send(&mut test, "/e/0/s/xhr_send", &format!("[\"{number}\"]"));
    }
    let all = "a[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]\n";
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), all);
    assert_eq!(
        post(&mut test, "/e/0/other/xhr_send", "[\"x\"]").status,
        404
    );
}

#[test]
fn s47_a_session_without_requests_ends_and_is_remembered_for_a_while() {
    let mut test = start(echo(), SockJs::new());
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
    test.advance(Duration::from_secs(4));
    send(&mut test, "/e/0/s/xhr_send", "[\"x\"]");
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "a[\"x\"]\n");
    test.advance(Duration::from_secs(6));
    let told =
        "c[1001,\"no-receiver: no request fetched messages for 5 s; open another session\"]\n";
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), told);
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), told);
    assert_eq!(post(&mut test, "/e/0/s/xhr_send", "[\"x\"]").status, 404);
    test.advance(Duration::from_secs(6));
    assert_eq!(poll(&mut test, "/e/0/s/xhr"), "o\n");
}
