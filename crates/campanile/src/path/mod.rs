//! Paths of endpoints: templates, the table that finds the best one, and the parameters.
//!
//! An endpoint's path is a level-1 URI template (RFC 6570) under the rules of Jakarta WebSocket
//! 2.2, 3.1.1 (S186): `/ws/{sid}` matches `/ws/20`, and the handler sees `sid` as `20`.

mod deserialize;
mod error;
mod routes;
mod template;
mod value;

pub use self::deserialize::deserialize;
pub use self::error::PathError;
pub use self::routes::Routes;
pub use self::template::{PathTemplate, TemplateError};
