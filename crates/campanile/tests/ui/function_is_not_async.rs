//! A callback that is a plain function.

use campanile::{Endpoint, Text};

fn said(Text(text): Text) -> String {
    text
}

fn main() {
    let _ = Endpoint::new().on_text(said);
}
