//! `/ws/{sid}`: the time, pushed every five seconds to all who are there.

use campanile::{Accepted, Builder, Endpoint, Handle, OriginPolicy, Path, Refusal, Text};

const PATH: &str = "/ws/{sid}";

pub(super) fn mount(builder: Builder) -> Builder {
    let endpoint = Endpoint::new()
        .origins(OriginPolicy::Any)
        .on_open(opened)
        .on_text(received)
        .on_close(closed);
    builder
        .endpoint(PATH, endpoint)
        .schedule("0/5 * * * * ?", tell_the_time)
}

async fn opened(Path(sid): Path<String>) {
    tracing::info!(sid, "a client has connected");
}

async fn received(Path(sid): Path<String>, Text(text): Text) {
    tracing::info!(sid, text, "a message from a client");
}

async fn closed(Path(sid): Path<String>) {
    tracing::info!(sid, "a client has disconnected");
}

async fn tell_the_time(handle: Handle) -> Result<Accepted, Refusal> {
    let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
    handle.broadcast(PATH, format!("这是来自服务端的消息：{time}"))
}
