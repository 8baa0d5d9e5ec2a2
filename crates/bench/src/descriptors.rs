//! Descriptors: each session is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::BenchError;

/// Descriptors that are used for other things than sessions.
const OTHERS: usize = 64;

/// Raises the limit of this process as far as `sessions` need.
pub(crate) fn allow(sessions: usize) -> Result<(), BenchError> {
    let limits = getrlimit(Resource::Nofile);
    let wanted = (sessions + OTHERS) as u64;
    // No limit is `None`.
    if limits.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    if let Some(allowed) = limits.maximum
        && allowed < wanted
    {
        return Err(BenchError::Descriptors {
            wanted: sessions,
            allowed,
        });
    }
    let new = Rlimit {
        current: limits.maximum.or(Some(wanted)),
        maximum: limits.maximum,
    };
    setrlimit(Resource::Nofile, new).map_err(|error| BenchError::System(error.into()))
}
