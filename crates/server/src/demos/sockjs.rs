//! The services that SockJS's own tests know by name: those of the protocol's (`/echo` is one of
//! them, too), and those of its client's.

use campanile::{
    Accepted, Builder, Close, CloseCode, Endpoint, Handle, OriginPolicy, Refusal, SockJs, Text,
};

use super::echo::STREAM_BYTES_MAX;

const TICKER: &str = "/ticker";

const BROADCAST: &str = "/broadcast";

/// The most that `/amplify` doubles one letter.
const DOUBLINGS_MAX: u32 = 19;

/// What SockJS's services close with.
const GO_AWAY: (u16, &str) = (3_000, "Go away!");

pub(super) fn mount(builder: Builder) -> Builder {
    let short = || options().stream_bytes_max(STREAM_BYTES_MAX);
    let echo = || Endpoint::new().on_text(async |Text(text): Text| text);
    builder
        .endpoint(
            "/disabled_websocket_echo",
            open_to_all(echo(), short().websocket(false)),
        )
        .endpoint(
            "/cookie_needed_echo",
            open_to_all(echo(), short().jsessionid(true)),
        )
        .endpoint("/close", open_to_all(closing(), short()))
        .endpoint(TICKER, open_to_all(silent(), options()))
        .schedule("* * * * * ?", tick)
        .endpoint(
            "/amplify",
            open_to_all(Endpoint::new().on_text(amplify), options()),
        )
        .endpoint(
            BROADCAST,
            open_to_all(Endpoint::new().on_text(broadcast), options()),
        )
}

fn options() -> SockJs {
    SockJs::new().jsonp(true)
}

fn open_to_all(endpoint: Endpoint, options: SockJs) -> Endpoint {
    endpoint.origins(OriginPolicy::Any).sockjs(options)
}

/// Closes each session at once.
fn closing() -> Endpoint {
    silent().on_open(async || {
        let (code, reason) = GO_AWAY;
        CloseCode::new(code).map(|code| Close::new(code, reason))
    })
}

/// Does nothing with what clients send.
fn silent() -> Endpoint {
    Endpoint::new().on_text(async |_: Text| ())
}

/// To everybody, once a second.
async fn tick(handle: Handle) -> Result<Accepted, Refusal> {
    handle.broadcast(TICKER, "tick!")
}

/// A letter, doubled as often as the message says.
async fn amplify(Text(text): Text) -> String {
    "x".repeat(1 << doublings(&text))
}

/// The number in a message; 1 if it is none from 0 to the most there may be.
fn doublings(text: &str) -> u32 {
    let told = text.trim().parse().ok();
    told.filter(|told| *told <= DOUBLINGS_MAX).unwrap_or(1)
}

/// What one says, all hear.
async fn broadcast(handle: Handle, Text(text): Text) -> Result<Accepted, Refusal> {
    handle.broadcast(BROADCAST, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_is_doubled() {
        for (text, expected) in [
            ("0", 0),
            ("7", 7),
            ("19", 19),
            ("20", 1),
            ("-1", 1),
            ("x", 1),
            ("", 1),
        ] {
            assert_eq!(doublings(text), expected, "{text}");
        }
    }
}
