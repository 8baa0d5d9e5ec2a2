//! The STOMP client and the finished program: subscribing and publishing, over losses, too.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use campanile_client::Tls;
use campanile_client::stomp::{
    AckMode, Event, Missed, Reconnect, StompClient, StompError, StompMessage, Subscription, Version,
};
use campanile_tests::{Server, within};
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
