//! The commands `publish` and `listen`, against the finished program.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStderr, Command, Output, Stdio},
};

use campanile_client::stomp::{StompClient, StompMessage, Subscription};
use campanile_tests::{CuttingWay, Server, program, run_to_end, within};

async fn next(subscription: &mut Subscription) -> StompMessage {
    within("a message", subscription.next())
        .await
        .expect("no error")
        .expect("a message")
}

/// A command of the program, run to its end beside the test.
async fn run(arguments: &[&str]) -> Output {
    let owned: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let running = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = owned.iter().map(String::as_str).collect();
        run_to_end(&arguments)
    });
    within("its end", running).await.expect("no panic")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn publish_waits_for_the_receipt_and_says_what_is_refused() {
    let server = Server::start(&[]);
    let url = server.url("/stomp");
    let client = within("a session", StompClient::connect(&url)).await;
    let client = client.expect("a session");
    let subscribing = client.subscribe("/topic/prices").into_future();
    let mut prices = within("a receipt", subscribing).await.expect("subscribed");
    let type_and_header = ["--content-type", "application/json", "--header", "a:b:c"];
    let arguments = [
        &["publish", "/topic/prices", "-5", "--url", &url],
        &type_and_header[..],
    ];
    let published = run(&arguments.concat()).await;
    assert_eq!(published.status.code(), Some(0), "{}", said(&published));
    let message = next(&mut prices).await;
    assert_eq!(message.text(), Some("-5"));
    assert_eq!(message.content_type(), Some("application/json"));
    assert_eq!(message.header("a"), Some("b:c"));

    let refused = run(&["publish", "/nowhere/a", "hi", "--url", &url]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("unknown-destination"),
        "{}",
        said(&refused)
    );
    let wrong = run(&["publish", "/topic/a", "hi", "--url", "http://127.0.0.1/"]).await;
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    let wrong = run(&["publish", "/topic/a"]).await;
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    // A port that nobody listens on any more.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = format!("ws://{}/stomp", free.local_addr().expect("an address"));
    drop(free);
    let alone = run(&["publish", "/topic/a", "hi", "--url", &nobody]).await;
    assert_eq!(alone.status.code(), Some(1));
    assert!(said(&alone).contains("--url"), "{}", said(&alone));
}

#[tokio::test]
async fn publish_reads_standard_input() {
    let server = Server::start(&[]);
    let url = server.url("/stomp");
    let client = within("a session", StompClient::connect(&url)).await;
    let client = client.expect("a session");
    let subscribing = client.subscribe("/topic/a").into_future();
    let mut topic = within("a receipt", subscribing).await.expect("subscribed");
    let mut child = Command::new(program())
        .args(["publish", "/topic/a", "-", "--url", &url])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all("two\nlines".as_bytes()).expect("written");
    drop(input);
    assert_eq!(next(&mut topic).await.text(), Some("two\nlines"));
    let ended = tokio::task::spawn_blocking(move || child.wait());
    let ended = within("its end", ended).await.expect("no panic");
    assert_eq!(ended.expect("a status").code(), Some(0));
}

/// `campanile listen` that has said that it listens.
async fn listening(arguments: &[&str]) -> (Child, BufReader<ChildStderr>) {
    let mut child = Command::new(program())
        .arg("listen")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut errors = BufReader::new(child.stderr.take().expect("it is piped"));
    let waiting = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        errors.read_line(&mut line).expect("a line");
        (line, errors)
    });
    let (line, errors) = within("a line", waiting).await.expect("no panic");
    assert!(line.contains("listening to"), "{line}");
    (child, errors)
}

async fn end_of(child: Child) -> Output {
    let waiting = tokio::task::spawn_blocking(move || child.wait_with_output());
    let ended = within("its end", waiting).await.expect("no panic");
    ended.expect("what it has printed")
}

#[tokio::test]
async fn listen_prints_what_is_published_and_ends_after_so_many_messages() {
    let server = Server::start(&[]);
    let url = server.url("/stomp");
    let common = ["/topic/*", "--url", &url, "--count", "2"];
    let (plain, _errors) = listening(&common).await;
    let selecting = ["--json", "--selector", "kind = 'second'", "--count", "1"];
    let (json, _more) = listening(&[&common[..3], &selecting].concat()).await;
    let client = within("a session", StompClient::connect(&url)).await;
    let client = client.expect("a session");
    for (body, kind) in [("eins", "first"), ("zwei", "second")] {
        let sending = client.send("/topic/a", body).header("kind", kind);
        within("a receipt", sending.receipt().into_future())
            .await
            .expect("accepted");
    }
    let ended = end_of(plain).await;
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "eins\nzwei\n");
    let ended = end_of(json).await;
    assert_eq!(ended.status.code(), Some(0));
    let object: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert_eq!(object["data"], "zwei");
    assert_eq!(object["destination"], "/topic/a");
    assert_eq!(object["headers"]["kind"], "second");
    assert!(object["id"].as_str().is_some_and(|id| !id.is_empty()));
}

