//! The tests of sockjs-protocol 0.3.3, which are the specification of SockJS: 67 of its 68, each as
//! a test of ours that has its name behind the rows that it shows, and behind it the group's where
//! several groups have a test of that name. [`GROUPS`] lists them. They use the services that the
//! protocol asks for, on the program's port.
//!
//! The one that is missing is Websocket's `test_haproxy`: it speaks the draft of WebSocket called
//! Hixie-76, which no browser of today knows.
//!
//! In this file are the session's paths, the session itself, and how it is closed.
#![expect(non_snake_case, reason = "the protocol's names, to be found by")]

use std::collections::{BTreeMap, BTreeSet};

use campanile_tests::sockjs::{ANOTHER_CONNECTION, CLOSE, ECHO, GO_AWAY, Services, session};

/// Each group of the protocol's tests, with the names in it, which begin with `test_`.
const GROUPS: [(&str, &str); 18] = [
    ("base_url_greeting", "greeting notFound"),
    (
        "iframe_page",
        "simpleUrl versionedUrl queriedUrl invalidUrl cacheability",
    ),
    (
        "info_test",
        "basic entropy options options_null_origin disabled_websocket",
    ),
    ("session_urls", "anyValue invalidPaths ignoringServerId"),
    ("protocol", "simpleSession closeSession"),
    (
        "websocket_http_errors",
        "httpMethod invalidConnectionHeader invalidMethod",
    ),
    (
        "websocket",
        "transport close headersSanity empty_frame reuseSessionId broken_json",
    ),
    (
        "xhr_polling",
        "options transport invalid_session invalid_json content_types request_headers_cors \
         sending_empty_frame",
    ),
    ("xhr_streaming", "options transport response_limit"),
    ("event_source", "transport response_limit"),
    (
        "html_file",
        "transport no_callback invalid_callback response_limit",
    ),
    (
        "json_polling",
        "transport no_callback invalid_callback invalid_json content_types close \
         sending_empty_frame",
    ),
    (
        "jsessionid_cookie",
        "basic xhr xhr_streaming eventsource htmlfile jsonp",
    ),
    ("raw_websocket", "transport close"),
    ("json_encoding", "xhr_server_encodes xhr_server_decodes"),
    (
        "handling_close",
        "close_frame close_request abort_xhr_streaming abort_xhr_polling",
    ),
    ("http10", "synchronous streaming"),
    ("http11", "synchronous streaming"),
];
/// The files that have them.
const FILES: [&str; 5] = [
    include_str!("sockjs_protocol.rs"),
    include_str!("sockjs_protocol_pages.rs"),
    include_str!("sockjs_protocol_streams.rs"),
    include_str!("sockjs_protocol_websocket.rs"),
    include_str!("sockjs_protocol_xhr.rs"),
];

#[test]
fn each_of_the_67_tests_of_the_protocol_is_one_of_ours() {
    let names = |group: &'static str, all: &'static str| {
        all.split_whitespace().map(move |name| (name, group))
    };
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, group) in GROUPS.iter().flat_map(|(group, all)| names(group, all)) {
        groups.entry(name).or_default().push(group);
    }
    let expected: BTreeSet<String> = groups
        .iter()
        .flat_map(|(name, groups)| {
            groups.iter().map(move |group| match groups.len() {
                1 => format!("test_{name}"),
                _ => format!("test_{name}_{group}"),
            })
        })
        .collect();
    assert_eq!(expected.len(), 67);
    let mut found = BTreeSet::new();
    let sources = FILES.iter().flat_map(|file| file.split("#[tokio::test]\n"));
    for function in sources.filter_map(|rest| rest.strip_prefix("async fn s")) {
        let (name, _) = function.split_once("() {").expect("a test's name");
        // There may be tests beside those of the protocol.
        let Some((rows, name)) = name.split_once("_test_") else {
            continue;
        };
        let are_rows = rows.split("_s").all(|row| row.parse::<u16>().is_ok());
        assert!(are_rows, "s{rows} before {name} are no rows");
        assert!(
            found.insert(format!("test_{name}")),
            "{name} is there twice"
        );
    }
    assert_eq!(found, expected);
}

