//! The STOMP client and the finished program: going on after losses, transactions and queues. What
//! is dropped for a slow client is a matter of the library, since the program closes it instead.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use campanile::{Campanile, OutboxPolicy, Overflow, StompEndpoint};
use campanile_client::stomp::{
    AckMode, Cursor, Event, Events, Missed, Reconnect, StompClient, StompError, StompMessage,
    Subscription, Version,
};
use campanile_tests::{CuttingWay, Server, within};
use tokio::sync::Semaphore;

/// How many messages are published in each run.
const MESSAGES: usize = 2_000;

/// How far publishing may be ahead of those who listen; the program keeps more than that.
const AHEAD_MAX: usize = 400;

/// How often each run is cut off.
const CUTS: u32 = 50;

async fn connect(url: &str) -> StompClient {
    let client = within("a session", StompClient::connect(url)).await;
    client.expect("a session")
}

async fn next(subscription: &mut Subscription) -> StompMessage {
    within("a message", subscription.next())
        .await
        .expect("no error")
        .expect("a message")
}

async fn subscribe(client: &StompClient, destination: &str) -> Subscription {
    let subscribing = client.subscribe(destination).into_future();
    within("a receipt", subscribing).await.expect("subscribed")
}

/// Sends, and waits for the receipt.
async fn send(client: &StompClient, destination: &str, body: &str) {
    let sending = client.send(destination, body).receipt().into_future();
    within("a receipt", sending).await.expect("accepted");
}

async fn disconnect(client: &StompClient) {
    within("a receipt", client.disconnect())
        .await
        .expect("disconnected");
}

/// Every `step`th number from `first` on, each once and in order. Gives the publisher room.
async fn read_all(mut topic: Subscription, first: usize, step: usize, room: Arc<Semaphore>) {
    for number in (first..=MESSAGES).step_by(step) {
        let message = next(&mut topic).await;
        let text = message.text().expect("text");
        assert_eq!(text, number.to_string(), "{}", topic.id());
        assert_eq!(message.missed(), Missed::Nothing, "at {number}");
        room.add_permits(1);
    }
}

