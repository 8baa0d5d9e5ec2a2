//! What a publication costs among many subscriptions, and what those take: a table, and a picture
//! if a file is named.
//!
//! `cargo run --release -p campanile-hub --example index -- index.svg`

use std::fmt::Write;
use std::hint::black_box;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use campanile_hub::{
    Attributes, Content, Destination, Ending, Format, FormatId, Hub, Message, Moment, NewSession,
    OutboxPolicy, PathParameters, Pattern, Separator, Shard, Sink, Slot, Ticket, Timeouts, Written,
};

const SUBSCRIPTIONS: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const PER_SESSION: usize = 100;
/// Each destination has ten subscribers.
const PER_DESTINATION: usize = 10;
const PUBLICATIONS: u32 = 2_000;
const ROUNDS: usize = 200;

/// What is measured: one subscription, and a destination that only this one matches.
const PROBES: [(&str, &str, &str); 4] = [
    ("name", "/probe-1/a/b", "/probe-1/a/b"),
    ("*", "/probe-2/*/b", "/probe-2/a/b"),
    ("**", "/probe-3/**", "/probe-3/a/b"),
    ("a*", "/probe-4/a*/b", "/probe-4/a/b"),
];

/// The content as it is.
struct Plain;

impl Format for Plain {
    fn encode_content(&self, content: &Content) -> Bytes {
        content.bytes().clone()
    }

    fn close(&self, _: u16, _: &str) -> Option<Bytes> {
        None
    }
}

/// A transport that takes everything.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _: Slot, buffers: &[IoSlice<'_>]) -> Written {
        Written::Bytes(black_box(buffers).iter().map(|part| part.len()).sum())
    }

    fn end(&mut self, _: Slot, _: Ending) {}

    fn dropped(&mut self, _: Slot, _: u32) {}

    fn settled(&mut self, _: Ticket) {}
}

fn destination(text: &str) -> Destination {
    let pattern = Pattern::parse(text, Separator::Slash);
    Destination::matching(pattern.expect("a pattern"))
}

/// Seven of ten are names, the others have a wildcard.
fn one_of_many(number: usize) -> Destination {
    match number % 10 {
        7 => destination(&format!("/topic/{number}/*")),
        8 => destination(&format!("/topic/{number}/**")),
        9 => destination(&format!("/topic/*/{number}")),
        _ => Destination::named(format!("/topic/{number}")),
    }
}

/// What was measured with so many subscriptions.
struct Row {
    subscriptions: usize,
    bytes_each: f64,
    /// For each probe the nanoseconds and the places looked at.
    probes: Vec<(f64, usize)>,
}

fn open(shard: &mut Shard, format: FormatId) -> Slot {
    let address = "127.0.0.1:1".parse().expect("an address");
    let new = NewSession {
        endpoint: Destination::endpoint("/e"),
        format,
        outbox: OutboxPolicy::default(),
        timeouts: Timeouts::default(),
        principal: None,
        path_parameters: PathParameters::default(),
        uri: "/e".into(),
        protocol: None,
        extensions: None,
        transport: campanile_hub::TransportKind::default(),
        is_secure: false,
        remote_address: address,
        local_address: address,
        attributes: Attributes::default(),
    };
    let opened = shard.open(new, Moment::default()).finished();
    opened.expect("room for a session").0
}

/// Sessions with a hundred subscriptions each.
fn crowd(shard: &mut Shard, format: FormatId, subscriptions: usize) {
    let destinations = subscriptions / PER_DESTINATION;
    for session in 0..subscriptions / PER_SESSION {
        let slot = open(shard, format);
        for number in 0..PER_SESSION {
            let to = one_of_many((session * PER_SESSION + number) % destinations);
            let joined = shard.subscribe(slot, to, &format!("{number}"));
            joined.finished().expect("a new subscription");
        }
    }
}

fn measure(subscriptions: usize) -> Row {
    let (hub, mut shards) = Hub::new(vec![Arc::new(|| ())]).expect("a hub");
    let format = hub.register(Arc::new(Plain)).expect("room for a format");
    let shard = &mut shards[0];
    let prober = open(shard, format);
    let counted = allocation_counter::measure(|| crowd(shard, format, subscriptions));
    for (_, text, _) in PROBES {
        let joined = shard.subscribe(prober, destination(text), "probe");
        joined.finished().expect("a new subscription");
    }
    let mut probe = |(_, _, name): &(&str, &str, &str)| {
        let to = Destination::named(*name);
        let (reached, places) = hub.reach(&to);
        assert_eq!(reached, 1);
        let rounds = (0..ROUNDS).map(|_| round(&hub, shard, &to));
        (rounds.fold(f64::INFINITY, f64::min), places)
    };
    Row {
        subscriptions,
        bytes_each: counted.bytes_current as f64 / subscriptions as f64,
        probes: PROBES.iter().map(&mut probe).collect(),
    }
}

