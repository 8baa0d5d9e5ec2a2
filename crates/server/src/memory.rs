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
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let here = handle.sessions() as u64;
            let left = handle.sessions_opened() - here;
            // Where more stay than have left, there is little to be had.
            if left - left_before > here.max(CROWD) {
                give_back();
                left_before = left;
            }
        }
    })
}

/// Lets threads share heaps, one for each core. glibc would give each thread its own: what a crowd
/// leaves behind is then spread over more pages that cannot be given back. Call it before there
/// are threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "glibc offers this as a C function only")]
pub(crate) fn share_heaps() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let heaps = libc::c_int::try_from(cores).unwrap_or(libc::c_int::MAX);
    // SAFETY: mallopt takes two numbers and may be called at any time (mallopt(3)); a value that
    // it does not like changes nothing.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, heaps);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn share_heaps() {}

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
