//! Subscriptions that go on where they have ended, against brokers that play a script.
#![cfg(feature = "stomp")]

use std::future::Future;

use campanile_client::stomp::{Cursor, Event, Events, Missed, Subscription, WhenFull};
use campanile_stomp::{Decoder, Limits, Role};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

mod common;
use common::broker::{Peer, broker, client, connect, next, within};

fn cursor(text: &str) -> Cursor {
    text.parse().expect("a cursor")
}

async fn subscribe(url: &str, after: Option<&str>) -> (Subscription, Events) {
    let client = connect(url).await;
    let events = client.events();
    let mut subscribing = client.subscribe("/topic/a").id("mine");
    if let Some(after) = after {
        subscribing = subscribing.after(cursor(after));
    }
    (within(subscribing).await.expect("done"), events)
}

/// What the next event of its kind says about going on.
async fn recovered(events: &mut Events) -> bool {
    loop {
        match within(events.next()).await.expect("an event") {
            Event::Recovered {
                subscription,
                recovered,
            } => {
                assert_eq!(subscription, "mine");
                return recovered;
            }
            Event::Ended(error) => panic!("{error:?}"),
            _ => {}
        }
    }
}

/// A broker that plays a script, and then waits for the client to leave without a word.
async fn broker_for_drop<S, F>(script: S) -> (String, tokio::task::JoinHandle<()>)
where
    S: FnOnce(TcpListener) -> F + Send + 'static,
    F: Future<Output = Peer> + Send,
{
    broker(|listener| async move {
        let mut peer = script(listener).await;
        // Dropped by its last user: UNSUBSCRIBE and DISCONNECT.
        peer.frame("UNSUBSCRIBE").await;
        peer.goodbye().await;
    })
    .await
}

#[tokio::test]
async fn s98_s184_after_a_loss_it_goes_on_after_the_last_message() {
    let (url, served) = broker_for_drop(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        assert_eq!(peer.subscribe_from("cursor:a-5\n").await, None);
        drop(peer);
        // Nothing was sent: where it began counts.
        let mut peer = Peer::accept(&listener).await;
        let after = peer.subscribe_from("cursor:a-6\nrecovered:true\n").await;
        assert_eq!(after.as_deref(), Some("a-5"));
        peer.message_with("a-6", "").await;
        peer.message_with("a-8", "").await;
        // The beginning of one that is not complete counts for nothing.
        peer.send("MESSAGE\nsubscription:mine\nmessage-id:a-9\n\n9")
            .await;
        drop(peer);
        // One that is cut off before it has answered changes nothing.
        let mut peer = Peer::accept(&listener).await;
        let subscribe = peer.frame("SUBSCRIBE").await;
        assert_eq!(subscribe.header("after"), Some("a-8"));
        drop(peer);
        // Nor does one before its replay.
        let mut peer = Peer::accept(&listener).await;
        let after = peer.subscribe_from("cursor:a-9\nrecovered:true\n").await;
        assert_eq!(after.as_deref(), Some("a-8"));
        drop(peer);
        let mut peer = Peer::accept(&listener).await;
        let after = peer.subscribe_from("cursor:a-9\nrecovered:true\n").await;
        assert_eq!(after.as_deref(), Some("a-8"));
        peer.message_with("a-9", "").await;
        peer
    })
    .await;
    let (mut topic, mut events) = subscribe(&url, None).await;
    for id in ["a-6", "a-8", "a-9"] {
        let message = next(&mut topic).await;
        assert_eq!((message.id(), message.missed()), (id, Missed::Nothing));
        assert_eq!(topic.cursor(), Some(cursor(id)));
    }
    for _ in 0..3 {
        assert!(recovered(&mut events).await);
    }
    assert_eq!(topic.recovered(), Some(true));
    drop(topic);
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s98_s184_what_a_server_cannot_make_good_is_told() {
    let (url, served) = broker_for_drop(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        peer.subscribe_from("cursor:a-5\n").await;
        peer.message_with("a-6", "").await;
        peer.message_with("a-7", "").await;
        drop(peer);
        let mut peer = Peer::accept(&listener).await;
        let after = peer.subscribe_from("cursor:b-3\nrecovered:false\n").await;
        assert_eq!(after.as_deref(), Some("a-7"));
        drop(peer);
        let mut peer = Peer::accept(&listener).await;
        let after = peer.subscribe_from("cursor:b-4\nrecovered:true\n").await;
        assert_eq!(after.as_deref(), Some("b-3"));
        peer.message_with("b-4", "").await;
        peer.message_with("b-5", "").await;
        peer
    })
    .await;
    let (mut topic, mut events) = subscribe(&url, None).await;
    assert!(!recovered(&mut events).await);
    assert!(recovered(&mut events).await);
    // Two messages wait that were before all that.
    assert_ne!(topic.cursor(), Some(cursor("b-3")));
    assert_eq!(next(&mut topic).await.id(), "a-6");
    assert_eq!(topic.cursor(), Some(cursor("a-6")));
    assert_eq!(next(&mut topic).await.missed(), Missed::Nothing);
    let message = next(&mut topic).await;
    assert_eq!((message.id(), message.missed()), ("b-4", Missed::Unknown));
    assert_eq!(next(&mut topic).await.missed(), Missed::Nothing);
    drop(topic);
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s98_a_cursor_that_was_kept_is_gone_on_after_in_another_process() {
    let (url, served) = broker_for_drop(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        let after = peer.subscribe_from("cursor:a-9\nrecovered:true\n").await;
        assert_eq!(after.as_deref(), Some("a-2"));
        peer.message_with("a-4", "").await;
        peer
    })
    .await;
    let (mut topic, _) = subscribe(&url, Some("a-2")).await;
    assert_eq!(topic.recovered(), Some(true));
    assert_eq!(topic.cursor(), Some(cursor("a-2")), "nothing came yet");
    assert_eq!(next(&mut topic).await.missed(), Missed::Nothing);
    assert_eq!(topic.cursor(), Some(cursor("a-4")));
    drop(topic);
    within(served).await.expect("the script");

    let answers = [
        ("cursor:b-9\nrecovered:false\n", Some(false)),
        ("cursor:b-9\n", None),
    ];
    for (lines, said) in answers {
        let (url, served) = broker_for_drop(move |listener| async move {
            let mut peer = Peer::accept(&listener).await;
            peer.subscribe_from(lines).await;
            // A retained value is older than where it begins.
            peer.message_with("b-7", "").await;
            peer
        })
        .await;
        let (mut topic, _) = subscribe(&url, Some("a-2")).await;
        assert_eq!(topic.recovered(), said);
        assert_eq!(topic.cursor(), Some(cursor("b-9")));
        assert_eq!(next(&mut topic).await.missed(), Missed::Unknown);
        assert_eq!(topic.cursor(), Some(cursor("b-9")));
        drop(topic);
        within(served).await.expect("the script");
    }
}

