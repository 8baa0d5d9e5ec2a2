//! What the broker promises of order and of separation.

mod support;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use campanile::testing::{TestApplication, TestMessage};
use campanile::{Broker, Campanile, Handle, HandlerError, Refusal, StompEndpoint, Text};
use campanile_client::Client;

use support::stomp::{Received, connect, refusal, send};
use support::{House, next_text, within};

const PUBLISHERS: usize = 3;
const PUBLICATIONS: usize = 200;
const CLIENTS: usize = 6;

async fn send_frame(client: &mut Client, frame: &str) {
    let sent = within(client.send_text(&format!("{frame}\0"))).await;
    sent.expect("an open connection");
}

async fn next_frame(client: &mut Client) -> Received {
    let text = next_text(client).await;
    Received(text.trim_end_matches('\0').to_owned())
}

/// A client that has subscribed to these destinations.
async fn subscriber(url: &str, destinations: &[&str]) -> Client {
    let mut client = within(Client::connect(url)).await.expect("a session");
    send_frame(
        &mut client,
        "CONNECT\naccept-version:1.2\nhost:localhost\n\n",
    )
    .await;
    assert_eq!(next_frame(&mut client).await.command(), "CONNECTED");
    for destination in destinations {
        let frame = format!(
            "SUBSCRIBE\nid:{destination}\ndestination:{destination}\nreceipt:{destination}\n\n"
        );
        send_frame(&mut client, &frame).await;
        assert_eq!(next_frame(&mut client).await.command(), "RECEIPT");
    }
    client
}

fn publish(handle: &Handle, publisher: usize) {
    for number in 0..PUBLICATIONS {
        let (name, text) = (
            format!("/topic/{}", number % 2),
            format!("{publisher} {number}"),
        );
        loop {
            match handle.publish(name.as_str(), text.as_str()) {
                Ok(_) => break,
                Err(refusal) => assert_eq!(refusal, Refusal::Overloaded),
            }
            std::thread::yield_now();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s92_each_session_receives_in_the_order_of_publication_on_every_shard() {
    let app = Campanile::builder()
        .shards(4)
        .stomp("/stomp", StompEndpoint::new());
    let house = House::serve(app.build().expect("an application")).await;
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        // Some by name, some by pattern.
        let destinations: &[&str] = match number % 2 {
            0 => &["/topic/0", "/topic/1"],
            _ => &["/topic/*"],
        };
        clients.push(subscriber(&house.url("/stomp"), destinations).await);
    }
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let handle = house.handle.clone();
            tokio::task::spawn_blocking(move || publish(&handle, publisher))
        })
        .collect();
    let mut orders = Vec::new();
    for client in &mut clients {
        let mut order = Vec::new();
        let mut newest: HashMap<String, usize> = HashMap::new();
        for _ in 0..PUBLISHERS * PUBLICATIONS {
            let message = next_frame(client).await;
            let (publisher, number) = message.body().split_once(' ').expect("two numbers");
            let number: usize = number.parse().expect("a number");
            let before = newest.insert(publisher.to_owned(), number);
            // The next of this publisher, and nothing left out.
            assert_eq!(before.map_or(0, |before| before + 1), number);
            order.push(message.header("message-id").unwrap_or_default().to_owned());
        }
        orders.push(order);
    }
    for publisher in publishers {
        within(publisher).await.expect("a publisher that finishes");
    }
    // And all sessions in the same order.
    assert!(orders.iter().all(|order| *order == orders[0]));
    house.leave().await;
}

async fn work(Text(text): Text) -> Result<(), HandlerError> {
    let number: usize = text.parse().unwrap_or_default();
    // Some take several turns.
    for _ in 0..number % 4 {
        tokio::task::yield_now().await;
    }
    match number % 3 {
        0 => Err(std::io::Error::other("it is divisible by three").into()),
        _ => Ok(()),
    }
}

#[test]
fn s93_frames_are_handled_in_order_and_errors_take_their_place_in_it() {
    const FRAMES: usize = 100;
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new())
        .message("/work", work);
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut client = test.connect("/stomp");
    send(
        &mut client,
        "CONNECT\naccept-version:1.2\nhost:localhost\nx-errors:keep\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    for number in 0..FRAMES {
        let destination = match number % 5 {
            // Nobody handles that one.
            4 => "/app/nothing",
            _ => "/app/work",
        };
        let frame = format!("SEND\ndestination:{destination}\nreceipt:{number}\n\n{number}");
        send(&mut client, &frame);
    }
    for number in 0..FRAMES {
        let answer = Received::next(&mut client);
        let id = answer.header("receipt-id").unwrap_or_default();
        assert_eq!(id, number.to_string(), "{}", answer.0);
        let expected = match (number % 5, number % 3) {
            (4, _) => Some("no-handler"),
            (_, 0) => Some("handler-failed"),
            _ => None,
        };
        let is_refused = answer.command() == "ERROR";
        assert_eq!(answer.header("message").filter(|_| is_refused), expected);
    }
    assert_eq!(client.next_message(), None);
}