/// Nanoseconds a publication, from publishing to the write.
fn round(hub: &Hub, shard: &mut Shard, to: &Destination) -> f64 {
    let began = Instant::now();
    for _ in 0..PUBLICATIONS {
        let message = Message::binary(Bytes::from_static(b"x"));
        let accepted = hub.publish(to.clone(), message).finished();
        accepted.expect("room in the inbox");
        // One at a time: a batch would share the look-up.
        let _ = shard.pump(&mut Nowhere, Moment::default());
    }
    began.elapsed().as_nanos() as f64 / f64::from(PUBLICATIONS)
}

fn main() -> std::io::Result<()> {
    println!("one publication to one subscriber, from publishing to the write, among others:");
    println!("the fastest of {ROUNDS} rounds of {PUBLICATIONS} publications\n");
    print!("{:>13}  {:>20}", "subscriptions", "bytes a subscription");
    PROBES
        .iter()
        .for_each(|(kind, ..)| print!("  {kind:>6} ns places"));
    println!();
    let mut rows = Vec::new();
    for subscriptions in SUBSCRIPTIONS {
        let row = measure(subscriptions);
        print!("{subscriptions:>13}  {:>20.0}", row.bytes_each);
        row.probes
            .iter()
            .for_each(|(nanoseconds, places)| print!("  {nanoseconds:>9.0} {places:>6}"));
        println!();
        rows.push(row);
    }
    match std::env::args().nth(1) {
        Some(file) => std::fs::write(file, picture(&rows)),
        None => Ok(()),
    }
}

/// Colours that can be told apart by those who do not see red and green as others do.
const STYLE: &str = "svg{color:#1f2328;background:#fff;font:13px system-ui,sans-serif}\
    text{fill:currentColor}.title{font-weight:600}.quiet{opacity:.65;font-size:12px}\
    .grid{stroke:currentColor;stroke-opacity:.14}path.line{fill:none;stroke-width:2}\
    .s0{stroke:#0969da}.s1{stroke:#bc4c00}.s2{stroke:#6e7781}.s3{stroke:#8250df}\
    @media (prefers-color-scheme:dark){svg{color:#e6edf3;background:#0d1117}\
    .s0{stroke:#58a6ff}.s1{stroke:#f0883e}.s2{stroke:#9ea7b3}.s3{stroke:#d2a8ff}}";

/// Two diagrams over the number of subscriptions: time and memory.
fn picture(rows: &[Row]) -> String {
    let times = PROBES.iter().enumerate().map(|(probe, (kind, ..))| {
        let values = rows.iter().map(|row| row.probes[probe].0);
        (*kind, values.collect::<Vec<f64>>())
    });
    let memory = vec![("", rows.iter().map(|row| row.bytes_each).collect())];
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 560\" width=\"720\" \
         height=\"560\" role=\"img\">\n<title>A publication among up to a million subscriptions\
         </title>\n<style>{STYLE}</style>\n"
    );
    diagram(
        &mut out,
        0.0,
        "nanoseconds a publication to one subscriber",
        rows,
        &times.collect::<Vec<_>>(),
    );
    diagram(&mut out, 280.0, "bytes a subscription", rows, &memory);
    out + "</svg>\n"
}

fn diagram(out: &mut String, top: f64, title: &str, rows: &[Row], lines: &[(&str, Vec<f64>)]) {
    let (left, right, upper, lower) = (64.0, 570.0, top + 48.0, top + 236.0);
    let values = lines.iter().flat_map(|(_, values)| values);
    let highest = values.fold(1.0, |one: f64, next| one.max(*next));
    let magnitude = 10_f64.powf((highest / 4.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|one| one * magnitude);
    let step = steps.into_iter().find(|step| highest / step <= 4.0);
    let step = step.unwrap_or(highest);
    let ticks = (highest / step).ceil();
    let y = |value: f64| lower - (lower - upper) * value / (step * ticks);
    let x = |row: usize| left + (right - left) * row as f64 / (rows.len() - 1) as f64;
    let _ = writeln!(
        out,
        "<text class=\"title\" x=\"16\" y=\"{}\">{title}</text>",
        top + 26.0
    );
    for tick in 0..=ticks as u32 {
        let value = step * f64::from(tick);
        let _ = writeln!(
            out,
            "<path class=\"grid\" d=\"M{left} {:.1}H{right}\"/>\
             <text class=\"quiet\" x=\"56\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            y(value),
            y(value) + 4.0
        );
    }
    for (place, row) in rows.iter().enumerate() {
        let _ = writeln!(
            out,
            "<text class=\"quiet\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x(place),
            lower + 20.0,
            row.subscriptions
        );
    }
    let mut label_at: Vec<f64> = Vec::new();
    for (number, (name, values)) in lines.iter().enumerate() {
        let points = values.iter().enumerate();
        let points = points.map(|(place, value)| format!("{:.1} {:.1}", x(place), y(*value)));
        let path = points.collect::<Vec<_>>().join("L");
        let last = values.last().copied().unwrap_or_default();
        let mut at = y(last) + 4.0;
        while label_at.iter().any(|other| (other - at).abs() < 15.0) {
            at -= 15.0;
        }
        label_at.push(at);
        let _ = writeln!(
            out,
            "<path class=\"line s{number}\" d=\"M{path}\"/>\
             <text x=\"{}\" y=\"{at:.1}\">{name} {last:.0}</text>",
            right + 8.0
        );
    }
}