/// A server and a session may be called anything.
#[tokio::test]
async fn s40_test_anyValue() {
    let services = Services::start();
    let unique = session("").replace('/', "-");
    for parts in ["/a/a", "/_/_", "/1/", "/abcdefgh_i-j%20/abcdefg_i-j%20"] {
        let path = format!("{ECHO}{parts}{unique}");
        services.open_by_polling(&path).await;
    }
}

/// But not nothing, nor with a dot in it; and there are two parts.
#[tokio::test]
async fn s51_s54_test_invalidPaths() {
    let services = Services::start();
    services.open_by_polling(&session(ECHO)).await;
    for parts in ["//", "/a./a", "/a/a.", "/./.", "/", "///"] {
        let path = format!("{ECHO}{parts}/xhr");
        assert_eq!(services.get(&path).await.status, 404, "{path}");
        assert_eq!(services.post(&path, "").await.status, 404, "{path}");
    }
}

/// Which server is named is for load balancers: a session is known by its own part.
#[tokio::test]
async fn s40_test_ignoringServerId() {
    let services = Services::start();
    let session = session(ECHO);
    services.open_by_polling(&session).await;
    services.send_messages(&session, r#"["a"]"#).await;
    let elsewhere = session.replace("/000/", "/999/");
    assert_eq!(services.poll(&elsewhere).await, "a[\"a\"]\n");
}

#[tokio::test]
async fn s40_s52_test_simpleSession() {
    let services = Services::start();
    let session = session(ECHO);
    services.open_by_polling(&session).await;
    services.send_messages(&session, r#"["a"]"#).await;
    assert_eq!(services.poll(&session).await, "a[\"a\"]\n");

    let nobody = format!("{ECHO}/000/bad_session/xhr_send");
    assert_eq!(services.post(&nobody, r#"["a"]"#).await.status, 404);

    // Nobody may wait beside another one.
    services.second_poll_is_refused(&session).await;
}

#[tokio::test]
async fn s52_test_closeSession() {
    let services = Services::start();
    let session = session(CLOSE);
    services.open_by_polling(&session).await;
    // Whoever asks is told, again and again.
    for _ in 0..2 {
        assert_eq!(services.poll(&session).await, format!("{GO_AWAY}\n"));
    }
}

/// A receiver that comes after the close is told of that, not of another receiver.
#[tokio::test]
async fn s52_test_close_frame() {
    let services = Services::start();
    let session = session(CLOSE);
    let mut first = services.stream_by_xhr(&session).await;
    first.expect_chunk("o\n").await;
    first.expect_chunk(&format!("{GO_AWAY}\n")).await;
    let mut second = services.stream_by_xhr(&session).await;
    second.expect_chunk(&format!("{GO_AWAY}\n")).await;
    first.expect_last_chunk().await;
    second.expect_last_chunk().await;
}

#[tokio::test]
async fn s52_test_close_request() {
    let services = Services::start();
    let session = session(ECHO);
    let mut first = services.stream_by_xhr(&session).await;
    first.expect_chunk("o\n").await;
    let mut second = services.stream_by_xhr(&session).await;
    second
        .expect_chunk(&format!("{ANOTHER_CONNECTION}\n"))
        .await;
    second.expect_last_chunk().await;
}

/// Of what was sent to a receiver that is cut off nobody knows how much has arrived, so the session
/// ends.
#[tokio::test]
async fn s47_s52_test_abort_xhr_streaming() {
    let services = Services::start();
    let session = session(ECHO);
    let mut first = services.stream_by_xhr(&session).await;
    first.expect_chunk("o\n").await;
    let mut second = services.stream_by_xhr(&session).await;
    second
        .expect_chunk(&format!("{ANOTHER_CONNECTION}\n"))
        .await;
    second.expect_last_chunk().await;
    drop(first);
    let next = async || {
        let mut third = services.stream_by_xhr(&session).await;
        let chunk = third.chunk().await.expect("a chunk");
        String::from_utf8(chunk).expect("UTF-8")
    };
    services.expect_interrupted(next).await;
}

#[tokio::test]
async fn s47_s52_test_abort_xhr_polling() {
    let services = Services::start();
    let session = session(ECHO);
    services.open_by_polling(&session).await;
    let waiting = services.second_poll_is_refused(&session).await;
    drop(waiting);
    services
        .expect_interrupted(async || services.poll(&session).await)
        .await;
}
