//! Transactions, and what a client says about a queue's messages, against brokers that play a script.
#![cfg(feature = "stomp")]

use std::time::Duration;

use campanile_client::stomp::{
    AckMode, Event, StompClient, StompError, Subscription, TRANSACTIONS_MAX, Version,
};

mod common;
use common::broker::{Peer, Sent, broker, client, connect, next, within};

/// A frame that is part of a transaction, but for what is beside it.
async fn part(peer: &mut Peer, command: &str, transaction: &Option<String>) -> Sent {
    let sent = peer.frame(command).await;
    assert_eq!(sent.header("transaction"), transaction.as_deref());
    assert_eq!(sent.header("receipt"), None);
    sent
}

/// Lets a transaction begin; returns its name.
async fn begun(peer: &mut Peer) -> Option<String> {
    let begin = peer.acknowledge("BEGIN").await;
    let name = begin.header("transaction").map(str::to_owned);
    assert!(name.is_some());
    name
}

async fn consume(client: &StompClient) -> Subscription {
    let queue = client.subscribe("/queue/a").id("mine");
    let queue = queue.ack(AckMode::ClientIndividual);
    within(queue).await.expect("done")
}

#[tokio::test]
async fn s72_what_is_sent_and_acknowledged_in_a_transaction_carries_its_name() {
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        peer.acknowledge("SUBSCRIBE").await;
        for number in 1..=3 {
            peer.message("mine", number).await;
        }
        let (one, two) = (begun(&mut peer).await, begun(&mut peer).await);
        assert_ne!(one, two);
        let sent = part(&mut peer, "SEND", &one).await;
        assert_eq!(sent.header("destination"), Some("/queue/b"));
        assert_eq!(sent.body, b"1");
        let sent = peer.acknowledge("SEND").await;
        assert_eq!(sent.header("transaction"), two.as_deref());
        let ack = part(&mut peer, "ACK", &one).await;
        assert_eq!(ack.header("id"), Some("a-1"));
        let nack = part(&mut peer, "NACK", &one).await;
        assert_eq!(nack.header("id"), Some("a-2"));
        assert_eq!(nack.header("requeue"), None);
        let discarded = part(&mut peer, "NACK", &one).await;
        assert_eq!(discarded.header("id"), Some("a-3"));
        assert_eq!(discarded.header("requeue"), Some("false"));
        let commit = peer.acknowledge("COMMIT").await;
        assert_eq!(commit.header("transaction"), one.as_deref());
        part(&mut peer, "ABORT", &two).await;
        // What is no part of one has no name.
        part(&mut peer, "SEND", &None).await;
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let mut queue = consume(&client).await;
    let one = within(client.begin()).await.expect("begun");
    let two = within(client.begin()).await.expect("begun");
    within(one.send("/queue/b", "1")).await.expect("sent");
    let noted = within(two.send("/queue/b", "2").receipt()).await;
    noted.expect("noted");
    within(one.ack(&next(&mut queue).await))
        .await
        .expect("sent");
    within(one.nack(&next(&mut queue).await))
        .await
        .expect("sent");
    within(one.discard(&next(&mut queue).await))
        .await
        .expect("sent");
    within(one.commit()).await.expect("committed");
    within(two.abort()).await.expect("aborted");
    within(client.send("/queue/b", "3")).await.expect("sent");
    within(client.disconnect()).await.expect("done");
    let none = within(client.begin()).await.expect_err("it is over");
    assert!(matches!(none, StompError::Disconnected), "{none:?}");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s72_a_transaction_that_is_dropped_is_aborted_and_one_that_has_ended_is_not() {
    let (has_begun, wait) = tokio::sync::oneshot::channel::<()>();
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        let dropped = begun(&mut peer).await;
        part(&mut peer, "SEND", &dropped).await;
        part(&mut peer, "ABORT", &dropped).await;
        // Committed.
        begun(&mut peer).await;
        peer.acknowledge("COMMIT").await;
        // Refused at its end, and at its beginning.
        begun(&mut peer).await;
        let commit = peer.frame("COMMIT").await;
        peer.refuse(&commit, "queue-full").await;
        let begin = peer.frame("BEGIN").await;
        peer.refuse(&begin, "too-many-transactions").await;
        // Given up before it has begun.
        let begin = peer.frame("BEGIN").await;
        has_begun.send(()).expect("the test waits");
        let abort = peer.frame("ABORT").await;
        assert_eq!(abort.header("transaction"), begin.header("transaction"));
        peer.receipt(&begin).await;
        part(&mut peer, "SEND", &None).await;
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let dropped = within(client.begin()).await.expect("begun");
    within(dropped.send("/queue/b", "")).await.expect("sent");
    drop(dropped);
    let committed = within(client.begin()).await.expect("begun");
    within(committed.commit()).await.expect("committed");
    let refused = within(client.begin()).await.expect("begun");
    let Err(StompError::Refused(why)) = within(refused.commit()).await else {
        panic!("it is refused")
    };
    assert_eq!(why.message, "queue-full");
    let Err(StompError::Refused(why)) = within(client.begin()).await else {
        panic!("it is refused")
    };
    assert_eq!(why.message, "too-many-transactions");
    let clone = client.clone();
    let beginning = tokio::spawn(async move { clone.begin().await });
    within(wait).await.expect("it is on its way");
    beginning.abort();
    assert!(within(beginning).await.is_err(), "it was given up");
    within(client.send("/queue/b", "")).await.expect("sent");
    within(client.disconnect()).await.expect("done");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s72_a_transaction_does_not_outlive_its_connection() {
    let (go_on, wait) = tokio::sync::oneshot::channel::<()>();
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        peer.acknowledge("SUBSCRIBE").await;
        peer.message("mine", 1).await;
        for _ in 0..4 {
            begun(&mut peer).await;
        }
        drop(peer);
        wait.await.expect("a sign");
        let mut peer = Peer::accept(&listener).await;
        peer.acknowledge("SUBSCRIBE").await;
        peer.message("mine", 2).await;
        // Nothing of the others comes here.
        let name = begun(&mut peer).await;
        let ack = part(&mut peer, "ACK", &name).await;
        assert_eq!(ack.header("id"), Some("a-2"));
        // Lost while it is being committed.
        peer.frame("COMMIT").await;
        drop(peer);
        let mut peer = Peer::accept(&listener).await;
        peer.acknowledge("SUBSCRIBE").await;
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let mut events = client.events();
    let mut queue = consume(&client).await;
    let old = next(&mut queue).await;
    let mut begun = Vec::new();
    for _ in 0..4 {
        begun.push(within(client.begin()).await.expect("begun"));
    }
    let [sending, committing, aborting, forgotten] = begun.try_into().expect("four");
    while !matches!(within(events.next()).await, Some(Event::Lost(_))) {}
    let sent = within(sending.send("/queue/b", "")).await;
    assert!(matches!(sent, Err(StompError::TransactionLost)), "{sent:?}");
    let offline = within(client.begin()).await.expect_err("offline");
    assert!(matches!(offline, StompError::Offline), "{offline:?}");
    let acked = within(old.ack()).await;
    assert!(matches!(acked, Err(StompError::Stale)), "{acked:?}");
    go_on.send(()).expect("the script waits");
    within(client.connected()).await.expect("a session");
    let acked = within(sending.ack(&old)).await;
    assert!(matches!(acked, Err(StompError::TransactionLost)));
    let committed = within(committing.commit()).await;
    assert!(matches!(committed, Err(StompError::TransactionLost)));
    within(aborting.abort())
        .await
        .expect("nothing is left of it");
    drop((sending, forgotten));
    let new = next(&mut queue).await;
    let transaction = within(client.begin()).await.expect("begun");
    let acked = within(transaction.ack(&old)).await;
    assert!(matches!(acked, Err(StompError::Stale)), "{acked:?}");
    within(transaction.ack(&new)).await.expect("sent");
    let committed = within(transaction.commit()).await;
    assert!(
        matches!(committed, Err(StompError::Ended(_) | StompError::Lost(_))),
        "nobody knows: {committed:?}"
    );
    within(client.connected()).await.expect("a session");
    within(client.disconnect()).await.expect("done");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s72_so_many_transactions_may_be_open() {
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        for _ in 0..TRANSACTIONS_MAX {
            begun(&mut peer).await;
        }
        peer.acknowledge("ABORT").await;
        begun(&mut peer).await;
        for _ in 0..TRANSACTIONS_MAX {
            peer.frame("ABORT").await;
        }
        peer.acknowledge("SEND").await;
        peer.goodbye().await;
    })
    .await;
    let client = client(&url).auto_receipt(true).connect().await;
    let client = client.expect("a session");
    let mut open = Vec::new();
    for _ in 0..TRANSACTIONS_MAX {
        open.push(within(client.begin()).await.expect("begun"));
    }
    let one_more = within(client.begin()).await.expect_err("no room");
    assert!(
        matches!(one_more, StompError::TooManyTransactions { .. }),
        "{one_more:?}"
    );
    let one = open.pop().expect("one");
    within(one.abort()).await.expect("aborted");
    open.push(within(client.begin()).await.expect("begun"));
    drop(open);
    // What was given up comes before what is asked for later.
    within(client.send("/queue/b", "")).await.expect("sent");
    within(client.disconnect()).await.expect("done");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s71_a_consumer_says_how_many_it_wants_and_is_told_what_came_before() {
    let (url, served) = broker(|listener| async move {
        let (mut peer, _) = Peer::accept_with(&listener, "1.2", "").await;
        let subscribe = peer.acknowledge("SUBSCRIBE").await;
        assert_eq!(subscribe.header("prefetch-count"), Some("7"));
        assert_eq!(subscribe.header("ack"), Some("client"));
        peer.message_with("m-1", "ack:a-1\n").await;
        peer.message_with("m-2", "ack:a-2\nredelivered:true\ndelivery-count:3\n")
            .await;
        // As RabbitMQ tells it.
        peer.message_with("m-3", "ack:a-3\nredelivered:true\n")
            .await;
        let nack = peer.frame("NACK").await;
        assert_eq!(nack.header("id"), Some("a-3"));
        assert_eq!(nack.header("requeue"), Some("false"));
        for expiration in ["1500", "1", "0"] {
            let sent = peer.frame("SEND").await;
            assert_eq!(sent.header("expiration"), Some(expiration));
        }
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let queue = client.subscribe("/queue/a").id("mine");
    let mut queue = within(queue.ack(AckMode::Client).prefetch(7))
        .await
        .expect("done");
    let mut last = None;
    for (count, is_redelivered) in [(1, false), (3, true), (1, true)] {
        let message = next(&mut queue).await;
        assert_eq!(message.delivery_count(), count);
        assert_eq!(message.is_redelivered(), is_redelivered);
        last = Some(message);
    }
    within(last.expect("a message").discard())
        .await
        .expect("sent");
    for expiration in [
        Duration::from_millis(1_500),
        Duration::from_nanos(1),
        Duration::ZERO,
    ] {
        let sending = client.send("/queue/b", "").expiration(expiration);
        within(sending).await.expect("sent");
    }
    within(client.disconnect()).await.expect("done");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s71_s72_1_0_has_no_nack_in_a_transaction_either() {
    let (url, served) = broker(|listener| async move {
        let (mut peer, _) = Peer::accept_with(&listener, "1.0", "").await;
        peer.acknowledge("SUBSCRIBE").await;
        peer.message("mine", 1).await;
        let name = begun(&mut peer).await;
        let ack = part(&mut peer, "ACK", &name).await;
        assert_eq!(ack.header("message-id"), Some("m-1"));
        part(&mut peer, "ABORT", &name).await;
        part(&mut peer, "SEND", &None).await;
        peer.goodbye().await;
    })
    .await;
    let client = client(&url).versions([Version::V10]).connect().await;
    let client = client.expect("a session");
    let mut queue = consume(&client).await;
    let message = next(&mut queue).await;
    let transaction = within(client.begin()).await.expect("begun");
    for refused in [
        within(transaction.nack(&message)).await,
        within(transaction.discard(&message)).await,
        within(message.discard()).await,
    ] {
        assert!(matches!(refused, Err(StompError::NoNack)), "{refused:?}");
    }
    within(transaction.ack(&message)).await.expect("sent");
    drop(transaction);
    // Who disconnects need not abort; who goes on does.
    within(client.send("/queue/b", "")).await.expect("sent");
    within(client.disconnect()).await.expect("done");
    within(served).await.expect("the script");
}
