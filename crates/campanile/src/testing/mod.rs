//! Tests without a network: a whole application in memory, in virtual time (S211).
//!
//! [`TestApplication::start`] takes an application as it would be served. Its endpoints, callbacks,
//! interceptors, schedules and plain routes run as they do on a server, but in the test's own
//! thread, on a clock that stands still until the test [advances](TestApplication::advance) it. A
//! [`TestClient`] is a client of it: what it sends goes through the same codec, and what it gets
//! is what a browser would get.
//!
//! ```
//! use std::time::Duration;
//! use campanile::testing::TestApplication;
//! use campanile::{Accepted, Campanile, Endpoint, Handle, Refusal, Text};
//!
//! async fn said(handle: Handle, Text(text): Text) -> Result<Accepted, Refusal> {
//!     handle.broadcast("/chat", text)
//! }
//!
//! let endpoint = Endpoint::new().on_text(said).idle_timeout(Duration::from_secs(60));
//! let app = Campanile::builder().endpoint("/chat", endpoint).build()?;
//!
//! let mut test = TestApplication::start(app);
//! let mut alice = test.connect("/chat");
//! let mut bob = test.connect("/chat");
//! alice.send_text("hello");
//! assert_eq!(bob.next_text(), "hello");
//!
//! test.advance(Duration::from_secs(61)); // takes no time at all
//! assert_eq!(bob.next_close(), (1001, "idle: no message for 60 s; reconnect when there is one".into()));
//! # Ok::<(), campanile::BuildError>(())
//! ```
//!
//! Nothing here is async, so a test is a plain `#[test]` function; what a test wants to await it
//! gives to [`TestApplication::block_on`].
//!
//! It is behind the cargo feature `test-kit`; put it among your dev-dependencies:
//!
//! ```toml
//! [dev-dependencies]
//! campanile = { …, features = ["test-kit"] }
//! ```

mod application;
mod client;
mod stage;
mod tcp;

pub use self::application::{TestApplication, TestHandshake, TestRefusal};
pub use self::client::{TestClient, TestMessage};
pub use self::tcp::TestConnection;
