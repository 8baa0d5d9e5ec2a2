//! `/gs-guide-websocket`: a greeting over STOMP, as in the guide that many begin with, and `/stomp`:
//! topics and queues for whoever likes.

use std::time::Duration;

use campanile::{Broker, Builder, HistoryLimits, Json, OriginPolicy, SockJs, StompEndpoint};
use serde::{Deserialize, Serialize};

/// Where STOMP clients connect to, over WebSocket or SockJS.
const PATHS: [&str; 2] = ["/stomp", "/gs-guide-websocket"];

/// How long the guide pretends to think.
const THINKING: Duration = Duration::from_secs(1);

/// How many greetings of one session are thought about at the same time.
const AT_ONCE: u16 = 16;

#[derive(Deserialize)]
struct Hello {
    name: String,
}

#[derive(Serialize)]
struct Greeting {
    content: String,
}

/// What `/app/hello` is answered with, at `/topic/greetings`.
async fn greeting(Json(hello): Json<Hello>) -> Json<Greeting> {
    tokio::time::sleep(THINKING).await;
    let content = format!("Hello, {}!", escaped(&hello.name));
    Json(Greeting { content })
}

/// As Spring's `HtmlUtils.htmlEscape` writes it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

pub(super) fn mount(builder: Builder) -> Builder {
    // In development mode everything is allowed.
    let broker = Broker::new()
        .clients_may_send("/topic/**")
        .clients_may_send("/queue/**")
        .clients_may_send("/user/**")
        .history("/topic/**", HistoryLimits::default())
        .history("/user/**", HistoryLimits::default());
    let builder = PATHS.iter().fold(builder.broker(broker), |builder, path| {
        let endpoint = StompEndpoint::new()
            .origins(OriginPolicy::Any)
            .sockjs(SockJs::new().jsonp(true));
        builder.stomp(*path, endpoint)
    });
    builder
        .stomp_tcp(StompEndpoint::new())
        .message("/hello", greeting)
        .send_to("/topic/greetings")
        .concurrent(AT_ONCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_002_names_are_escaped_as_the_guide_does() {
        assert_eq!(
            escaped("<b>\"Ada\" & 'Bob'</b> 你"),
            "&lt;b&gt;&quot;Ada&quot; &amp; &#39;Bob&#39;&lt;/b&gt; 你"
        );
    }
}