#[tokio::test]
async fn s184_a_server_without_recovery_is_not_asked_for_it_nor_when_nobody_wants_it() {
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        // A queue, say: its messages have ids alike.
        assert_eq!(peer.subscribe_from("").await, None);
        peer.message_with("a-6", "gap:3\n").await;
        let other = peer.frame("SUBSCRIBE").await;
        peer.receipt_with(&other, "cursor:a-7\n").await;
        peer.frame("SEND").await;
        drop(peer);
        let mut peer = Peer::accept(&listener).await;
        for _ in 0..2 {
            assert_eq!(peer.subscribe_from("cursor:a-9\n").await, None);
        }
        peer.message_with("a-9", "").await;
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let mut queue = within(client.subscribe("/queue/a").id("mine"))
        .await
        .expect("done");
    assert_eq!(queue.cursor(), None);
    let message = next(&mut queue).await;
    assert_eq!(message.header("gap"), Some("3"), "an ordinary header");
    let other = client.subscribe("/topic/a").without_recovery();
    let other = within(other).await.expect("done");
    assert_eq!(other.cursor(), Some(cursor("a-7")));
    assert_eq!(other.recovered(), None);
    within(client.send("/topic/b", "")).await.expect("sent");
    assert_eq!(next(&mut queue).await.missed(), Missed::Unknown);
    within(client.disconnect()).await.expect("done");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s98_what_the_server_has_dropped_is_told_with_the_next_message() {
    let (url, served) = broker_for_drop(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        peer.subscribe_from("cursor:a-5\n").await;
        peer.message_with("a-6", "").await;
        peer.message_with("a-9", "gap:2\ncontent-length:0\n").await;
        peer.message_with("a-12", "gap:3\ncontent-length:0\n").await;
        peer.message_with("a-13", "").await;
        peer.message_with("a-20", "gap:7\ncontent-length:0\n").await;
        drop(peer);
        // What it dropped then comes after all.
        let mut peer = Peer::accept(&listener).await;
        let after = peer.subscribe_from("cursor:a-20\nrecovered:true\n").await;
        assert_eq!(after.as_deref(), Some("a-13"));
        peer.message_with("a-14", "").await;
        peer
    })
    .await;
    let (mut topic, _) = subscribe(&url, None).await;
    for (id, missed) in [
        ("a-6", Missed::Nothing),
        ("a-13", Missed::Dropped(5)),
        ("a-14", Missed::Nothing),
    ] {
        let message = next(&mut topic).await;
        assert_eq!((message.id(), message.missed()), (id, missed));
    }
    drop(topic);
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s177_s184_what_a_full_queue_has_dropped_comes_again_after_a_loss() {
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        peer.subscribe_from("cursor:a-5\n").await;
        for id in ["a-6", "a-7", "a-8"] {
            peer.message_with(id, "").await;
        }
        peer.acknowledge("SEND").await;
        drop(peer);
        let mut peer = Peer::accept(&listener).await;
        let subscribe = peer.frame("SUBSCRIBE").await;
        assert_eq!(subscribe.header("after"), Some("a-6"));
        // By now there is room.
        peer.receipt_with(&subscribe, "cursor:a-8\nrecovered:true\n")
            .await;
        peer.frame("SEND").await;
        peer.message_with("a-7", "").await;
        peer.frame("SEND").await;
        peer.message_with("a-8", "").await;
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let mut events = client.events();
    let topic = client.subscribe("/topic/a").id("mine");
    let topic = topic.queue_messages_max(1).when_full(WhenFull::Drop);
    let mut topic = within(topic).await.expect("done");
    let sent = within(client.send("/topic/b", "").receipt()).await;
    sent.expect("all that was before it has come");
    assert!(recovered(&mut events).await);
    for id in ["a-6", "a-7", "a-8"] {
        let message = next(&mut topic).await;
        assert_eq!((message.id(), message.missed()), (id, Missed::Nothing));
        if id != "a-8" {
            within(client.send("/topic/b", "")).await.expect("sent");
        }
    }
    within(client.disconnect()).await.expect("done");
    within(served).await.expect("the script");
}

/// The same seed gives the same numbers (xorshift64*).
struct Random(u64);

impl Random {
    /// From 0 to below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

/// How many messages a broker that cuts its connections has to tell.
const MESSAGES: u64 = 1_000;

/// One connection of a broker that has `MESSAGES` to tell, of which `head` were sent before, and that
/// is cut after so many bytes, in the middle of whatever it is saying. Returns whether the client has
/// left by itself.
async fn serve_and_cut(mut stream: TcpStream, head: u64, bytes: usize) -> bool {
    let mut decoder = Decoder::new(Role::Server);
    let mut input = Vec::new();
    let mut rest = bytes;
    loop {
        let decoded = decoder.decode(&input, &Limits::default()).expect("valid");
        let consumed = decoded.consumed;
        let mut out = String::new();
        if let Some(frame) = decoded.frame {
            let header = |name: &str| frame.header(name).map(std::borrow::Cow::into_owned);
            let receipt = header("receipt").unwrap_or_default();
            match frame.command().as_str() {
                "CONNECT" => out.push_str("CONNECTED\nversion:1.2\n\n\0"),
                "SUBSCRIBE" => {
                    let after = header("after").map(|it| it.replace("a-", ""));
                    let after: u64 = after.map_or(0, |it| it.parse().expect("a position"));
                    let head = head.max(after);
                    out = format!(
                        "RECEIPT\nreceipt-id:{receipt}\ncursor:a-{head}\nrecovered:true\n\n\0"
                    );
                    for number in after + 1..=MESSAGES {
                        let one = format!(
                            "MESSAGE\nsubscription:mine\ndestination:/topic/a\n\
                             message-id:a-{number}\n\n{number}\0"
                        );
                        out.push_str(&one);
                    }
                }
                _ => out = format!("RECEIPT\nreceipt-id:{receipt}\n\n\0"),
            }
        }
        input.drain(..consumed);
        let part = &out.as_bytes()[..out.len().min(rest)];
        // The client may be gone.
        if stream.write_all(part).await.is_err() {
            return true;
        }
        rest -= part.len();
        if rest == 0 {
            return false;
        }
        if consumed == 0 && stream.read_buf(&mut input).await.unwrap_or(0) == 0 {
            return true;
        }
    }
}

#[tokio::test]
async fn s98_s184_however_it_is_cut_each_message_comes_once_and_in_order() {
    for seed in 1..=6 {
        let (url, served) = broker(move |listener| async move {
            let mut random = Random(seed);
            // It is in, and subscribed, before the first cut.
            let mut bytes = 200;
            loop {
                bytes += usize::try_from(random.below(2_000)).expect("it is small");
                let head = random.below(MESSAGES);
                let (stream, _) = listener.accept().await.expect("a client");
                if serve_and_cut(stream, head, bytes).await {
                    return;
                }
                bytes = 1;
            }
        })
        .await;
        let client = client(&url).connect().await.expect("a session");
        // The first one goes on after nothing, since the script has that answer only.
        let topic = client.subscribe("/topic/a").id("mine").after(cursor("a-0"));
        let mut topic = within(topic.queue_messages_max(3)).await.expect("done");
        for number in 1..=MESSAGES {
            let message = next(&mut topic).await;
            let text = number.to_string();
            assert_eq!(message.text(), Some(&*text), "seed {seed}");
            assert_eq!(message.missed(), Missed::Nothing, "seed {seed}");
        }
        // Cut off or not.
        let _ = within(client.disconnect()).await;
        within(served).await.expect("the script");
    }
}