#[tokio::test]
async fn listen_ends_cleanly_when_it_is_interrupted() {
    let server = Server::start(&[]);
    let url = server.url("/stomp");
    let (child, _errors) = listening(&["/topic/a", "--url", &url]).await;
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &id]).status();
    assert!(sent.expect("kill runs").success());
    assert_eq!(end_of(child).await.status.code(), Some(0));
}

#[tokio::test]
async fn listen_says_why_a_destination_cannot_be_listened_to() {
    let server = Server::start(&[]);
    let url = server.url("/stomp");
    let refused = run(&["listen", "/nowhere/a", "--url", &url]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("unknown-destination"),
        "{}",
        said(&refused)
    );
    let wrong = run(&["listen", "/chat", "--json"]).await;
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
}

/// Publishes these numbers to a topic, in this order.
async fn publish_numbers(url: &str, topic: &str, numbers: std::ops::RangeInclusive<u32>) {
    let client = within("a session", StompClient::connect(url)).await;
    let client = client.expect("a session");
    for number in numbers {
        let sending = client.send(topic, number.to_string()).into_future();
        within("room", sending).await.expect("sent");
    }
    within("a receipt", client.disconnect())
        .await
        .expect("disconnected");
}

fn lines(numbers: std::ops::RangeInclusive<u32>) -> String {
    numbers.map(|number| format!("{number}\n")).collect()
}

#[tokio::test]
async fn s184_listen_goes_on_where_it_was_cut_off() {
    let server = Server::start(&[]);
    let way = CuttingWay::start(server.address(), 7, 3).await;
    let url = format!("ws://{}/stomp", way.address());
    let (child, mut errors) = listening(&["/topic/numbers", "--url", &url, "--count", "300"]).await;
    way.cut_from_now_on();
    publish_numbers(&server.url("/stomp"), "/topic/numbers", 1..=300).await;
    let ended = end_of(child).await;
    let mut told = String::new();
    errors.read_to_string(&mut told).expect("text");
    assert_eq!(ended.status.code(), Some(0), "{told}");
    assert_eq!(String::from_utf8_lossy(&ended.stdout), lines(1..=300));
    assert!(told.contains("nothing was missed"), "{told}");
    assert!(!told.contains("missing here"), "{told}");
}

#[tokio::test]
async fn s98_listen_tells_where_it_ended_and_goes_on_from_there() {
    let server = Server::start(&[]);
    let url = server.url("/stomp");
    let common = ["/topic/numbers", "--url", &url, "--count", "2"];
    let (child, mut errors) = listening(&common).await;
    publish_numbers(&url, "/topic/numbers", 1..=5).await;
    let ended = end_of(child).await;
    assert_eq!(String::from_utf8_lossy(&ended.stdout), lines(1..=2));
    let mut told = String::new();
    errors.read_to_string(&mut told).expect("text");
    let (_, cursor) = told.split_once("--after ").expect("a cursor");
    let (child, _errors) = listening(&[&common[..], &["--after", cursor.trim()]].concat()).await;
    let ended = end_of(child).await;
    assert_eq!(String::from_utf8_lossy(&ended.stdout), lines(3..=4));

    // Of another program's log: it begins now.
    let arguments = [&common[..3], &["--count", "1", "--after", "abc-5"]].concat();
    let (child, mut errors) = listening(&arguments).await;
    publish_numbers(&url, "/topic/numbers", 6..=6).await;
    let ended = end_of(child).await;
    assert_eq!(String::from_utf8_lossy(&ended.stdout), lines(6..=6));
    let mut told = String::new();
    errors.read_to_string(&mut told).expect("text");
    assert!(told.contains("any more"), "{told}");
    assert!(told.contains("may be missing here"), "{told}");

    for wrong in [
        &["listen", "/topic/a", "--after", "yesterday"][..],
        &["listen", "/chat", "--after", "abc-5"],
    ] {
        let wrong = run(wrong).await;
        assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    }
}
