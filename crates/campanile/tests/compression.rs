//! Compression as an endpoint sets it.

mod support;

use campanile::{BuildError, Campanile, Compression, Endpoint, Text};
use campanile_client::{Client, DeflateOffer};

use support::{House, next_text, within};

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

#[test]
fn five_different_lengths_are_too_many() {
    let build = |lengths: usize| {
        let mut builder = Campanile::builder();
        for number in 0..2 * lengths {
            let endpoint = echo(Compression::From(number % lengths));
            builder = builder.endpoint(format!("/{number}"), endpoint);
        }
        builder.build()
    };
    assert!(build(4).is_ok());
    assert!(matches!(build(5), Err(BuildError::Formats(_))));
}
