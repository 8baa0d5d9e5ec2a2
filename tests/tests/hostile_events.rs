//! What is published in bad faith to the listeners of `/events`, at the finished program: records that
//! would end early, names that would be fields. One message is one record on each way to listen.

use campanile_tests::{
    MIB, Raw, StompPeer,
    event_stream::{EventStream, ask, encoded, listen, one_event, request},
    flood::attack_http,
    queue_peer::sends,
};
use serde_json::Value;

/// What refusals may make the process grow by.
const GROWTH_MAX: usize = 24 * MIB;

/// What a publisher writes who wants its message to be taken for two, or for the end.
const FORGERIES: [&str; 14] = [
    "\n\nevent: close\ndata: {\"code\":1000}\n\n",
    "\r\n\r\nevent: close\r\ndata: x\r\n\r\n",
    "\r\revent: close\rdata: x\r\r",
    "a\u{85}\u{85}event: close\u{2028}\u{2028}data: x\u{2029}\u{2029}",
    "\u{feff}data: x\n\n",
    "id: 0-0\nretry: 0\n\n",
    ":\n\n",
    "\"}\n{\"event\":\"close\",\"code\":1000,\"reason\":\"\"}\n",
    "\"},{\"id\":\"0-0\",\"data\":\"",
    "{\"event\":\"close\"}",
    "\\\"\\n\\u000a\\",
    "\u{1}\u{8}\u{c}\u{1b}\u{7f}\u{9f}",
    "😀\u{200d}\u{10ffff}\u{fffe}",
    "</script><!--",
];

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn events_data_that_looks_like_records_stays_one_message() {
    attack_http(GROWTH_MAX, async |server| {
        let query = "destination=/topic/forged";
        let (mut sse, mut stream) = listen(server, query, "text/event-stream").await;
        let (mut lines, _) = listen(server, query, "application/x-ndjson").await;
        let mut peer = StompPeer::open(server, "1.2").await;
        for forged in FORGERIES {
            peer.send(sends("/topic/forged", "", [forged.to_owned()]))
                .await;
            let event = one_event(&mut sse, &mut stream).await;
            assert_eq!(event.name, "", "{forged:?}");
            let message = parse(&event.data.expect("data"));
            assert_eq!(message["data"], forged, "{message}");
            assert_eq!(message["id"], event.id, "{message}");
            let line = lines.chunk().await.expect("a line");
            let line = String::from_utf8(line).expect("UTF-8");
            assert_eq!(line.find('\n'), Some(line.len() - 1), "{line:?}");
            assert_eq!(parse(&line), message);
        }
        let polled = ask(server, "destination=/topic/forged&wait=0&after=0-0").await;
        assert!(polled.json()["messages"].is_array());
        peer.expect_open().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_headers_of_a_publisher_cannot_pose_as_fields_of_the_record() {
    attack_http(GROWTH_MAX, async |server| {
        let query = "destination=/topic/headers";
        let (mut sse, mut stream) = listen(server, query, "text/event-stream").await;
        let mut peer = StompPeer::open(server, "1.2").await;
        for (headers, name, value) in [
            ("id:0-0\n", "id", "0-0"),
            ("event:close\n", "event", "close"),
            ("a\\n\\nevent\\c close:x\n", "a\n\nevent: close", "x"),
            ("a:\\r\\n\\r\\ndata\\c x\n", "a", "\r\n\r\ndata: x"),
            ("a\"},\"data\\c\":1\n", "a\"},\"data:\"", "1"),
            ("__proto__:x\n", "__proto__", "x"),
        ] {
            peer.send(sends("/topic/headers", headers, ["own".to_owned()]))
                .await;
            let event = one_event(&mut sse, &mut stream).await;
            let message = parse(&event.data.expect("data"));
            assert_eq!(message["data"], "own", "{message}");
            assert_eq!(message["id"], event.id, "{message}");
            assert_eq!(message["headers"][name], value, "{message}");
        }
        let kind = "content-type:text/html\\n\\nevent\\c close\n";
        peer.send(sends("/topic/headers", kind, ["own".to_owned()]))
            .await;
        let event = one_event(&mut sse, &mut stream).await;
        let message = parse(&event.data.expect("data"));
        assert_eq!(message["contentType"], "text/html\n\nevent: close");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_names_of_destinations_stay_within_their_record() {
    attack_http(GROWTH_MAX, async |server| {
        for name in FORGERIES {
            // Braces are a pattern's, and slashes divide a name: neither is what is tried here.
            let name = name.replace(['{', '}', '/', '*', '?'], "_");
            let topic = format!("/topic/{name}");
            let query = format!("destination={}", encoded(&topic));
            let mut raw = Raw::connect(server).await;
            let asked = request(&query, "text/event-stream");
            raw.send(&asked.bytes()).await;
            let head = raw.head().await;
            if head.status == 400 {
                continue;
            }
            assert_eq!(head.status, 200, "{topic:?} {head:?}");
            let mut stream = EventStream::default();
            assert_eq!(one_event(&mut raw, &mut stream).await.name, "subscribed");
            let mut peer = StompPeer::open(server, "1.2").await;
            let escaped = topic
                .replace('\\', "\\\\")
                .replace('\n', "\\n")
                .replace('\r', "\\r")
                .replace(':', "\\c");
            peer.send(sends(&escaped, "", ["own".to_owned()])).await;
            let event = one_event(&mut raw, &mut stream).await;
            let message = parse(&event.data.expect("data"));
            assert_eq!(message["destination"], topic, "{message}");
            assert_eq!(message["data"], "own", "{message}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_refusals_do_not_repeat_what_was_asked_as_anything_but_json_text() {
    attack_http(GROWTH_MAX, async |server| {
        let names = FORGERIES.iter().map(|name| name.to_string());
        let html = [
            "<script>alert(1)</script>",
            "\"><img src=x onerror=alert(1)>",
        ];
        for name in names.chain(html.map(str::to_owned)) {
            for prefix in ["", "/queue/", "/app/", "/nowhere/"] {
                let query = format!("destination={}", encoded(&format!("{prefix}{name}")));
                let refused = ask(server, &query).await;
                assert_eq!(refused.status, 400, "{prefix}{name:?} {refused:?}");
                let kind = refused.header("Content-Type");
                assert_eq!(kind, Some("application/problem+json"));
                assert_eq!(refused.json()["status"], 400);
                let is_control = |byte: &u8| *byte < b' ';
                assert!(!refused.body.iter().any(is_control), "{refused:?}");
            }
        }
    })
    .await;
}
