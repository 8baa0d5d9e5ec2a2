//! Requests that bring messages of the client.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use campanile_sockjs::{Transport, decode_messages, form_payload};
use http::{HeaderMap, Response, StatusCode, header};
use tokio::time::timeout;

use super::headers::{answer, set};
use super::session::HttpSession;
use crate::problem::problem;

/// How long the body of a request may be in bytes, whatever the endpoint's messages may be: it is
/// held as a whole.
pub const SOCKJS_BODY_BYTES_MAX: usize = 1 << 20;

/// How long a body may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request waits until its messages can be taken. Beyond it the answer is 503.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// How many requests of one session may send, or wait for their turn to, at a time. Beyond it the
/// answer is 503.
const SENDERS_MAX: usize = 16;

const TEXT: &str = "text/plain; charset=UTF-8";

/// How many times the length of a message a body may have. Clients put all messages that wait into
/// one request; JSON escapes them, and a form makes three bytes of one.
const MESSAGES_PER_BODY: usize = 4;

/// How long the body of a request may be at an endpoint whose messages may have so many bytes, and
/// the array of messages in it.
pub(crate) fn body_bytes_max(message_bytes_max: usize) -> usize {
    message_bytes_max
        .saturating_mul(MESSAGES_PER_BODY)
        .min(SOCKJS_BODY_BYTES_MAX)
}

/// Hands the messages of a request over to their session.
pub(super) async fn send(
    session: &Arc<HttpSession>,
    transport: Transport,
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Response<Body> {
    let Some(_sender) = session.begin_sending(SENDERS_MAX) else {
        return busy();
    };
    let body = match timeout(BODY_TIMEOUT, read(body, bytes_max)).await {
        Ok(Ok(body)) => body,
        Ok(Err(status)) => return unread(status, bytes_max),
        Err(_) => return unread(StatusCode::REQUEST_TIMEOUT, bytes_max),
    };
    let payload = match transport {
        Transport::JsonpSend => {
            let kind = headers.get(header::CONTENT_TYPE);
            form_payload(kind.and_then(|kind| kind.to_str().ok()), &body)
        }
        _ => body.as_slice().into(),
    };
    if let Err(error) = decode_messages(&payload) {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        return answer(status, TEXT, Body::from(error.to_string()));
    }
    let line = line_of(&payload);
    match timeout(SEND_TIMEOUT, hand_over(session, &line)).await {
        Ok(true) => accepted(transport),
        Ok(false) => super::no_session(),
        Err(_) => busy(),
    }
}

/// A payload as one line: within valid JSON, line ends are nothing but white space.
fn line_of(payload: &[u8]) -> Vec<u8> {
    let is_line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let bytes = payload.iter();
    let mut line = Vec::with_capacity(payload.len() + 1);
    line.extend(bytes.map(|byte| if is_line_end(byte) { b' ' } else { *byte }));
    line.push(b'\n');
    line
}

/// Waits until there is room for a line, and then until its messages have been looked at and what
/// they were answered at once is there for the next request that receives. False if the session has
/// ended.
async fn hand_over(session: &HttpSession, line: &[u8]) -> bool {
    let _turn = session.sending.lock().await;
    let given = poll_fn(|context| {
        let given = session.with_pipe(|pipe| pipe.poll_give_whole(line, context));
        given.unwrap_or(std::task::Poll::Ready(false))
    });
    if !given.await {
        return false;
    }
    // From here on the messages are the session's, whatever becomes of the request.
    let seen = async {
        let read = poll_fn(|context| {
            let read = session.with_pipe(|pipe| pipe.poll_read_by_shard(context));
            read.unwrap_or(std::task::Poll::Ready(false))
        });
        if read.await
            && let Some(written) = session.with_pipe(crate::driver::PipeEnd::written)
        {
            // An error means that the session has ended meanwhile.
            let _ = written.await;
        }
    };
    let _ = timeout(SEND_TIMEOUT / 2, seen).await;
    true
}

/// Reads a body that must not be longer than this.
async fn read(mut body: Body, bytes_max: usize) -> Result<Vec<u8>, StatusCode> {
    let announced = body.size_hint().lower();
    if usize::try_from(announced).unwrap_or(usize::MAX) > bytes_max {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let mut read = Vec::new();
    loop {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let Some(frame) = frame else {
            return Ok(read);
        };
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if read.len() + data.len() > bytes_max {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        read.extend_from_slice(data);
    }
}

/// A body that was not read to its end: nothing can follow it on this connection.
fn unread(status: StatusCode, bytes_max: usize) -> Response<Body> {
    let detail = match status {
        StatusCode::PAYLOAD_TOO_LARGE => format!(
            "the request has more than {bytes_max} bytes; send fewer or shorter messages at once"
        ),
        StatusCode::REQUEST_TIMEOUT => "the request's body took too long; send it again".to_owned(),
        _ => "the request's body broke off".to_owned(),
    };
    let mut response = problem(status, &detail);
    set(&mut response, header::CONNECTION, "close");
    response
}

fn busy() -> Response<Body> {
    let detail = "the session's messages are not dealt with as fast as they come; send them again";
    problem(StatusCode::SERVICE_UNAVAILABLE, detail)
}

fn accepted(transport: Transport) -> Response<Body> {
    let (status, body) = transport.acceptance().unwrap_or((204, ""));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::NO_CONTENT);
    answer(status, transport.content_type(), Body::from(body))
}
