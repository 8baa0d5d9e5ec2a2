//! Clients that close: what they have sent before it is answered, and so is their close.

mod raw;
mod support;

use campanile::{Campanile, Endpoint, Text};

use crate::raw::shake;
use crate::support::House;

/// What must come of `text` and a close with 1000 when the client sends nothing more.
async fn is_answered(path: &str, text: &[u8], expected: &[u8]) {
    let echo = Endpoint::new()
        .on_text(async |Text(text): Text| text)
        .with_sockjs();
    let app = Campanile::builder().endpoint("/echo", echo);
    let house = House::serve(app.build().expect("valid")).await;
    // Both frames under a mask of zeros.
    let mut sent = vec![0x81, 0x80 + text.len() as u8, 0, 0, 0, 0];
    sent.extend_from_slice(text);
    sent.extend_from_slice(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
    for count in 0..20 {
        let mut client = shake(house.address, path, &[]).await;
        client.send_last(&sent).await;
        assert_eq!(client.rest().await, expected, "{count}");
    }
    house.leave().await;
}

#[tokio::test]
async fn s26_a_client_that_shuts_down_behind_its_close_is_answered() {
    is_answered("/echo", b"x", b"\x81\x01x\x88\x02\x03\xe8").await;
}

#[tokio::test]
async fn s26_s39_so_is_one_of_sockjs() {
    let path = "/echo/000/abc/websocket";
    let expected = b"\x81\x01o\x81\x06a[\"x\"]\x88\x02\x03\xe8";
    is_answered(path, b"[\"x\"]", expected).await;
}
