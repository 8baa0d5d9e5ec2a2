//! Small applications in memory.

use std::sync::{Arc, Mutex};

use campanile::testing::TestApplication;
use campanile::{Binary, Campanile, Closed, Endpoint, Session, Text};

/// What callbacks have noted.
pub(crate) type Notes = Arc<Mutex<Vec<String>>>;

/// An application of one endpoint, at `/e`.
pub(crate) fn start(endpoint: Endpoint) -> TestApplication {
    let app = Campanile::builder().endpoint("/e", endpoint);
    TestApplication::start(app.build().expect("an application"))
}

/// Text and binary come back.
pub(crate) fn echo() -> Endpoint {
    Endpoint::new()
        .on_text(async |Text(text): Text| text)
        .on_binary(async |Binary(bytes): Binary| bytes)
}

/// Notes how each session ends.
pub(crate) fn noting(endpoint: Endpoint, notes: &Notes) -> Endpoint {
    let notes = Arc::clone(notes);
    endpoint.on_close(move |Closed(ending): Closed| {
        let note = format!("{} {:?} {}", ending.code, ending.cause, ending.reason);
        notes.lock().expect("not poisoned").push(note);
        async {}
    })
}

/// The only session of the endpoint.
pub(crate) fn only(test: &mut TestApplication) -> Session {
    let handle = test.handle();
    let sessions = test.block_on(handle.sessions_of("/e")).expect("room");
    assert_eq!(sessions.len(), 1);
    sessions.into_iter().next().expect("a session")
}
