//! A callback fails with something that is no error.

use campanile::{Endpoint, Text};

async fn said(Text(text): Text) -> Result<String, &'static str> {
    Err("no").or(Ok(text))
}

fn main() {
    let _ = Endpoint::new().on_text(said);
}
