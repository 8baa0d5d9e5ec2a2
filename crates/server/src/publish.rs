//! `campanile publish`: one message to a destination, over STOMP.

use std::io::{Read, stdin};
use std::process::ExitCode;

use campanile_client::stomp::{Limits, Reconnect, StompBuilder, StompClient, StompError};
use campanile_client::{ClientError, Tls, TlsError};

use crate::options::BAD_USAGE;
use crate::stomp_options::{PublishOptions, StompOptions};

/// Where STOMP is spoken unless something else is said.
const URL: &str = "ws://127.0.0.1:8080/stomp";

/// What to do where a server's certificate is not trusted.
pub(crate) const TRUST_ADVICE: &str = "Name its authority's PEM file in the variable SSL_CERT_FILE; \
     or, if the server is your own and for development, add --insecure";

/// What is read from standard input at most.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Publishes, and waits for the server's receipt. Status 1 when the server refuses or cannot be
/// reached.
pub(crate) async fn publish(options: PublishOptions) -> ExitCode {
    let body = match options.body.as_str() {
        "-" => match read_body() {
            Ok(body) => body,
            Err(message) => {
                eprintln!("campanile: {message}");
                return ExitCode::from(BAD_USAGE);
            }
        },
        body => body.as_bytes().to_vec(),
    };
    match send(&options, &body).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refused(&options.stomp, &error),
    }
}

async fn send(options: &PublishOptions, body: &[u8]) -> Result<(), StompError> {
    // A loss in the middle is told: whether the message was accepted, nobody knows then.
    let builder = builder(&options.stomp).reconnect(Reconnect::never());
    let client = builder.connect().await?;
    let mut sending = client.send(&options.destination, body).receipt();
    if let Some(content_type) = &options.content_type {
        sending = sending.content_type(content_type);
    }
    for (name, value) in &options.header {
        sending = sending.header(name, value);
    }
    sending.await?;
    // The message is published; how well the connection ends changes nothing about it.
    let _ = client.disconnect().await;
    Ok(())
}

fn read_body() -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    let mut input = stdin().lock().take(BODY_BYTES_MAX as u64 + 1);
    // Nothing else is to be done meanwhile.
    let read = input.read_to_end(&mut body);
    read.map_err(|error| format!("standard input cannot be read: {error}"))?;
    if body.len() > BODY_BYTES_MAX {
        return Err(format!(
            "standard input has more than {BODY_BYTES_MAX} bytes; publish less at once"
        ));
    }
    Ok(body)
}

/// A client as the options describe it.
pub(crate) fn builder(options: &StompOptions) -> StompBuilder {
    let mut builder = StompClient::builder(url(options)).limits(limits());
    if let (Some(login), Some(passcode)) = (&options.login, &options.passcode) {
        builder = builder.login(login, &passcode.0);
    }
    if options.insecure {
        builder = builder.tls(Tls::default().danger_accept_any_certificate());
    }
    builder
}

/// Messages as large as anything that can be published from here.
fn limits() -> Limits {
    let usual = Limits::default();
    Limits {
        body_bytes_max: BODY_BYTES_MAX,
        frame_bytes_max: BODY_BYTES_MAX + usual.head_bytes_max + 1,
        ..usual
    }
}

/// The URL that the options mean.
pub(crate) fn url(options: &StompOptions) -> &str {
    options.url.as_deref().unwrap_or(URL)
}

/// Says what went wrong and what to do, and with which status to end.
pub(crate) fn refused(options: &StompOptions, error: &StompError) -> ExitCode {
    let url = url(options);
    let mut code = ExitCode::FAILURE;
    let remedy = match error {
        StompError::Refused(_) => {
            "The server decides what may be done; see its configuration, or who you say you are \
             (--login)"
        }
        StompError::Open(source) => match &**source {
            ClientError::Url { .. } => {
                code = ExitCode::from(BAD_USAGE);
                "Give the whole URL: --url ws://HOST:PORT/PATH"
            }
            // The library's advice is for programmers.
            ClientError::Tls(TlsError::Untrusted { .. }) => TRUST_ADVICE,
            ClientError::Connect { .. } => "Start the server, or say where it is with --url",
            _ => "See whether STOMP is spoken there, or say where it is with --url",
        },
        _ => "Nobody knows whether what was under way has arrived; try again",
    };
    eprintln!("campanile: {url}: {error}\n{remedy}.");
    code
}
