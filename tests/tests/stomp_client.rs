//! The STOMP client and the finished program: subscribing and publishing, over losses, too; and the
//! commands `publish` and `listen`.

use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use campanile_client::Tls;
use campanile_client::stomp::{
    AckMode, Event, Missed, Reconnect, StompClient, StompError, StompMessage, Subscription, Version,
};
use campanile_tests::{Server, program, run_to_end, within};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

async fn next(subscription: &mut Subscription) -> StompMessage {
    within("a message", subscription.next())
        .await
        .expect("no error")
        .expect("a message")
}

#[tokio::test]
async fn s175_s178_s179_s180_a_client_and_the_program_in_every_version_on_every_way() {
    let server = Server::start(&[]);
    let over_tcp = format!("stomp://{}", server.stomp_address());
    for (url, version) in [server.url("/stomp"), over_tcp]
        .iter()
        .flat_map(|url| Version::ALL.map(|version| (url, version)))
    {
        let client = StompClient::builder(url).versions([version]).connect();
        let client = within("a session", client).await.expect("a session");
        let session = client.session().expect("it is open");
        assert_eq!(session.version, version);
        assert!(session.id.is_some());
        let topic = format!("/topic/prices/{version}");
        let subscribing = client.subscribe("/topic/prices/*").ack(AckMode::Client);
        let mut prices = within("a receipt", subscribing.into_future())
            .await
            .expect("subscribed");
        for number in 1..=100 {
            let sending = client.send(&topic, number.to_string());
            within("room", sending.header("number", "n").into_future())
                .await
                .expect("sent");
        }
        let sending = client.send(&topic, "last").receipt();
        within("a receipt", sending.into_future())
            .await
            .expect("accepted");
        for number in 1..=100 {
            let message = next(&mut prices).await;
            assert_eq!(message.text(), Some(&*number.to_string()));
            assert_eq!(message.destination(), topic);
            assert_eq!(message.header("number"), Some("n"));
            assert!(!message.id().is_empty());
        }
        assert_eq!(next(&mut prices).await.text(), Some("last"));
        let refused = client.send("/topics/none", "").receipt();
        let refused = within("an ERROR", refused.into_future()).await;
        let Err(StompError::Refused(why)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(why.message, "unknown-destination");
        // The session has survived that.
        within("a receipt", prices.unsubscribe())
            .await
            .expect("unsubscribed");
        within("a receipt", client.disconnect())
            .await
            .expect("disconnected");
    }
}

#[tokio::test]
async fn s176_heart_beats_with_the_program_keep_a_quiet_session() {
    let server = Server::start(&[]);
    let short = Duration::from_millis(20);
    let client = StompClient::builder(&server.url("/stomp")).heart_beat(short, short);
    let client = within("a session", client.connect()).await.expect("one");
    let plan = client.session().expect("it is open").heart_beat;
    // What the program can send and wants to get.
    assert_eq!(plan.receive_every, Some(Duration::from_millis(500)));
    assert_eq!(plan.send_every, Some(Duration::from_secs(10)));
    within("a receipt", client.disconnect())
        .await
        .expect("disconnected");
}

#[tokio::test]
async fn s175_s180_tls_is_spoken_over_web_socket_and_over_tcp() {
    let server = Server::start(&["--dev-tls"]);
    let any = || Tls::new().danger_accept_any_certificate();
    let url = server.secure_url("/stomp");
    let untrusting = within("its end", StompClient::connect(&url)).await;
    let error = untrusting.expect_err("nobody has signed it");
    assert!(error.to_string().contains("not trusted"), "{error}");
    for url in [url, format!("stomps://{}", server.stomp_address())] {
        let client = StompClient::builder(&url).tls(any()).connect();
        let client = within("a session", client).await.expect("a session");
        let sending = client.send("/topic/a", "hi").receipt().into_future();
        within("a receipt", sending).await.expect("accepted");
        within("a receipt", client.disconnect())
            .await
            .expect("disconnected");
    }
    // There it is HTTP's turn to speak, which answers within TLS that it has not understood.
    let over_tcp = format!("stomps://{}", server.address());
    let client = StompClient::builder(&over_tcp).tls(any()).connect();
    let error = within("its end", client).await.expect_err("HTTP");
    assert!(matches!(error, StompError::Protocol(_)), "{error:?}");
}

/// A way to whatever program is there at the moment, under an address that stays.
async fn way_to(target: Arc<Mutex<SocketAddr>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let target = *target.lock().expect("the target");
            tokio::spawn(async move {
                if let Ok(mut server) = TcpStream::connect(target).await {
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn s184_the_program_goes_away_and_comes_back_and_messages_flow_again() {
    let mut server = Server::start(&[]);
    let target = Arc::new(Mutex::new(server.address()));
    let way = way_to(target.clone()).await;
    let soon = Reconnect::default()
        .delay_first(Duration::from_millis(5))
        .delay_max(Duration::from_millis(50));
    let client = StompClient::builder(&format!("ws://{way}/stomp")).reconnect(soon);
    let client = within("a session", client.connect()).await.expect("one");
    let mut events = client.events();
    let mut topics = Vec::new();
    for name in ["/topic/a", "/topic/b"] {
        let subscribing = client.subscribe(name).into_future();
        let topic = within("a receipt", subscribing).await;
        topics.push((name, topic.expect("subscribed")));
    }
    for round in 0..2 {
        for (name, topic) in &mut topics {
            let sending = client.send(name, format!("{name} {round}")).receipt();
            within("a receipt", sending.into_future())
                .await
                .expect("accepted");
            let message = next(topic).await;
            assert_eq!(message.text(), Some(&*format!("{name} {round}")));
            let missed = [Missed::Nothing, Missed::Unknown];
            assert_eq!(message.missed(), missed[round]);
        }
        if round == 0 {
            assert_eq!(server.terminate().await.code(), Some(0));
            let lost = within("the loss", events.next()).await;
            let Some(Event::Lost(StompError::Ended(Some(frame)))) = lost else {
                panic!("{lost:?}")
            };
            assert_eq!(frame.code.get(), 1001);
            let first = within("an attempt", events.next()).await;
            assert!(matches!(first, Some(Event::Reconnecting { .. })));
            server = Server::start(&[]);
            *target.lock().expect("the target") = server.address();
            within("a new session", client.connected())
                .await
                .expect("a session");
        }
    }
    within("a receipt", client.disconnect())
        .await
        .expect("disconnected");
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
async fn listening(arguments: &[&str]) -> (Child, BufReader<std::process::ChildStderr>) {
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
