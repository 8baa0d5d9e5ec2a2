//! Clients that close: what they have sent before it is answered, and so is their close.

mod raw;
mod support;

use campanile::{Campanile, Endpoint, Text};

use crate::raw::shake;
use crate::support::House;

#[tokio::test]
async fn s26_a_client_that_shuts_down_behind_its_close_is_answered() {
    let echo = Endpoint::new().on_text(async |Text(text): Text| text);
    let app = Campanile::builder().endpoint("/echo", echo);
    let house = House::serve(app.build().expect("valid")).await;
    for count in 0..20 {
        let mut client = shake(house.address, "/echo", &[]).await;
        // A text `x`, a close with 1000 (RFC 6455 5.5.1), both under a mask of zeros.
        client
            .send_last(&[
                0x81, 0x81, 0, 0, 0, 0, b'x', 0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8,
            ])
            .await;
        let expected = [0x81, 1, b'x', 0x88, 2, 0x03, 0xe8];
        assert_eq!(client.rest().await, expected, "{count}");
    }
    house.leave().await;
}
