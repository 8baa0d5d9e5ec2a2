//! How long frames take: `cargo run --release -p campanile-stomp --example timing`. Compare figures
//! of the same machine only.

use std::{hint::black_box, time::Instant};

use campanile_stomp::{
    ClientFrame, Command, Decoder, Limits, Role, Selector, Version, append_message_prefix, encode,
    encode_message_rest,
};

const ROUNDS: u32 = 1_000_000;
const HEADERS: [(&str, &str); 5] = [
    ("destination", "/topic/quotes/ACME"),
    ("message-id", "k3jz9-1234567"),
    ("content-type", "application/json"),
    ("priority", "4"),
    ("source", "exchange:nyse"),
];

fn time(name: &str, mut work: impl FnMut()) {
    for _ in 0..ROUNDS / 10 {
        work();
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        work();
    }
    let nanos = start.elapsed().as_nanos() / u128::from(ROUNDS);
    println!("{name:44} {nanos:6} ns");
}

fn main() {
    let limits = Limits::default();
    let body = [b'x'; 64];
    for version in Version::ALL {
        let input = encode(version, Command::Send, &HEADERS, &body);
        let mut decoder = Decoder::new(Role::Server);
        decoder.set_version(version);
        time(
            &format!("decode a SEND of {} bytes, {version}", input.len()),
            || {
                let decoded = decoder.decode(black_box(&input), &limits);
                black_box(decoded.is_ok());
            },
        );
        time(&format!("decode and read it, {version}"), || {
            let decoded = decoder.decode(black_box(&input), &limits);
            let frame = decoded.ok().and_then(|decoded| decoded.frame);
            black_box(frame.map(|frame| ClientFrame::read(&frame, version).is_ok()));
        });
        time(&format!("encode the rest of a MESSAGE, {version}"), || {
            black_box(encode_message_rest(version, black_box(&HEADERS), &body));
        });
    }
    let mut out = Vec::new();
    time("append the prefix of a MESSAGE", || {
        out.clear();
        append_message_prefix(Version::V12, Some(black_box("sub-0")), Some("17"), &mut out);
        black_box(&out);
    });
    let selector = Selector::parse("priority > 3 AND source LIKE 'exchange:%'");
    let header = |name: &str| {
        let found = HEADERS.iter().find(|header| header.0 == name);
        found.map(|header| header.1.into())
    };
    if let Ok(selector) = selector {
        time("evaluate a selector", || {
            black_box(selector.matches(black_box(header)));
        });
    }
}
