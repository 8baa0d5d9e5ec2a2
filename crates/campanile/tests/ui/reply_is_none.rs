//! A callback returns something that cannot be sent.

use campanile::{Endpoint, Text};

async fn said(Text(text): Text) -> usize {
    text.len()
}

fn main() {
    let _ = Endpoint::new().on_text(said);
}
