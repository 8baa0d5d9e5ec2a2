//! One request over HTTP/2 and its answer, or the WebSocket that it opens.

use std::future::poll_fn;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use hyper::body::Body as _;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::sync::Notify;

use super::super::serve::Common;
use super::body::{Received, send};
use super::request::normalise;
use super::websocket::carry;
use crate::driver::{PIPE_BYTES_MAX, Transport, pipe};
use crate::front::dispatch::{check_request, dispatch};
use crate::front::requests::Place;
use crate::front::upgrade::{HandOver, Upgrading};

/// Headers that are about a connection of HTTP/1.1 (RFC 9113 8.2.2).
const CONNECTION_HEADERS: [HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// How a stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// With its answer, or while that was sent.
    Answered,
    /// The client has cancelled it before there was an answer.
    Cancelled,
}

/// What a request leads to.
struct Answer {
    response: Response<Body>,
    /// What was asked for.
    path: Box<str>,
    /// There if it is a WebSocket, with the stream that its bytes come on.
    tunnel: Option<(Upgrading, RecvStream)>,
    /// It is for HEAD, whose answer has no body.
    is_for_head: bool,
    /// It carries something that lasts.
    is_lasting: bool,
    cut: Arc<Notify>,
}

/// Serves one stream.
pub(super) async fn serve(
    common: Arc<Common>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Ended {
    // Boxed, so that its memory does not stay with what may last for days.
    let answering = Box::pin(answer(&common, request));
    let answer = tokio::select! {
        biased;
        // An error means that the connection is lost.
        _ = poll_fn(|context| respond.poll_reset(context)) => return Ended::Cancelled,
        answer = answering => answer,
    };
    let (head, body) = answer.response.into_parts();
    let head = Response::from_parts(head, ());
    match answer.tunnel {
        Some((upgrading, received)) => {
            if let Ok(sending) = respond.send_response(head, false) {
                let _carried = common.place.carry();
                let address = common.addresses.remote;
                tracing::debug!(%address, path = &*answer.path, "a WebSocket over HTTP/2");
                drop(common);
                let (transport, end) = pipe(PIPE_BYTES_MAX);
                upgrading.attach(Transport::Pipe(transport), Vec::new());
                carry(end, sending, received, answer.cut).await;
            }
        }
        None => {
            let has_no_body = answer.is_for_head || body.is_end_stream();
            drop(common);
            if let Ok(mut sending) = respond.send_response(head, has_no_body)
                && !has_no_body
            {
                send(body, &mut sending, answer.is_lasting, &answer.cut).await;
            }
        }
    }
    Ended::Answered
}

async fn answer(common: &Common, request: Request<RecvStream>) -> Answer {
    let (mut parts, received) = request.into_parts();
    let is_for_head = parts.method == Method::HEAD;
    let path = parts.uri.path().into();
    let hand_over = HandOver::default();
    let place = common.place.for_one_request();
    let (body, mut tunnel) = match parts.method {
        Method::CONNECT => (Body::empty(), Some(received)),
        _ => (Body::new(Received(received)), None),
    };
    let mut response = match normalise(&mut parts) {
        Err(refused) => *refused,
        Ok(()) => {
            common.facts.tell(&mut parts.extensions);
            parts.extensions.insert::<Place>(place.clone());
            let request = Request::from_parts(parts, body);
            match check_request(&request) {
                Some(refused) => refused,
                None => {
                    let hand_over = Some((&hand_over, common.addresses));
                    let routes = common.routes.clone();
                    dispatch(&common.running, routes, request, hand_over).await
                }
            }
        }
    };
    complete(&mut response);
    let upgrading = hand_over.take();
    Answer {
        response,
        path,
        tunnel: upgrading.and_then(|upgrading| Some((upgrading, tunnel.take()?))),
        is_for_head,
        is_lasting: place.has_carried(),
        cut: Arc::clone(&hand_over.cut),
    }
}

/// Gives an answer the headers that HTTP/2 wants, and no others.
fn complete(response: &mut Response<Body>) {
    let length = response.body().size_hint().exact();
    let has_content = !response.body().is_end_stream();
    let headers = response.headers_mut();
    for name in &CONNECTION_HEADERS {
        headers.remove(name);
    }
    if let Some(length) = length.filter(|_| has_content) {
        let length = HeaderValue::from(length);
        headers.entry(header::CONTENT_LENGTH).or_insert(length);
    }
    if !headers.contains_key(header::DATE)
        && let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now())
        && let Ok(date) = HeaderValue::from_str(&date)
    {
        headers.insert(header::DATE, date);
    }
}
