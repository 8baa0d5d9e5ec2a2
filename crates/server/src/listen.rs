//! `campanile listen`: what an endpoint sends, on standard output.

use std::process::ExitCode;

use campanile_client::{Client, ClientError, Message, Tls, TlsError};

use crate::options::ListenOptions;

/// The server that a bare path is of.
const THIS_MACHINE: &str = "ws://127.0.0.1:8080";

/// Prints what arrives until the server closes. Status 1 when it could not connect or broke off.
pub(crate) async fn listen(options: &ListenOptions) -> ExitCode {
    let url = match options.endpoint.as_str() {
        path if path.starts_with('/') => format!("{THIS_MACHINE}{path}"),
        url => url.to_owned(),
    };
    let mut tls = Tls::default();
    if options.insecure {
        tls = tls.danger_accept_any_certificate();
    }
    match print_all(&url, tls).await {
        Ok(()) => ExitCode::SUCCESS,
        // The library's advice is for programmers.
        Err(ClientError::Tls(TlsError::Untrusted { .. })) => {
            eprintln!(
                "campanile: {url}: the server's certificate is not trusted here, expired, or for \
                 another name. Name its authority's PEM file in the variable SSL_CERT_FILE; or, if \
                 the server is your own and for development, add --insecure"
            );
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("campanile: {url}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn print_all(url: &str, tls: Tls) -> Result<(), ClientError> {
    let mut client = Client::builder(url).tls(tls).connect().await?;
    eprintln!("campanile: listening to {url}; stop with ^C");
    while let Some(message) = client.next().await? {
        match message {
            Message::Text(text) => println!("{text}"),
            Message::Binary(bytes) => println!("({} bytes of binary)", bytes.len()),
            Message::Pong(_) => {}
            Message::Close(frame) => {
                let why = frame.map_or_else(
                    || "without a code".to_owned(),
                    |frame| format!("{} {}", frame.code.get(), frame.reason),
                );
                eprintln!("campanile: the server has closed: {why}");
            }
        }
    }
    Ok(())
}
