//! The STOMP client over TCP, against brokers that play a script: what is said, and in which form.
#![cfg(feature = "stomp")]

use std::time::Duration;

use campanile_client::stomp::{AckMode, HeartBeatPlan, StompClient, StompError, Version};

mod common;
use common::broker::{Peer, broker, client, connect, next, within};

#[tokio::test]
async fn s180_s185_a_session_over_tcp_from_connect_to_disconnect() {
    let (url, served) = broker(|listener| async move {
        let lines = "session:s-1\nserver:test/1\nuser-name:ada\nheart-beat:0,0\n";
        let (mut peer, connect) = Peer::accept_with(&listener, "1.2", lines).await;
        assert_eq!(connect.header("accept-version"), Some("1.2,1.1,1.0"));
        assert_eq!(connect.header("host"), Some("127.0.0.1"));
        assert_eq!(connect.header("heart-beat"), Some("10000,10000"));
        assert_eq!(connect.header("login"), None);
        let subscribe = peer.acknowledge("SUBSCRIBE").await;
        assert_eq!(subscribe.header("destination"), Some("/topic/a"));
        assert_eq!(subscribe.header("ack"), None);
        let id = subscribe.header("id").expect("an id").to_owned();
        let sent = peer.frame("SEND").await;
        assert_eq!(sent.header("destination"), Some("/topic/b"));
        assert_eq!(sent.header("content-type"), Some("text/plain"));
        assert_eq!(sent.header("note"), Some("one\ntwo: three"));
        assert_eq!(sent.header("receipt"), None);
        assert_eq!(sent.body, "grüezi\0".as_bytes());
        peer.message(&id, 1).await;
        let unsubscribe = peer.acknowledge("UNSUBSCRIBE").await;
        assert_eq!(unsubscribe.header("id"), Some(&*id));
        peer.goodbye().await;
    })
    .await;
    let client = StompClient::connect(&url).await.expect("a session");
    let session = client.session().expect("it is open");
    assert_eq!(session.version, Version::V12);
    assert_eq!(session.id.as_deref(), Some("s-1"));
    assert_eq!(session.server.as_deref(), Some("test/1"));
    assert_eq!(session.user_name.as_deref(), Some("ada"));
    assert_eq!(session.heart_beat, HeartBeatPlan::default());
    let mut topic = within(client.subscribe("/topic/a")).await.expect("done");
    within(
        client
            .send("/topic/b", "grüezi\0")
            .content_type("text/plain")
            .header("note", "one\ntwo: three"),
    )
    .await
    .expect("sent");
    let message = next(&mut topic).await;
    assert_eq!((message.id(), message.destination()), ("m-1", "/topic/a"));
    assert_eq!((message.text(), message.content_type()), (Some("1"), None));
    assert_eq!(message.header("ack"), Some("a-1"));
    assert_eq!(message.headers().count(), 4);
    within(topic.unsubscribe()).await.expect("done");
    within(client.disconnect()).await.expect("done");
    assert!(client.session().is_none());
    let after = within(client.send("/topic/b", "")).await;
    assert!(matches!(after, Err(StompError::Disconnected)), "{after:?}");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s175_s185_connect_has_what_the_builder_was_told() {
    let (url, served) = broker(|listener| async move {
        let (peer, connect) = Peer::accept_with(&listener, "1.1", "").await;
        assert_eq!(connect.header("accept-version"), Some("1.1,1.0"));
        assert_eq!(connect.header("host"), Some("example.org"));
        assert_eq!(connect.header("login"), Some("ada"));
        assert_eq!(connect.header("passcode"), Some("hush"));
        assert_eq!(connect.header("token"), Some("t-1"));
        assert_eq!(connect.header("heart-beat"), Some("500,0"));
        peer.goodbye().await;
    })
    .await;
    let builder = StompClient::builder(&url)
        .versions([Version::V11, Version::V10])
        .host("example.org")
        .login("ada", "hush")
        .header("token", "t-1")
        .heart_beat(Duration::from_millis(500), Duration::ZERO);
    let shown = format!("{builder:?}");
    assert!(!shown.contains("hush") && !shown.contains("t-1"), "{shown}");
    let client = builder.connect().await.expect("a session");
    let version = client.session().map(|session| session.version);
    assert_eq!(version, Some(Version::V11));
    assert!(!format!("{client:?}").contains("hush"));
    within(client.disconnect()).await.expect("done");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s175_subscribe_has_an_id_a_selector_an_ack_mode_and_headers() {
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        let subscribe = peer.acknowledge("SUBSCRIBE").await;
        assert_eq!(subscribe.header("id"), Some("mine"));
        assert_eq!(subscribe.header("selector"), Some("price > 10"));
        assert_eq!(subscribe.header("ack"), Some("client-individual"));
        assert_eq!(subscribe.header("durable"), Some("true"));
        let other = peer.acknowledge("SUBSCRIBE").await;
        assert_ne!(other.header("id"), Some("mine"));
        // What no subscription wants is nobody's.
        peer.message("nobody", 1).await;
        peer.message("mine", 2).await;
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let mut mine = within(
        client
            .subscribe("/queue/a")
            .id("mine")
            .selector("price > 10")
            .ack(AckMode::ClientIndividual)
            .header("durable", "true"),
    )
    .await
    .expect("done");
    assert_eq!(mine.id(), "mine");
    let taken = within(client.subscribe("/queue/b").id("mine")).await;
    assert!(
        matches!(taken, Err(StompError::IdTaken { .. })),
        "{taken:?}"
    );
    let other = within(client.subscribe("/queue/b")).await.expect("done");
    assert_eq!(next(&mut mine).await.id(), "m-2");
    within(client.disconnect()).await.expect("done");
    assert!(within(mine.next()).await.expect("no error").is_none());
    drop(other);
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s179_messages_are_acknowledged_as_each_version_writes_it() {
    for (version, names) in [
        ("1.0", &["message-id"][..]),
        ("1.1", &["subscription", "message-id"]),
        ("1.2", &["id"]),
    ] {
        let (url, served) = broker(move |listener| async move {
            let (mut peer, _) = Peer::accept_with(&listener, version, "").await;
            let subscribe = peer.acknowledge("SUBSCRIBE").await;
            let id = subscribe.header("id").expect("an id").to_owned();
            peer.message(&id, 7).await;
            let ack = peer.frame("ACK").await;
            let found: Vec<&str> = ack.headers.iter().map(|(name, _)| &**name).collect();
            assert_eq!(found, names, "{version}");
            let value = |name: &str| match name {
                "subscription" => id.clone(),
                "id" => "a-7".to_owned(),
                _ => "m-7".to_owned(),
            };
            for name in names {
                assert_eq!(ack.header(name), Some(&*value(name)), "{version}");
            }
            if version > "1.0" {
                let nack = peer.frame("NACK").await;
                assert_eq!(nack.headers, ack.headers, "{version}");
            }
            peer.send(&format!(
                "MESSAGE\nsubscription:{id}\ndestination:/topic/a\n\n\0"
            ))
            .await;
            peer.goodbye().await;
        })
        .await;
        let client = connect(&url).await;
        let subscribing = client.subscribe("/queue/a").ack(AckMode::Client);
        let mut queue = within(subscribing).await.expect("done");
        let message = next(&mut queue).await;
        within(message.ack()).await.expect("sent");
        let nacked = within(message.nack()).await;
        assert_eq!(nacked.is_ok(), version > "1.0", "{nacked:?}");
        let nameless = next(&mut queue).await;
        let acked = within(nameless.ack()).await;
        assert!(matches!(acked, Err(StompError::NotAcknowledgeable)));
        within(client.disconnect()).await.expect("done");
        let acked = within(message.ack()).await;
        assert!(matches!(acked, Err(StompError::Disconnected)), "{acked:?}");
        within(served).await.expect("the script");
    }
}

#[tokio::test]
async fn s175_a_1_0_server_may_leave_the_subscription_out() {
    let (url, served) = broker(|listener| async move {
        let (mut peer, _) = Peer::accept_with(&listener, "1.0", "").await;
        peer.acknowledge("SUBSCRIBE").await;
        peer.send("MESSAGE\ndestination:/topic/a\nmessage-id:1\n\nhi\0")
            .await;
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let mut topic = within(client.subscribe("/topic/a")).await.expect("done");
    assert_eq!(next(&mut topic).await.text(), Some("hi"));
    within(client.disconnect()).await.expect("done");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s178_a_receipt_is_waited_for_when_it_is_asked_for_or_always() {
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        let first = peer.frame("SEND").await;
        let second = peer.frame("SEND").await;
        assert_ne!(first.header("receipt"), second.header("receipt"));
        // The later one is done first; an unknown one is nobody's.
        peer.send("RECEIPT\nreceipt-id:unknown\n\n\0").await;
        peer.receipt(&second).await;
        peer.receipt(&first).await;
        peer.goodbye().await;

        let mut peer = Peer::accept(&listener).await;
        peer.acknowledge("SEND").await;
        peer.goodbye().await;
    })
    .await;
    let client_of_some = connect(&url).await;
    let (first, second) = tokio::join!(
        within(client_of_some.send("/topic/a", "1").receipt()),
        within(client_of_some.send("/topic/a", "2").receipt()),
    );
    assert!(first.is_ok() && second.is_ok());
    within(client_of_some.disconnect()).await.expect("done");
    let always = client(&url).auto_receipt(true).connect().await;
    let always = always.expect("a session");
    within(always.send("/topic/a", "1")).await.expect("done");
    within(always.disconnect()).await.expect("done");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s178_a_receipt_that_does_not_come_is_an_error_and_the_session_goes_on() {
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        let late = peer.frame("SEND").await;
        // Sent when the client has given up.
        assert_eq!(peer.frame("SEND").await.body, b"go on");
        peer.receipt(&late).await;
        peer.goodbye().await;
    })
    .await;
    let short = client(&url).receipt_timeout(Duration::from_millis(10));
    let client = short.connect().await.expect("a session");
    let waited = within(client.send("/topic/a", "1").receipt()).await;
    let Err(error @ StompError::ReceiptTimedOut { .. }) = waited else {
        panic!("{waited:?}")
    };
    assert!(error.to_string().contains("10ms"), "{error}");
    within(client.send("/topic/a", "go on"))
        .await
        .expect("sent");
    // The receipt for this may take longer than that short time.
    let _ = within(client.disconnect()).await;
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s178_a_refusal_is_a_typed_error_for_the_one_who_asked() {
    let (url, served) = broker(|listener| async move {
        let (mut peer, connect) = Peer::accept_with(&listener, "1.2", "").await;
        assert_eq!(connect.header("x-errors"), Some("keep"));
        let sent = peer.frame("SEND").await;
        peer.refuse(&sent, "forbidden").await;
        let subscribe = peer.frame("SUBSCRIBE").await;
        peer.refuse(&subscribe, "no-such-thing").await;
        // The same id is free again.
        let subscribe = peer.acknowledge("SUBSCRIBE").await;
        assert_eq!(subscribe.header("id"), Some("mine"));
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let mut events = client.events();
    let sent = within(client.send("/topic/a", "1").receipt()).await;
    let Err(error @ StompError::Refused(_)) = sent else {
        panic!("{sent:?}")
    };
    assert_eq!(
        error.to_string(),
        "the server refuses: forbidden: what to do"
    );
    let StompError::Refused(refusal) = error else {
        unreachable!("it was one")
    };
    assert_eq!(refusal.message, "forbidden");
    assert_eq!(&refusal.body[..], b"what to do");
    assert_eq!(refusal.headers.len(), 2);
    assert!(refusal.receipt_id.is_some());
    let subscribed = within(client.subscribe("/topic/a").id("mine")).await;
    assert!(matches!(subscribed, Err(StompError::Refused(_))));
    let again = within(client.subscribe("/topic/a").id("mine")).await;
    let again = again.expect("the id is free");
    within(client.disconnect()).await.expect("done");
    let told = within(events.next()).await;
    assert!(
        matches!(told, Some(campanile_client::stomp::Event::Refused(_))),
        "{told:?}"
    );
    drop(again);
    within(served).await.expect("the script");
}
