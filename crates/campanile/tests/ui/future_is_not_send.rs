//! A callback keeps a lock across an await.

use campanile::{Endpoint, Session, Text};

async fn said(session: Session, Text(text): Text) {
    let mut attributes = session.attributes();
    attributes.set("last", text);
    std::future::ready(()).await;
    attributes.remove("last");
}

fn main() {
    let _ = Endpoint::new().on_text(said);
}
