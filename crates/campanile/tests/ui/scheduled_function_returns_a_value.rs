//! A scheduled function returns what nobody gets.

use campanile::{Campanile, Handle};

async fn tell_the_time(handle: Handle) -> usize {
    handle.sessions()
}

fn main() {
    let _ = Campanile::builder().schedule("0 * * * * ?", tell_the_time);
}
