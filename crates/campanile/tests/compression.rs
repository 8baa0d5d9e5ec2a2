//! Compression as an endpoint sets it.

mod support;

use campanile::{Broker, BuildError, Campanile, Compression, Endpoint, StompEndpoint, Text};
use campanile_client::{Client, DeflateOffer};

use support::{House, next_close, next_text, within};

fn echo(compression: Compression) -> Endpoint {
    Endpoint::new()
        .compression(compression)
        .on_text(async |Text(text): Text| text)
}

async fn open(house: &House, path: &str) -> Client {
    let builder = Client::builder(&house.url(path)).compression(DeflateOffer::default());
    within(builder.connect()).await.expect("a session")
}

#[tokio::test]
async fn s4_compression_is_on_unless_it_is_turned_off() {
    let app = Campanile::builder()
        .endpoint("/default", Endpoint::new())
        .endpoint("/always", echo(Compression::From(0)))
        .endpoint("/off", echo(Compression::Off))
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    for (path, compresses) in [("/default", true), ("/always", true), ("/off", false)] {
        let client = open(&house, path).await;
        assert_eq!(client.compression().is_some(), compresses, "{path}");
    }
    for path in ["/always", "/off"] {
        let mut client = open(&house, path).await;
        for text in ["", "a", &"long and longer ".repeat(1_000)] {
            client.send_text(text).await.expect("sent");
            assert_eq!(next_text(&mut client).await, text);
        }
        house.handle.broadcast(path, "to all").expect("accepted");
        assert_eq!(next_text(&mut client).await, "to all");
    }
    house.leave().await;
}

#[tokio::test]
async fn s4_s63_stomp_clients_may_compress_and_are_answered_plainly() {
    let broker = Broker::new().clients_may_send("/topic/**");
    let app = Campanile::builder()
        .broker(broker)
        .stomp("/stomp", StompEndpoint::new())
        .build()
        .expect("valid");
    let house = House::serve(app).await;
    let mut client = open(&house, "/stomp").await;
    assert!(client.compression().is_some());
    let body = "long and longer ".repeat(1_000);
    for frame in [
        "CONNECT\naccept-version:1.2\nhost:h\n\n\0".to_owned(),
        "SUBSCRIBE\nid:0\ndestination:/topic/a\n\n\0".to_owned(),
        format!("SEND\ndestination:/topic/a\n\n{body}\0"),
    ] {
        client.send_text(&frame).await.expect("sent");
    }
    assert!(next_text(&mut client).await.starts_with("CONNECTED\n"));
    let message = next_text(&mut client).await;
    assert!(message.ends_with(&format!("\n\n{body}\0")));
    // Inflated to more than a frame may have.
    let long = "x".repeat(100_000);
    client.send_text(&long).await.expect("sent");
    assert_eq!(next_close(&mut client).await.0, 1009);
    house.leave().await;
}

#[test]
fn five_different_lengths_are_too_many() {
    let build = |lengths: usize| {
        let mut builder = Campanile::builder()
            .stomp("/stomp", StompEndpoint::new())
            .stomp_tcp(StompEndpoint::new());
        for number in 0..2 * lengths {
            let endpoint = echo(Compression::From(number % lengths));
            builder = builder.endpoint(format!("/{number}"), endpoint);
        }
        builder.build()
    };
    assert!(build(4).is_ok());
    assert!(matches!(build(5), Err(BuildError::Formats(_))));
}
