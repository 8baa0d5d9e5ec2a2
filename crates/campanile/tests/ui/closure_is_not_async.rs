//! A callback that is a plain closure.

use campanile::{Endpoint, Text};

fn main() {
    let _ = Endpoint::new().on_text(|Text(text): Text| text);
}
