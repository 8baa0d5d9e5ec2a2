//! A callback with a seventh argument.

use campanile::{Endpoint, Handle, Headers, Path, Session, State, Text, User};

async fn said(_: Session, _: Handle, _: State<u8>, _: Path<u8>, _: User, _: Headers, _: Text) {}

fn main() {
    let _ = Endpoint::new().on_text(said);
}
