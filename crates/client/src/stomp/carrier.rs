//! What frames travel in: WebSocket messages, or TCP as it is.

use campanile_stomp::split_text;

use crate::{Client, ClientError, CloseFrame, Message, Opcode, pipe::Pipe};

/// An open connection.
#[derive(Debug)]
pub(super) enum Carrier {
    WebSocket {
        client: Box<Client>,
        /// Frames that are longer are sent as several messages (S177).
        message_bytes_max: usize,
    },
    Tcp(Box<Pipe>),
}

/// What one read has come to.
#[derive(Debug)]
pub(super) enum Read {
    /// Something was added to the input, or the server has given another sign of life.
    Some,
    /// The server has ended the connection.
    End(Option<CloseFrame>),
}

impl Carrier {
    /// Adds a frame, or a heart-beat, to what is unsent.
    pub(super) fn append(&mut self, frame: &[u8]) -> Result<(), ClientError> {
        let (client, message_bytes_max) = match self {
            Self::Tcp(pipe) => {
                pipe.outgoing.append_octets(frame);
                return Ok(());
            }
            Self::WebSocket {
                client,
                message_bytes_max,
            } => (client, (*message_bytes_max).max(1)),
        };
        // A text message must be UTF-8 (RFC 6455 5.6); all else can only be binary.
        match str::from_utf8(frame) {
            Ok(text) => {
                for part in split_text(text, message_bytes_max) {
                    client.append_message(Opcode::Text, part.as_bytes())?;
                }
            }
            Err(_) => {
                for part in frame.chunks(message_bytes_max) {
                    client.append_message(Opcode::Binary, part)?;
                }
            }
        }
        Ok(())
    }

    /// Whether so much is unsent that nothing should be added.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::WebSocket { client, .. } => client.is_full(),
            Self::Tcp(pipe) => pipe.outgoing.is_full(),
        }
    }

    /// Sends what is unsent. May be cancelled.
    pub(super) async fn flush(&mut self) -> Result<(), ClientError> {
        match self {
            Self::WebSocket { client, .. } => client.flush().await,
            Self::Tcp(pipe) => Ok(pipe.flush().await?),
        }
    }

    /// Reads once, and sends what is unsent meanwhile. May be cancelled.
    pub(super) async fn read(&mut self, input: &mut Vec<u8>) -> Result<Read, ClientError> {
        match self {
            Self::WebSocket { client, .. } => match client.next().await? {
                Some(Message::Text(text)) => input.extend_from_slice(text.as_bytes()),
                Some(Message::Binary(data)) => input.extend_from_slice(&data),
                Some(Message::Pong(_)) => {}
                Some(Message::Close(frame)) => return Ok(Read::End(frame)),
                None => return Ok(Read::End(None)),
            },
            Self::Tcp(pipe) => {
                if pipe.fill().await? == 0 {
                    return Ok(Read::End(None));
                }
                input.extend_from_slice(pipe.incoming.rest());
                pipe.incoming.discard();
            }
        }
        Ok(Read::Some)
    }

    /// Ends the connection: WebSocket's closing handshake, for the time that the builder has set,
    /// or the end of TCP.
    pub(super) async fn close(&mut self) {
        match self {
            // Nothing is left to be said by either side, so that a failure changes nothing.
            Self::WebSocket { client, .. } => {
                let _ = client.close(crate::CloseCode::NORMAL, "").await;
            }
            Self::Tcp(pipe) => {
                let _ = pipe.flush_without_waiting().await;
                pipe.shut_down_without_waiting().await;
            }
        }
    }
}
