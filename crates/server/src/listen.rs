//! `campanile listen`: what an endpoint sends, on standard output. What is published to a destination
//! is a matter of STOMP, and of `listen_to.rs`.

use std::process::ExitCode;

use campanile_client::{Client, ClientError, CloseCode, Message, Tls, TlsError};

use crate::listen_to::{self, is_destination};
use crate::options::BAD_USAGE;
use crate::publish::TRUST_ADVICE;
use crate::stomp_options::ListenOptions;

/// The server that a bare path is of.
const THIS_MACHINE: &str = "ws://127.0.0.1:8080";

/// Prints what arrives until the server closes. Status 1 when it could not connect or broke off.
pub(crate) async fn listen(options: ListenOptions) -> ExitCode {
    if is_destination(&options.what) || options.stomp.url.is_some() {
        return listen_to::listen_to(options).await;
    }
    if options.json || options.selector.is_some() || options.after.is_some() {
        eprintln!(
            "campanile: --json, --selector and --after are for destinations, and {} is an \
             endpoint; add --url with the URL where STOMP is spoken if it is meant to be a \
             destination",
            options.what
        );
        return ExitCode::from(BAD_USAGE);
    }
    let url = match options.what.as_str() {
        path if path.starts_with('/') => format!("{THIS_MACHINE}{path}"),
        url => url.to_owned(),
    };
    let mut tls = Tls::default();
    if options.stomp.insecure {
        tls = tls.danger_accept_any_certificate();
    }
    match print_all(&url, tls, options.count).await {
        Ok(()) => ExitCode::SUCCESS,
        // The library's advice is for programmers.
        Err(ClientError::Tls(TlsError::Untrusted { .. })) => {
            eprintln!(
                "campanile: {url}: the server's certificate is not trusted here, expired, or for \
                 another name. {TRUST_ADVICE}"
            );
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("campanile: {url}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Until the server closes, or so many messages have come.
async fn print_all(url: &str, tls: Tls, count: Option<u64>) -> Result<(), ClientError> {
    let mut client = Client::builder(url).tls(tls).connect().await?;
    eprintln!("campanile: listening to {url}; stop with ^C");
    let mut rest = count.unwrap_or(u64::MAX);
    while rest > 0
        && let Some(message) = client.next().await?
    {
        match message {
            Message::Text(text) => println!("{text}"),
            Message::Binary(bytes) => println!("({} bytes of binary)", bytes.len()),
            Message::Pong(_) => continue,
            Message::Close(frame) => {
                let why = frame.map_or_else(
                    || "without a code".to_owned(),
                    |frame| format!("{} {}", frame.code.get(), frame.reason),
                );
                eprintln!("campanile: the server has closed: {why}");
                continue;
            }
        }
        rest -= 1;
    }
    if rest == 0 {
        client.close(CloseCode::NORMAL, "").await?;
    }
    Ok(())
}