/// Counts what was recovered, until the end.
async fn count_recovered(mut events: Events, count: Arc<AtomicUsize>) {
    while let Some(event) = events.next().await {
        if let Event::Recovered { recovered, .. } = event {
            assert!(recovered, "the program keeps as much as that");
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn s98_s184_cut_at_any_byte_each_message_comes_once_and_in_order() {
    let server = Server::start(&[]);
    for (seed, is_tcp) in [(1, false), (2, true), (3, false), (4, true)] {
        let (target, url) = match is_tcp {
            true => (server.stomp_address(), "stomp://"),
            false => (server.address(), "ws://"),
        };
        let way = CuttingWay::start(target, seed, CUTS).await;
        let path = if is_tcp { "" } else { "/stomp" };
        let soon = Reconnect::default()
            .delay_first(Duration::from_millis(1))
            .delay_max(Duration::from_millis(20));
        let client = StompClient::builder(&format!("{url}{}{path}", way.address()));
        let client = within("a session", client.reconnect(soon).connect()).await;
        let client = client.expect("a session");
        let recovered = Arc::new(AtomicUsize::new(0));
        let counting = tokio::spawn(count_recovered(client.events(), recovered.clone()));
        let room = Arc::new(Semaphore::new(AHEAD_MAX));
        let all = subscribe(&client, &format!("/topic/seed-{seed}/*")).await;
        let odd = subscribe(&client, &format!("/topic/seed-{seed}/odd")).await;
        // Room for what nobody would make room for twice.
        let none = Arc::new(Semaphore::new(0));
        let readers = [
            tokio::spawn(read_all(all, 1, 1, room.clone())),
            tokio::spawn(read_all(odd, 1, 2, none)),
        ];
        way.cut_from_now_on();
        let publisher = connect(&server.url("/stomp")).await;
        for number in 1..=MESSAGES {
            let permit = within("room", room.acquire()).await;
            permit.expect("it is open").forget();
            let kind = ["even", "odd"][number % 2];
            let destination = format!("/topic/seed-{seed}/{kind}");
            let sending = publisher.send(&destination, number.to_string());
            within("room", sending.into_future()).await.expect("sent");
        }
        for reader in readers {
            within("its end", reader).await.expect("all of it");
        }
        assert_eq!(way.cuts_left(), 0, "all of it was cut off so often");
        disconnect(&publisher).await;
        // Cut off or not.
        let _ = within("its end", client.disconnect()).await;
        within("its end", counting).await.expect("all of it");
        assert!(recovered.load(Ordering::Relaxed) > 0, "seed {seed}");
    }
}

#[tokio::test]
async fn s98_a_kept_cursor_is_gone_on_after_by_another_client() {
    let server = Server::start(&[]);
    let url = server.url("/stomp");
    let publisher = connect(&url).await;
    let first = connect(&url).await;
    let mut topic = subscribe(&first, "/topic/kept").await;
    let begun = topic.cursor().expect("the program tells cursors");
    for number in 1..=5 {
        send(&publisher, "/topic/kept", &number.to_string()).await;
    }
    for number in 1..=2 {
        let message = next(&mut topic).await;
        assert_eq!(message.text(), Some(&*number.to_string()));
        let cursor = topic.cursor().expect("one");
        assert_eq!(cursor.to_string(), message.id());
    }
    let kept = topic.cursor().expect("one");
    disconnect(&first).await;

    let second = connect(&url).await;
    for (cursor, from) in [(begun, 1), (kept, 3)] {
        let subscribing = second.subscribe("/topic/kept").after(cursor);
        let topic = within("a receipt", subscribing.into_future()).await;
        let mut topic = topic.expect("subscribed");
        assert_eq!(topic.recovered(), Some(true));
        for number in from..=5 {
            let message = next(&mut topic).await;
            assert_eq!(message.text(), Some(&*number.to_string()));
            assert_eq!(message.missed(), Missed::Nothing);
        }
    }
    // Of another life of the log: nothing is made up, and what comes is told to be incomplete.
    let foreign: Cursor = "abc-5".parse().expect("a cursor");
    let subscribing = second.subscribe("/topic/kept").after(foreign);
    let topic = within("a receipt", subscribing.into_future()).await;
    let mut topic = topic.expect("subscribed");
    assert_eq!(topic.recovered(), Some(false));
    send(&publisher, "/topic/kept", "6").await;
    let message = next(&mut topic).await;
    assert_eq!(
        (message.text(), message.missed()),
        (Some("6"), Missed::Unknown)
    );
    // A queue has no past.
    let subscribing = second.subscribe("/queue/kept").after(foreign);
    let refused = within("an ERROR", subscribing.into_future()).await;
    let Err(StompError::Refused(why)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(why.message, "no-history");
    disconnect(&second).await;
    disconnect(&publisher).await;
}

#[tokio::test]
async fn s72_a_transaction_takes_effect_as_a_whole_or_not_at_all() {
    let server = Server::start(&[]);
    let over_tcp = format!("stomp://{}", server.stomp_address());
    for (url, version) in [server.url("/stomp"), over_tcp]
        .iter()
        .flat_map(|url| Version::ALL.map(|version| (url, version)))
    {
        let client = StompClient::builder(url).versions([version]).connect();
        let client = within("a session", client).await.expect("a session");
        let jobs = format!("/queue/jobs-{version}");
        let mut done = subscribe(&client, "/topic/done").await;
        send(&client, &jobs, "one").await;
        let subscribing = client.subscribe(&jobs).ack(AckMode::Client);
        let mut queue = within("a receipt", subscribing.into_future())
            .await
            .expect("subscribed");
        let job = next(&mut queue).await;
        assert_eq!((job.text(), job.delivery_count()), (Some("one"), 1));

        // Given up, by dropping it and in words.
        let begin = || async {
            let begun = within("a receipt", client.begin()).await;
            begun.expect("begun")
        };
        let dropped = begin().await;
        let sending = dropped.send("/topic/done", "dropped").into_future();
        within("room", sending).await.expect("sent");
        within("room", dropped.ack(&job)).await.expect("sent");
        drop(dropped);
        let aborted = begin().await;
        let sending = aborted.send("/topic/done", "aborted").into_future();
        within("room", sending).await.expect("sent");
        within("room", aborted.abort()).await.expect("aborted");

        // Refused in one of its parts, which is looked at in the end.
        let refused = begin().await;
        for destination in ["/topic/done", "/nowhere/a"] {
            let sending = refused.send(destination, "refused").into_future();
            within("room", sending).await.expect("sent");
        }
        let Err(StompError::Refused(why)) = within("an ERROR", refused.commit()).await else {
            panic!("it is refused")
        };
        assert_eq!(why.message, "unknown-destination");

        // Done.
        let committed = begin().await;
        for number in ["1", "2"] {
            let sending = committed.send("/topic/done", number).into_future();
            within("room", sending).await.expect("sent");
        }
        within("room", committed.ack(&job)).await.expect("sent");
        send(&client, "/topic/done", "before").await;
        within("a receipt", committed.commit())
            .await
            .expect("committed");
        for text in ["before", "1", "2"] {
            assert_eq!(next(&mut done).await.text(), Some(text), "{version}");
        }
        // It was acknowledged with it: a second time there is nothing to acknowledge.
        let again = begin().await;
        within("room", again.ack(&job)).await.expect("sent");
        let Err(StompError::Refused(why)) = within("an ERROR", again.commit()).await else {
            panic!("it is refused")
        };
        assert_eq!(why.message, "not-delivered");
        disconnect(&client).await;
    }
}

/// Takes one message after the other from a queue, and says of each what becomes of it.
async fn consume(client: &StompClient, queue: &str) -> Subscription {
    let subscribing = client.subscribe(queue).prefetch(1);
    let subscribing = subscribing.ack(AckMode::ClientIndividual).into_future();
    within("a receipt", subscribing).await.expect("subscribed")
}

#[tokio::test]
async fn s71_a_queue_message_is_rejected_discarded_and_given_back() {
    let server = Server::start(&[]);
    let url = server.url("/stomp");
    let mut clients = Vec::new();
    for _ in 0..2 {
        // ACK and NACK have taken effect when their calls end.
        let client = StompClient::builder(&url).auto_receipt(true).connect();
        clients.push(within("a session", client).await.expect("a session"));
    }
    let [first, second] = &clients[..] else {
        unreachable!("two were made")
    };
    for text in ["one", "two"] {
        send(first, "/queue/work", text).await;
    }
    let mut queue = consume(first, "/queue/work").await;
    let one = next(&mut queue).await;
    assert_eq!((one.text(), one.is_redelivered()), (Some("one"), false));
    // Not more than one at a time: this one is the next for somebody else.
    let mut other = consume(second, "/queue/work").await;
    let two = next(&mut other).await;
    assert_eq!((two.text(), two.is_redelivered()), (Some("two"), false));
    within("a receipt", two.discard()).await.expect("discarded");
    within("a receipt", one.nack()).await.expect("rejected");
    // Rejected by one, it is preferably another's.
    let again = next(&mut other).await;
    assert_eq!((again.text(), again.delivery_count()), (Some("one"), 2));
    assert!(again.is_redelivered());
    // Whoever leaves gives it back.
    disconnect(second).await;
    let last = next(&mut queue).await;
    assert_eq!((last.text(), last.delivery_count()), (Some("one"), 3));
    within("a receipt", last.ack()).await.expect("acknowledged");
    let twice = within("an ERROR", last.ack()).await;
    let Err(StompError::Refused(why)) = twice else {
        panic!("{twice:?}")
    };
    assert_eq!(why.message, "not-delivered");
    // Nothing else is left.
    send(first, "/queue/work", "end").await;
    assert_eq!(next(&mut queue).await.text(), Some("end"));
    disconnect(first).await;
}

#[tokio::test]
async fn s29_s98_what_was_dropped_for_a_slow_client_is_counted_in_its_messages() {
    const SENT: usize = 1_000;
    let policy = OutboxPolicy {
        bytes_max: 128 << 10,
        overflow: Overflow::DropOldest,
        ..OutboxPolicy::default()
    };
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new().outbox(policy))
        .build()
        .expect("an application");
    let handle = app.handle();
    let listener = campanile::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(campanile::serve(listener, app).into_future());
    let client = connect(&format!("ws://{address}/stomp")).await;
    let subscribing = client.subscribe("/topic/a").queue_messages_max(1);
    let topic = within("a receipt", subscribing.into_future()).await;
    let mut topic = topic.expect("subscribed");
    // Nobody reads: the kernel's buffers fill, then the outbox does.
    let body = "x".repeat(32 << 10);
    for number in 0..SENT {
        let accepted = handle.publish("/topic/a", &*format!("{number} {body}"));
        accepted.expect("room in the inboxes");
        if number % 50 == 0 {
            // The shards take what is in their inboxes meanwhile.
            let sending = client.send("/topic/other", "").into_future();
            within("room", sending).await.expect("sent");
        }
    }
    let (mut expected, mut dropped) = (0, 0);
    while expected < SENT {
        let message = next(&mut topic).await;
        let text = message.text().expect("text");
        let number = text.split(' ').next().expect("a number");
        expected += match message.missed() {
            Missed::Nothing => 0,
            Missed::Dropped(count) => usize::try_from(count).expect("a small number"),
            Missed::Unknown => panic!("no connection was lost"),
        };
        assert_eq!(number, expected.to_string(), "none is missing untold");
        dropped += usize::from(message.missed() != Missed::Nothing);
        expected += 1;
    }
    assert!(dropped > 0, "there was room for all of them");
    disconnect(&client).await;
}
