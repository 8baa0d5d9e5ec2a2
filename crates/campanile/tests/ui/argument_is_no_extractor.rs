//! A callback asks for something that no event carries.

use campanile::{Endpoint, Text};

struct Room;

async fn said(_: Text, _: Room) {}

fn main() {
    let _ = Endpoint::new().on_text(said);
}
