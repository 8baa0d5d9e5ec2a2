//! What several attacks have in common.

use tokio::task::JoinSet;

use crate::{Raw, Server, within};

/// Sessions that attack at the same time.
const AT_ONCE: usize = 50;

/// Sends the same bytes on `times` sessions of `path`, and expects each to be closed with `code`.
///
/// # Panics
/// When one of them is not.
pub async fn repeat(server: &Server, times: usize, path: &str, bytes: &[u8], code: u16) {
    let mut left = times;
    while left > 0 {
        let batch = left.min(AT_ONCE);
        let mut attackers = Vec::with_capacity(batch);
        for _ in 0..batch {
            attackers.push(Raw::open(server, path).await);
        }
        for attacker in &mut attackers {
            attacker.send(bytes).await;
        }
        for attacker in &mut attackers {
            attacker.expect_close(code).await;
        }
        left -= batch;
    }
}

/// Waits for all of the tasks, and fails with the first that fails.
///
/// # Panics
/// When one of the tasks has.
pub async fn join_all<T: Send + 'static>(mut tasks: JoinSet<T>) -> Vec<T> {
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(result) = within("the end of a task", tasks.join_next()).await {
        match result {
            Ok(value) => results.push(value),
            Err(error) => panic!("a task failed: {error}"),
        }
    }
    results
}
