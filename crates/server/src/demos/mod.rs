//! The demos: small systems that people know from other frameworks, each on its path.
//!
//! Their pages may come from a file or from another port, so they accept any Origin.

mod chat;
mod clock;
mod echo;
mod notify;

use campanile::Builder;

/// Mounts all demos.
pub(crate) fn mount(builder: Builder) -> Builder {
    let builder = chat::mount(builder);
    let builder = notify::mount(builder);
    let builder = clock::mount(builder);
    echo::mount(builder)
}
