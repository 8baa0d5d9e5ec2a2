//! Code around callbacks that returns a number of its own instead of the reply.

use campanile::{Context, Endpoint, Next};

async fn counted(context: Context, next: Next) -> u32 {
    let _ = next.run(context).await;
    1
}

fn main() {
    let _ = Endpoint::new().around(counted);
}
