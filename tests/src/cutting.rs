//! A way that is cut, in the middle of whatever is being said.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Bytes that a connection may carry to the client, and to the server, before it is cut.
const BYTES_MAX: [u64; 2] = [4_000, 1_000];

/// A TCP proxy that cuts its connections after so many bytes as a seed says, so many times; those
/// that follow are left alone.
#[derive(Debug)]
pub struct CuttingWay {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    is_cutting: AtomicBool,
    cuts: AtomicU32,
}

impl CuttingWay {
    /// A way to `target`, which is whole until [`cut_from_now_on`](Self::cut_from_now_on).
    ///
    /// # Panics
    /// Without a free port.
    pub async fn start(target: SocketAddr, seed: u64, cuts: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            is_cutting: AtomicBool::new(false),
            cuts: AtomicU32::new(cuts),
        });
        let way = Self {
            address,
            state: state.clone(),
        };
        // No seed gives the state zero.
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let bytes = BYTES_MAX.map(|most| 1 + draw(&mut random) % most);
                tokio::spawn(carry(client, target, bytes, state.clone()));
            }
        });
        way
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Counts bytes, and cuts. Connections that are open now are cut, too.
    pub fn cut_from_now_on(&self) {
        self.state.is_cutting.store(true, Ordering::Relaxed);
    }

    /// How many cuts there will still be.
    pub fn cuts_left(&self) -> u32 {
        self.state.cuts.load(Ordering::Relaxed)
    }
}

/// One connection, until either side or a cut ends it.
async fn carry(client: TcpStream, target: SocketAddr, bytes: [u64; 2], state: Arc<State>) {
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let [down, up] = bytes;
    tokio::select! {
        () = pass(from_server, to_client, down, &state) => {}
        () = pass(from_client, to_server, up, &state) => {}
    }
}

/// One direction.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut rest: u64,
    state: &State,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        let mut whole = read;
        if state.is_cutting.load(Ordering::Relaxed) && state.cuts.load(Ordering::Relaxed) > 0 {
            whole = read.min(usize::try_from(rest).unwrap_or(usize::MAX));
            rest -= whole as u64;
        }
        if to.write_all(&buffer[..whole]).await.is_err() {
            return;
        }
        if rest == 0 {
            let less = |cuts: u32| cuts.checked_sub(1);
            let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
            // Another connection may have made the last one.
            let _ = state.cuts.fetch_update(set, fetch, less);
            return;
        }
    }
}

/// The next number of a generator (xorshift64*): the same seed gives the same ones.
fn draw(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
}
