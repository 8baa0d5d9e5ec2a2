//! The life of a STOMP client's connection: heart-beats, losses, reconnecting, and its end.
#![cfg(feature = "stomp")]

use std::time::Duration;

use campanile_client::stomp::{AckMode, Event, Missed, Reconnect, StompClient, StompError};
use tokio::io::AsyncReadExt;

mod common;
use common::broker::{Peer, broker, client, connect, next, within};

#[tokio::test]
async fn s176_heart_beats_are_sent_when_nothing_else_is() {
    let (url, served) = broker(|listener| async move {
        let (mut peer, _) = Peer::accept_with(&listener, "1.2", "heart-beat:0,20\n").await;
        // Until this is answered, the client has nothing else to send.
        let subscribe = peer.frame("SUBSCRIBE").await;
        for _ in 0..3 {
            let byte = peer.stream.read_u8().await.expect("a heart-beat");
            assert_eq!(byte, b'\n');
        }
        peer.receipt(&subscribe).await;
        peer.goodbye().await;
    })
    .await;
    let client = client(&url)
        .heart_beat(Duration::from_millis(10), Duration::ZERO)
        .connect()
        .await
        .expect("a session");
    let plan = client.session().expect("it is open").heart_beat;
    assert_eq!(plan.send_every, Some(Duration::from_millis(20)));
    let topic = within(client.subscribe("/topic/a")).await.expect("done");
    within(client.disconnect()).await.expect("done");
    drop(topic);
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s176_a_server_that_goes_silent_is_lost() {
    let (url, served) = broker(|listener| async move {
        let (mut peer, _) = Peer::accept_with(&listener, "1.2", "heart-beat:300,0\n").await;
        // Some signs of life, then none.
        peer.send("\n").await;
        assert_eq!(peer.next().await, None);
    })
    .await;
    let client = client(&url)
        .heart_beat(Duration::ZERO, Duration::from_millis(300))
        .reconnect(Reconnect::never())
        .connect()
        .await
        .expect("a session");
    let mut events = client.events();
    let Some(Event::Lost(StompError::Silent { after })) = within(events.next()).await else {
        panic!("it is not lost by silence")
    };
    assert_eq!(after, Duration::from_millis(900), "three times as promised");
    let ended = within(events.next()).await;
    let Some(Event::Ended(Some(StompError::Silent { .. }))) = ended else {
        panic!("{ended:?}")
    };
    let sent = within(client.send("/topic/a", "")).await;
    assert!(matches!(sent, Err(StompError::Silent { .. })), "{sent:?}");
    let connected = within(client.connected()).await;
    assert!(matches!(connected, Err(StompError::Silent { .. })));
    assert!(within(events.next()).await.is_none());
    assert!(within(client.events().next()).await.is_none());
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s183_the_connection_ends_when_nobody_is_left() {
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        peer.acknowledge("SUBSCRIBE").await;
        peer.message("mine", 1).await;
        peer.frame("UNSUBSCRIBE").await;
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let clone = client.clone();
    let mut topic = within(client.subscribe("/topic/a").id("mine"))
        .await
        .expect("done");
    drop(client);
    drop(clone);
    // A subscription is somebody; a message is not.
    let message = next(&mut topic).await;
    drop(topic);
    within(served).await.expect("the script");
    let acked = within(message.ack()).await;
    assert!(matches!(acked, Err(StompError::Disconnected)), "{acked:?}");
}

#[tokio::test]
async fn s183_a_lost_connection_without_reconnecting_ends_everything_with_the_reason() {
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        peer.acknowledge("SUBSCRIBE").await;
        peer.frame("SEND").await;
    })
    .await;
    let client = client(&url)
        .reconnect(Reconnect::never())
        .connect()
        .await
        .expect("a session");
    let mut topic = within(client.subscribe("/topic/a")).await.expect("done");
    let sent = within(client.send("/topic/a", "1").receipt()).await;
    assert!(
        matches!(sent, Err(StompError::Ended(None) | StompError::Lost(_))),
        "{sent:?}"
    );
    assert!(within(topic.next()).await.is_err());
    assert!(within(topic.next()).await.expect("told once").is_none());
    assert!(within(client.disconnect()).await.is_err());
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s184_after_a_loss_the_subscriptions_are_there_again_with_the_same_ids() {
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        let first = peer.acknowledge("SUBSCRIBE").await;
        let second = peer.acknowledge("SUBSCRIBE").await;
        peer.message("one", 1).await;
        // An ERROR that the client has not asked for says why the connection ends.
        peer.send("ERROR\nmessage:leaving\n\n\0").await;
        drop(peer);

        // One that is cut off while it is opened is tried again.
        drop(listener.accept().await.expect("a client"));

        let mut peer = Peer::accept(&listener).await;
        let mut again = vec![
            peer.acknowledge("SUBSCRIBE").await,
            peer.acknowledge("SUBSCRIBE").await,
        ];
        again.sort_by_key(|it| it.header("id").map(str::to_owned));
        for (before, after) in [first, second].iter().zip(&again) {
            for name in ["id", "destination", "selector", "ack"] {
                assert_eq!(before.header(name), after.header(name), "{name}");
            }
        }
        peer.message("one", 2).await;
        peer.message("one", 3).await;
        assert_eq!(peer.frame("SEND").await.body, b"back");
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let mut events = client.events();
    let one = client.subscribe("/topic/a").id("one").ack(AckMode::Client);
    let mut one = within(one).await.expect("done");
    let two = client.subscribe("/topic/b").id("two").selector("a = 1");
    let two = within(two).await.expect("done");
    let first = next(&mut one).await;
    assert_eq!((first.id(), first.missed()), ("m-1", Missed::Nothing));
    assert!(matches!(
        within(events.next()).await,
        Some(Event::Refused(_))
    ));
    let lost = within(events.next()).await;
    let Some(Event::Lost(StompError::Refused(why))) = lost else {
        panic!("{lost:?}")
    };
    assert_eq!(why.message, "leaving");
    for number in [1, 2] {
        let event = within(events.next()).await;
        let Some(Event::Reconnecting { attempt, .. }) = event else {
            panic!("{event:?}")
        };
        assert_eq!(attempt, number);
    }
    assert!(matches!(
        within(events.next()).await,
        Some(Event::Connected(_))
    ));
    let second = next(&mut one).await;
    assert_eq!((second.id(), second.missed()), ("m-2", Missed::Unknown));
    assert_eq!(next(&mut one).await.missed(), Missed::Nothing);
    let stale = within(first.ack()).await;
    assert!(matches!(stale, Err(StompError::Stale)), "{stale:?}");
    within(client.send("/topic/a", "back")).await.expect("sent");
    within(client.disconnect()).await.expect("done");
    drop(two);
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s184_what_is_sent_while_there_is_no_connection_is_refused() {
    let (go_on, wait) = tokio::sync::oneshot::channel::<()>();
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        peer.acknowledge("SUBSCRIBE").await;
        peer.acknowledge("SUBSCRIBE").await;
        drop(peer);
        wait.await.expect("a sign");
        let mut peer = Peer::accept(&listener).await;
        // Neither what was refused nor what was given up comes.
        assert_eq!(
            peer.acknowledge("SUBSCRIBE").await.header("id"),
            Some("kept")
        );
        assert_eq!(peer.frame("SEND").await.body, b"now");
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let mut events = client.events();
    let kept = within(client.subscribe("/topic/a").id("kept"))
        .await
        .expect("done");
    let given_up = within(client.subscribe("/topic/b")).await.expect("done");
    assert!(matches!(within(events.next()).await, Some(Event::Lost(_))));
    assert!(client.session().is_none());
    let sent = within(client.send("/topic/a", "too early")).await;
    assert!(matches!(sent, Err(StompError::Offline)), "{sent:?}");
    let subscribed = within(client.subscribe("/topic/c")).await;
    assert!(matches!(subscribed, Err(StompError::Offline)));
    within(given_up.unsubscribe()).await.expect("done");
    go_on.send(()).expect("the script waits");
    within(client.connected()).await.expect("a session");
    within(client.send("/topic/a", "now")).await.expect("sent");
    within(client.disconnect()).await.expect("done");
    drop(kept);
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s184_a_subscription_that_is_refused_after_a_loss_ends_with_the_reason() {
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        peer.acknowledge("SUBSCRIBE").await;
        drop(peer);
        let mut peer = Peer::accept(&listener).await;
        let subscribe = peer.frame("SUBSCRIBE").await;
        peer.refuse(&subscribe, "forbidden").await;
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let mut topic = within(client.subscribe("/topic/a")).await.expect("done");
    let Err(StompError::Refused(why)) = within(topic.next()).await else {
        panic!("it was refused")
    };
    assert_eq!(why.message, "forbidden");
    assert!(within(topic.next()).await.expect("told once").is_none());
    within(client.disconnect()).await.expect("done");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s184_a_client_that_is_not_let_in_again_stops_trying() {
    let (url, served) = broker(|listener| async move {
        drop(Peer::accept(&listener).await);
        let (stream, _) = listener.accept().await.expect("a client");
        let mut peer = Peer::new(stream);
        peer.frame("CONNECT").await;
        peer.send("ERROR\nmessage:bad-credentials\n\n\0").await;
        assert_eq!(peer.next().await, None);
    })
    .await;
    let client = connect(&url).await;
    let ended = within(async {
        let mut events = client.events();
        while let Some(event) = events.next().await {
            if let Event::Ended(error) = event {
                return error;
            }
        }
        // It has ended before anybody looked.
        client.connected().await.err()
    })
    .await;
    let Some(StompError::Refused(why)) = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(why.message, "bad-credentials");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s184_disconnecting_ends_the_attempts() {
    let (url, served) = broker(|listener| async move {
        drop(Peer::accept(&listener).await);
    })
    .await;
    let hour = Duration::from_secs(3600);
    let patient = Reconnect::default().delay_first(hour).delay_max(hour);
    let client = StompClient::builder(&url).reconnect(patient);
    let client = client.connect().await.expect("a session");
    let mut events = client.events();
    if client.session().is_some() {
        assert!(matches!(within(events.next()).await, Some(Event::Lost(_))));
    }
    within(client.disconnect()).await.expect("at once");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s183_a_server_that_reads_nothing_cannot_hold_up_disconnecting() {
    let (go_on, wait) = tokio::sync::oneshot::channel::<()>();
    let (url, served) = broker(|listener| async move {
        let peer = Peer::accept(&listener).await;
        wait.await.expect("a sign");
        drop(peer);
    })
    .await;
    let client = client(&url)
        .receipt_timeout(Duration::from_millis(20))
        .connect()
        .await
        .expect("a session");
    let body = vec![b'x'; 60_000];
    // Until the kernel takes no more, and the connection takes no more calls.
    let patience = Duration::from_millis(100);
    while let Ok(sent) =
        tokio::time::timeout(patience, async { client.send("/topic/a", &body).await }).await
    {
        sent.expect("it is on its way");
    }
    let left = within(client.disconnect()).await;
    assert!(
        matches!(left, Err(StompError::ReceiptTimedOut { .. })),
        "{left:?}"
    );
    let sent = within(client.send("/topic/a", "")).await;
    assert!(matches!(sent, Err(StompError::Disconnected)), "{sent:?}");
    go_on.send(()).expect("the script waits");
    within(served).await.expect("the script");
}
