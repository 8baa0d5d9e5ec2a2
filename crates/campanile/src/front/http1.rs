//! One connection in HTTP/1.1.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use http::StatusCode;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::dispatch::{check_request, closing, dispatch};
use super::head_guard::{HeadGuard, can_go_on};
use super::serve::{
    CUT_TIME, Common, Exchange, HANDSHAKE_TIMEOUT, HEAD_BYTES_MAX, HEADERS_MAX, left,
};
use super::stream::Stream;
use super::upgrade::HandOver;

/// Waits until the deadline, if there is one, has passed without a request; for ever when there was
/// one.
async fn unheard(first_by: Option<Instant>, heard: &AtomicBool) {
    if let Some(deadline) = first_by {
        // In a box, since most connections have no such deadline and would keep room for it.
        Box::pin(tokio::time::sleep_until(deadline)).await;
        if !heard.load(Ordering::Relaxed) {
            return;
        }
    }
    std::future::pending::<()>().await;
}

/// Serves a connection until it closes, or its socket goes to a shard. After a TLS handshake the
/// first request must be there by a deadline; otherwise the parser's own is enough.
pub(super) fn connection(
    stream: Stream,
    common: Common,
    first_by: Option<Instant>,
    mut leaving: watch::Receiver<bool>,
) -> Exchange {
    let Common {
        running,
        routes,
        facts,
        addresses,
        place,
    } = common;
    let heard = Arc::new(AtomicBool::new(false));
    let hand_over = Arc::new(HandOver::default());
    let handed = Arc::clone(&hand_over);
    let is_heard = Arc::clone(&heard);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        is_heard.store(true, Ordering::Relaxed);
        facts.tell(request.extensions_mut());
        request.extensions_mut().insert(place.clone());
        let (running, hand_over) = (Arc::clone(&running), Arc::clone(&hand_over));
        let routes = routes.clone();
        // What is only needed for a moment is in boxes: a connection whose answer goes on for long
        // would keep room for it.
        Box::pin(async move {
            if let Some(refused) = check_request(&request) {
                return Ok::<_, Infallible>(refused);
            }
            // Behind these the guard looks at nothing any more.
            let is_last = !can_go_on(request.headers());
            let request = request.map(Body::new);
            let hand_over = Some((&*hand_over, addresses));
            let mut response = dispatch(&running, routes, request, hand_over).await;
            if is_last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                response.headers_mut().extend(closing());
            }
            Ok(response)
        })
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(HeadGuard::new(stream)), service)
        .with_upgrades();
    let mut serving = Box::pin(serving);
    Box::pin(async move {
        let served = tokio::select! {
            served = serving.as_mut() => served,
            () = unheard(first_by, &heard) => return,
            () = handed.cut.notified() => {
                // What is left may say why; whoever takes nothing does not read that either.
                match Box::pin(timeout(CUT_TIME, serving.as_mut())).await {
                    Ok(served) => served,
                    Err(_) => return,
                }
            }
            () = left(&mut leaving) => {
                serving.as_mut().graceful_shutdown();
                serving.as_mut().await
            }
        };
        drop(serving);
        if let Err(error) = served {
            tracing::debug!(address = %addresses.remote, %error, "a connection ended with an error");
        }
        if let Some(upgrading) = handed.take() {
            Box::pin(upgrading.finish()).await;
        }
    })
}
