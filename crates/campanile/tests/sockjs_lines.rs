//! What SockJS clients send and get over plain HTTP, on the shard's side: in memory.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use campanile::axum::body::Body;
use campanile::http::{Request, StatusCode};
use campanile::testing::TestApplication;
use campanile::{Campanile, Endpoint, Message, StompEndpoint, Text, WAITING_MESSAGES_MAX};
use tokio::sync::Semaphore;

use support::kit::{echo, start};

/// The answer to a request of the only session.
fn post(test: &mut TestApplication, transport: &str, body: &str) -> (StatusCode, String) {
    let request = Request::post(format!("/e/000/k3jz9q/{transport}"))
        .header("host", "localhost")
        .body(Body::from(body.to_owned()));
    let (parts, body) = test.request(request.expect("a request")).into_parts();
    (parts.status, String::from_utf8(body).expect("text"))
}

fn poll(test: &mut TestApplication) -> String {
    let (status, body) = post(test, "xhr", "");
    assert_eq!(status, StatusCode::OK);
    body
}

#[test]
fn s40_s150_messages_of_one_request_wait_for_callbacks() {
    const MESSAGES: usize = 1_000;
    let (gate, handled) = (
        Arc::new(Semaphore::new(0)),
        Arc::new(Mutex::new(Vec::new())),
    );
    let (open, noted) = (Arc::clone(&gate), Arc::clone(&handled));
    let endpoint = Endpoint::new().on_text(move |Text(text): Text| {
        let (open, noted) = (Arc::clone(&open), Arc::clone(&noted));
        async move {
            open.acquire().await.expect("an open gate").forget();
            noted.lock().expect("not poisoned").push(text);
        }
    });
    let mut test = start(endpoint.with_sockjs());
    assert_eq!(poll(&mut test), "o\n");
    let numbers: Vec<String> = (0..MESSAGES).map(|number| number.to_string()).collect();
    let array = serde_json::to_string(&numbers).expect("JSON");
    let (status, _) = post(&mut test, "xhr_send", &array);
    assert_eq!(status, StatusCode::NO_CONTENT);
    gate.add_permits(WAITING_MESSAGES_MAX);
    test.settle();
    let done = handled.lock().expect("not poisoned").len();
    assert_eq!(done, WAITING_MESSAGES_MAX);
    gate.add_permits(MESSAGES);
    test.settle();
    assert_eq!(*handled.lock().expect("not poisoned"), numbers);
}

#[test]
fn s39_s40_bytes_that_are_not_text_end_the_session() {
    let mut test = start(echo().with_sockjs());
    assert_eq!(poll(&mut test), "o\n");
    let handle = test.handle();
    let tell = |bytes: &'static [u8]| {
        let message = Message::binary(bytes);
        handle.broadcast("/e", message).expect("accepted");
    };
    tell("grüß".as_bytes());
    tell(b"\xff");
    tell(b"after");
    assert_eq!(poll(&mut test), "a[\"grüß\"]\n");
    let last = poll(&mut test);
    assert!(last.starts_with("c[1003,\"binary: "), "{last}");
    test.settle();
    assert_eq!(test.handle().sessions(), 0);
    assert_eq!(poll(&mut test), last);
}

#[test]
fn s40_s46_stomp_has_its_line_ends_over_http_too() {
    let endpoint = StompEndpoint::new().with_sockjs();
    let app = Campanile::builder().stomp("/e", endpoint);
    let mut test = TestApplication::start(app.build().expect("an application"));
    assert_eq!(poll(&mut test), "o\n");
    // Nobody has said yet that this is STOMP.
    assert_eq!(poll(&mut test), "h\n");
    let connect = "CONNECT\naccept-version:1.2\nhost:h\nheart-beat:0,10000\n\n\0";
    let array = serde_json::to_string(&[connect]).expect("JSON");
    let (status, _) = post(&mut test, "xhr_send", &array);
    assert_eq!(status, StatusCode::NO_CONTENT);
    let connected = poll(&mut test);
    assert!(
        connected.starts_with("a[\"CONNECTED\\nversion:1.2\\n"),
        "{connected}"
    );
    assert!(connected.ends_with("\\n\\n\\u0000\"]\n"), "{connected}");
    for _ in 0..3 {
        assert_eq!(poll(&mut test), "a[\"\\n\"]\n");
    }
    test.leave(Duration::ZERO);
    assert!(poll(&mut test).starts_with("c[1001,\"leaving: "));
}