#[test]
fn s83_s90_the_broker_has_the_destinations_that_it_was_given() {
    let broker = Broker::new()
        .topics(["/rooms", "/prices"])
        .clients_may_send("/rooms/*");
    let app = Campanile::builder()
        .broker(broker)
        .stomp("/stomp", StompEndpoint::new());
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, "SUBSCRIBE\nid:0\ndestination:/rooms/a\n\n");
    send(&mut client, "SUBSCRIBE\nid:1\ndestination:/prices/**\n\n");
    send(&mut client, "SEND\ndestination:/rooms/a\n\nhello");
    assert_eq!(Received::next(&mut client).body(), "hello");
    let handle = test.handle();
    handle.publish("/prices/acme", "17").expect("room");
    assert_eq!(Received::next(&mut client).body(), "17");
    // What clients may not send to, the application may.
    send(&mut client, "SEND\ndestination:/prices/acme\n\n18");
    assert_eq!(refusal(&mut client), ("forbidden".into(), 1008));
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, "SUBSCRIBE\nid:0\ndestination:/topic/a\n\n");
    assert_eq!(refusal(&mut client), ("unknown-destination".into(), 1008));
}

#[test]
fn s87_a_publication_is_the_same_for_all_but_for_the_subscription() {
    let app = Campanile::builder().stomp("/stomp", StompEndpoint::new());
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut rests = Vec::new();
    let mut clients: Vec<_> = (0..3)
        .map(|number| {
            let mut client = connect(&mut test, "/stomp", "1.2");
            let frame = format!("SUBSCRIBE\nid:own-{number}\ndestination:/topic/a\n\n");
            send(&mut client, &frame);
            client
        })
        .collect();
    test.handle().publish("/topic/a", "shared").expect("room");
    for (number, client) in clients.iter_mut().enumerate() {
        let Some(TestMessage::Text(text)) = client.next_message() else {
            panic!("no message");
        };
        let own = format!("MESSAGE\nsubscription:own-{number}\n");
        rests.push(
            text.strip_prefix(&own)
                .expect("its own beginning")
                .to_owned(),
        );
    }
    assert!(rests[0].ends_with("\n\nshared\0"));
    assert!(rests.iter().all(|rest| *rest == rests[0]));
}

/// An application that counts what its handler has got.
fn counting(calls: &Arc<AtomicUsize>) -> Campanile {
    let calls = Arc::clone(calls);
    let handler = move || {
        let calls = Arc::clone(&calls);
        async move {
            calls.fetch_add(1, Ordering::Relaxed);
            "handled"
        }
    };
    let broker = Broker::new()
        .clients_may_send("/topic/**")
        .retained("/topic/**");
    let app = Campanile::builder()
        .broker(broker)
        .stomp("/stomp", StompEndpoint::new())
        .message("/it", handler);
    app.build().expect("an application")
}

#[tokio::test]
async fn s96_two_applications_in_one_process_share_no_destinations() {
    let calls = [Arc::default(), Arc::default()];
    let apps = calls.each_ref().map(counting);
    let handles = apps.each_ref().map(Campanile::handle);
    let [one, two] = apps.map(|app| app.into_router().expect("threads"));
    let router = axum::Router::new().nest("/one", one).nest("/two", two);
    let listener = campanile::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let address = listener.local_addr().expect("an address");
    let host = tokio::spawn(axum::serve(listener, router).into_future());
    let mut clients = Vec::new();
    for name in ["one", "two"] {
        let url = format!("ws://{address}/{name}/stomp");
        clients.push(subscriber(&url, &["/topic/it", "/topic/*", "/user/queue/a"]).await);
    }
    // By a client, by a handler, and from outside: two subscriptions each, of the same application.
    send_frame(&mut clients[0], "SEND\ndestination:/topic/it\n\nsent").await;
    send_frame(&mut clients[0], "SEND\ndestination:/app/it\n\n").await;
    for body in ["sent", "sent", "handled", "handled"] {
        assert_eq!(next_frame(&mut clients[0]).await.body(), body);
    }
    let accepted = handles[1].publish("/topic/it", "outside").expect("room");
    assert_eq!(accepted.subscriptions, 2);
    // The other one's first message is its own, with the first position of its own log.
    let message = next_frame(&mut clients[1]).await;
    assert_eq!(message.body(), "outside");
    let id = message.header("message-id").unwrap_or_default();
    assert!(id.ends_with("-1"), "{id}");
    let kept = handles.each_ref().map(|one| one.retained("/topic/it"));
    let kept = kept.map(|one| one.map(|one| one.content().bytes().clone()));
    assert_eq!(kept, [Some("handled".into()), Some("outside".into())]);
    assert_eq!(
        calls.each_ref().map(|one| one.load(Ordering::Relaxed)),
        [1, 0]
    );
    assert_eq!(handles.each_ref().map(Handle::sessions), [1, 1]);
    host.abort();
}
