//! HTTP/2 (RFC 9113) on listeners under TLS, with WebSockets by extended CONNECT (RFC 8441).
//!
//! One task a connection, which owns a task for each of its streams: they end with it. The `h2`
//! crate does the protocol; what it lets through without a limit is limited here.

mod body;
mod request;
mod settings;
mod streams;
#[cfg(test)]
mod tests;
mod websocket;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection};
use h2::{Ping, PingPong, Reason};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

pub(super) use self::settings::Http2;
use self::streams::Ended;
use super::serve::{Common, HEAD_BYTES_MAX, left};
use super::stream::Stream;

/// How many requests of one HTTP/2 connection may be under way at a time, its WebSockets included.
/// One more is refused, and its client may try again later (RFC 9113 5.1.2).
pub const HTTP2_STREAMS_MAX: u32 = 100;

/// How many bytes a client may send on one stream before they are taken.
const STREAM_WINDOW_BYTES: u32 = 64 << 10;

/// How many bytes a client may send on all streams of a connection before they are taken: so many
/// streams that are not read leave room for the others.
const CONNECTION_WINDOW_BYTES: u32 = 16 * STREAM_WINDOW_BYTES;

/// The longest frame that is taken, which is the shortest that may be announced (RFC 9113 6.5.2).
const FRAME_BYTES_MAX: u32 = 16 << 10;

/// How much of one answer waits for the connection at a time.
const SENDING_BYTES_MAX: usize = 32 << 10;

/// How many requests may be cancelled before they were looked at (CVE-2023-44487).
const UNSEEN_CANCELS_MAX: usize = 20;

/// How many streams a client may make us reset by breaking the rules (CVE-2025-8671).
const FAULTS_MAX: usize = 100;

/// How many requests may be cancelled before they were answered, less those that were not. Then the
/// connection is closed with `ENHANCE_YOUR_CALM`: each such request has cost us its answer.
const CANCELS_MAX: usize = 1_000;

/// How long a connection may be without requests. It is told to go, then.
const IDLE_TIME: Duration = Duration::from_secs(60);

/// How often a connection is asked whether it is still there, and how long it may take to answer.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PONG_TIME: Duration = Duration::from_secs(20);

/// How long a client that was told to go may take.
const GOODBYE_TIME: Duration = Duration::from_secs(2);

/// One connection after its TLS handshake, until it closes. The first request must have come by
/// `deadline`.
pub(super) async fn connection(
    stream: Stream,
    common: Common,
    offered: Http2,
    deadline: Instant,
    mut leaving: watch::Receiver<bool>,
) {
    let address = common.addresses.remote;
    match converse(stream, common, offered, deadline, &mut leaving).await {
        Ok(()) => {}
        Err(Broken::Lost(error)) => {
            tracing::debug!(%address, %error, "a connection ended with an error");
        }
        Err(Broken::Silent) => {
            tracing::debug!(%address, "a client has gone without a word");
        }
        Err(Broken::Cancelling) => {
            tracing::debug!(%address, "a client has cancelled too many requests");
        }
    }
}

/// The same over anything that carries bytes.
async fn converse<T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
    common: Common,
    offered: Http2,
    deadline: Instant,
    leaving: &mut watch::Receiver<bool>,
) -> Result<(), Broken> {
    let handshake = builder(offered).handshake::<_, Bytes>(stream);
    let shaken = tokio::select! {
        shaken = timeout_at(deadline, handshake) => shaken,
        () = left(leaving) => return Ok(()),
    };
    let mut connection = match shaken {
        Ok(shaken) => shaken.map_err(Broken::Lost)?,
        // It has not even begun.
        Err(_) => return Ok(()),
    };
    let served = serve(&mut connection, Arc::new(common), deadline, leaving).await;
    if let Err(Broken::Cancelling) = served {
        connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        let goodbye = async { while let Some(Ok(_)) = connection.accept().await {} };
        // Whoever does not read it is not waited for.
        let _ = timeout(GOODBYE_TIME, goodbye).await;
    }
    served
}

fn builder(offered: Http2) -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        // It bounds CONTINUATION frames, too (CVE-2024-27316).
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_send_buffer_size(SENDING_BYTES_MAX)
        .max_pending_accept_reset_streams(UNSEEN_CANCELS_MAX)
        .max_local_error_reset_streams(Some(FAULTS_MAX));
    if offered.has_websockets {
        builder.enable_connect_protocol();
    }
    builder
}

/// Why a connection is given up.
#[derive(Debug)]
enum Broken {
    /// It was lost, or the client has broken the rules.
    Lost(h2::Error),
    /// The client does not answer pings.
    Silent,
    /// The client cancels what it asks for.
    Cancelling,
}

/// Takes requests until the connection is closed.
async fn serve<T: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<T, Bytes>,
    common: Arc<Common>,
    deadline: Instant,
    leaving: &mut watch::Receiver<bool>,
) -> Result<(), Broken> {
    let mut silence = std::pin::pin!(silence(connection.ping_pong()));
    let mut idle = std::pin::pin!(sleep_until(deadline));
    let mut streams: JoinSet<Ended> = JoinSet::new();
    let mut cancels = 0_usize;
    let (mut is_heard, mut is_going, mut is_leaving) = (false, false, false);
    loop {
        tokio::select! {
            biased;
            () = left(leaving), if !is_leaving => {
                connection.graceful_shutdown();
                (is_leaving, is_going) = (true, true);
            }
            Some(ended) = streams.join_next() => {
                cancels = match ended {
                    Ok(Ended::Cancelled) => cancels + 1,
                    _ => cancels.saturating_sub(1),
                };
                if cancels > CANCELS_MAX {
                    return Err(Broken::Cancelling);
                }
                if streams.is_empty() {
                    idle.as_mut().reset(Instant::now() + IDLE_TIME);
                }
            }
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    is_heard = true;
                    streams.spawn(streams::serve(Arc::clone(&common), request, respond));
                }
                Some(Err(error)) => return Err(Broken::Lost(error)),
                None => return Ok(()),
            },
            () = idle.as_mut(), if streams.is_empty() => {
                if is_going || !is_heard {
                    return Ok(());
                }
                connection.graceful_shutdown();
                is_going = true;
                idle.as_mut().reset(Instant::now() + GOODBYE_TIME);
            }
            () = silence.as_mut() => return Err(Broken::Silent),
        }
    }
}

/// Ends when the client does not answer.
async fn silence(pings: Option<PingPong>) {
    let Some(mut pings) = pings else {
        return pending().await;
    };
    loop {
        sleep(PING_INTERVAL).await;
        match timeout(PONG_TIME, pings.ping(Ping::opaque())).await {
            Ok(Ok(_)) => {}
            // The connection itself says how it was lost.
            Ok(Err(_)) => return pending().await,
            Err(_) => return,
        }
    }
}
