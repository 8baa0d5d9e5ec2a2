//! A WebSocket on a stream of HTTP/2 (RFC 8441): its bytes go through a pipe to the session's shard.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::GOODBYE_TIME;
use super::body::send_bytes;
use crate::driver::PipeEnd;

/// The stream was reset, or its connection is lost.
struct Lost;

/// Carries bytes both ways until the session has ended or the stream is lost. The end of the pipe is
/// dropped with this, which tells the session that its client is gone.
pub(super) async fn carry(
    end: PipeEnd,
    mut sending: SendStream<Bytes>,
    receiving: RecvStream,
    cut: Arc<Notify>,
) {
    end.cut_by(Arc::clone(&cut));
    let mut inward = std::pin::pin!(inward(&end, receiving));
    let mut outward = std::pin::pin!(outward(&end, &mut sending, &cut));
    let mut client_has_ended = false;
    loop {
        tokio::select! {
            ended = inward.as_mut(), if !client_has_ended => match ended {
                Ok(()) => client_has_ended = true,
                Err(Lost) => return,
            },
            sent = outward.as_mut() => match sent {
                Ok(()) => break,
                Err(Lost) => return,
            },
        }
    }
    if !client_has_ended {
        // Without this the stream would be reset before the client has said its last word.
        let _ = timeout(GOODBYE_TIME, inward).await;
    }
}

/// From the client to the shard, which says by its room how fast. What comes after the session's end
/// is thrown away.
async fn inward(end: &PipeEnd, mut receiving: RecvStream) -> Result<(), Lost> {
    while let Some(received) = receiving.data().await {
        let mut bytes = received.map_err(|_| Lost)?;
        let count = bytes.len();
        poll_fn(|context| end.poll_give(&mut bytes, context)).await;
        let released = receiving.flow_control().release_capacity(count);
        released.map_err(|_| Lost)?;
    }
    end.say_all();
    Ok(())
}

/// From the shard to the client, until the session has ended and all is sent.
async fn outward(end: &PipeEnd, sending: &mut SendStream<Bytes>, cut: &Notify) -> Result<(), Lost> {
    loop {
        let taken = tokio::select! {
            biased;
            // Nobody reads while the shard has no room, so it would not be noticed there.
            _ = poll_fn(|context| sending.poll_reset(context)) => return Err(Lost),
            taken = poll_fn(|context| end.poll_take(context)) => taken,
        };
        let Some(bytes) = taken else {
            return sending.send_data(Bytes::new(), true).map_err(|_| Lost);
        };
        // The outbox's policy decides about a session that lives; after it the client may read on
        // for as long as anybody lingers.
        let mut was_over = false;
        let goes_on = |_| !std::mem::replace(&mut was_over, end.is_over());
        if send_bytes(sending, bytes, cut, goes_on).await.is_err() {
            tracing::debug!("a client did not take the last that its session sent");
            sending.send_reset(Reason::CANCEL);
            return Err(Lost);
        }
    }
}
