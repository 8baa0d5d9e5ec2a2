//! `campanile listen DESTINATION`: what is published there, on standard output.

use std::io::{ErrorKind, Write, stdout};
use std::process::ExitCode;

use campanile_client::stomp::{Event, Events, Missed, StompClient, StompError, StompMessage};
use tokio::signal::unix::{SignalKind, signal};

use crate::publish::{builder, refused, url};
use crate::stomp_options::ListenOptions;

/// What destinations begin with, as long as nothing is configured.
const PREFIXES: [&str; 4] = ["/topic/", "/queue/", "/user/", "/app/"];

/// How listening has ended.
enum End {
    /// There were as many messages as were asked for, or somebody has pressed ^C.
    Wanted,
    /// Nobody reads what is printed.
    NoReader,
    /// The operating system does not tell of ^C.
    Unwatched,
}

/// Whether this is a destination and no endpoint.
pub(crate) fn is_destination(what: &str) -> bool {
    PREFIXES.iter().any(|prefix| what.starts_with(prefix))
}

/// Prints what is published, over losses of the connection, too. Status 1 when the server refuses,
/// or could not be reached at all.
pub(crate) async fn listen_to(options: ListenOptions) -> ExitCode {
    match print_all(&options).await {
        Ok(End::Wanted | End::NoReader) => ExitCode::SUCCESS,
        Ok(End::Unwatched) => {
            eprintln!("campanile: signals cannot be watched");
            ExitCode::FAILURE
        }
        Err(error) => refused(&options.stomp, &error),
    }
}

async fn print_all(options: &ListenOptions) -> Result<End, StompError> {
    let client = builder(&options.stomp).connect().await?;
    let mut events = client.events();
    let mut subscribing = client.subscribe(&options.what);
    if let Some(selector) = &options.selector {
        subscribing = subscribing.selector(selector);
    }
    if let Some(cursor) = options.after {
        subscribing = subscribing.after(cursor);
    }
    let mut subscription = subscribing.await?;
    // Until here, ^C ends the program without ceremony.
    let Ok(mut interrupt) = signal(SignalKind::interrupt()) else {
        return Ok(End::Unwatched);
    };
    eprintln!(
        "campanile: listening to {} at {}; stop with ^C",
        options.what,
        url(&options.stomp)
    );
    if let (Some(cursor), Some(false)) = (options.after, subscription.recovered()) {
        eprintln!("campanile: the server does not have all that came after {cursor} any more");
    }
    let mut rest = options.count.unwrap_or(u64::MAX);
    let end = loop {
        tokio::select! {
            message = subscription.next() => match message? {
                Some(message) => {
                    if !print(&message, options.json) {
                        break End::NoReader;
                    }
                    rest -= 1;
                    if rest == 0 {
                        break End::Wanted;
                    }
                }
                None => break End::Wanted,
            },
            () = tell(&mut events) => {}
            _ = interrupt.recv() => break End::Wanted,
        }
    };
    if let Some(cursor) = subscription.cursor() {
        eprintln!("campanile: to go on from here, add --after {cursor}");
    }
    leave(&client).await;
    Ok(end)
}

/// Says goodbye. How well that goes changes nothing.
async fn leave(client: &StompClient) {
    let _ = client.disconnect().await;
}

/// Waits for the next event of the connection that a person wants to know, and tells it.
async fn tell(events: &mut Events) {
    match events.next().await {
        Some(Event::Lost(error)) => eprintln!("campanile: {error}"),
        Some(Event::Reconnecting { attempt, delay }) => eprintln!(
            "campanile: connecting again in {:.1} s (attempt {attempt})",
            delay.as_secs_f64()
        ),
        Some(Event::Connected(_)) => eprintln!("campanile: connected again"),
        Some(Event::Recovered {
            recovered: true, ..
        }) => eprintln!("campanile: nothing was missed"),
        Some(_) => {}
        None => std::future::pending().await,
    }
}

/// Whether somebody may still read it.
fn print(message: &StompMessage, as_json: bool) -> bool {
    match message.missed() {
        Missed::Nothing => {}
        Missed::Dropped(count) => eprintln!("campanile: {count} messages are missing here"),
        Missed::Unknown => eprintln!("campanile: messages may be missing here"),
    }
    let line = if as_json {
        json(message)
    } else {
        match message.text() {
            Some(text) => text.to_owned(),
            None => format!("({} bytes of binary)", message.body().len()),
        }
    };
    let mut out = stdout();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    !matches!(written, Err(error) if error.kind() == ErrorKind::BrokenPipe)
}

/// One line: what the HTTP API's messages look like, too.
fn json(message: &StompMessage) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};

    // Of headers with the same name, the first one counts.
    let mut headers = serde_json::Map::new();
    for (name, value) in message.headers() {
        headers
            .entry(name)
            .or_insert_with(|| serde_json::Value::from(value));
    }
    let mut object = serde_json::json!({
        "id": message.id(),
        "destination": message.destination(),
        "contentType": message.content_type(),
        "headers": headers,
    });
    match message.text() {
        Some(text) => object["data"] = text.into(),
        None => object["dataBase64"] = STANDARD.encode(message.body()).into(),
    }
    object.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_known_by_their_beginning() {
        for destination in ["/topic/a", "/queue/a", "/user/queue/a", "/app/hello"] {
            assert!(is_destination(destination), "{destination}");
        }
        for endpoint in ["/chat", "/ws/me", "ws://h/topic/a", "/topics/a", "topic/a"] {
            assert!(!is_destination(endpoint), "{endpoint}");
        }
    }
}
