//! Memory that a crowd has used goes back to the operating system once it has left.

use std::time::Duration;

use campanile::Handle;
use tokio::task::JoinHandle;

/// How often the number of sessions is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// So many sessions that have left are worth the walk through the heap.
const CROWD: u64 = 1_000;

/// Looks every few seconds whether a crowd has left, and then gives memory back. The task ends
/// when it is aborted.
pub(crate) fn trim_after_crowds(handle: Handle) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut left_before = 0;
        let mut leaving = false;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let here = handle.sessions() as u64;
            let left = handle.sessions_opened() - here;
            // Where more stay than have left, there is little to be had. The stragglers of a crowd
            // that was still leaving at the last look are few, but belong to it.
            let crowd = left - left_before > here.max(CROWD);
            leaving = crowd || (leaving && left > left_before);
            if leaving {
                give_back();
                left_before = left;
            }
        }
    })
}

/// Asks the allocator to return free pages. Without it, glibc keeps what lies between two pages
/// that are in use: after 10,000 sessions had left, that was most of what they had cost.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "glibc offers this as a C function only")]
fn give_back() {
    // SAFETY: malloc_trim takes a number, touches only the allocator's own free memory, and may be
    // called from any thread at any time (malloc_trim(3): MT-Safe).
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() {}
