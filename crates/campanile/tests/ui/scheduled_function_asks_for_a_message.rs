//! A scheduled function asks for what only a session has.

use campanile::{Campanile, Handle, Text};

async fn tell_the_time(_: Handle, _: Text) {}

fn main() {
    let _ = Campanile::builder().schedule("0 * * * * ?", tell_the_time);
}
