//! Which way a request without an upgrade wants to be answered (RFC 9110 12.5.1).

use http::HeaderMap;
use http::header::ACCEPT;

/// How a request is answered that does not ask for an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Server-sent events.
    EventStream,
    /// One JSON object a line.
    JsonLines,
    /// One JSON object, once there is something.
    Json,
}

impl Kind {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::EventStream => "text/event-stream",
            Self::JsonLines => "application/x-ndjson",
            Self::Json => "application/json",
        }
    }

    const ALL: [Self; 3] = [Self::EventStream, Self::JsonLines, Self::Json];

    /// What is preferred among those that are wanted alike: JSON, unless a stream was named.
    fn rank(self, preference: &Preference) -> u8 {
        match (self, preference.closeness) {
            (Self::Json, 2) => 0,
            (Self::JsonLines, _) => 1,
            (Self::EventStream, _) => 2,
            (Self::Json, _) => 3,
        }
    }
}

/// How much a client wants one kind: the weight that it gives it in thousandths, and how closely it
/// has named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Preference {
    weight: u16,
    closeness: u8,
}

/// What the client likes best. Whoever names none of the kinds gets JSON.
pub(super) fn kind(headers: &HeaderMap) -> Kind {
    let values = headers.get_all(ACCEPT).iter();
    let ranges: Vec<(String, u16)> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(media_range)
        .collect();
    let wanted = Kind::ALL.into_iter().filter_map(|kind| {
        let preference = preference(kind, &ranges);
        (preference.weight > 0).then_some((preference, kind))
    });
    let best = wanted.max_by_key(|(preference, kind)| (*preference, kind.rank(preference)));
    best.map_or(Kind::Json, |(_, kind)| kind)
}

/// What the range says that names a kind most closely.
fn preference(kind: Kind, ranges: &[(String, u16)]) -> Preference {
    let own = kind.content_type();
    let family = own.split('/').next().unwrap_or_default();
    let closeness = |range: &str| match range.split_once('/') {
        _ if range == own => Some(2),
        Some((one, "*")) if one == family => Some(1),
        Some(("*", "*")) => Some(0),
        _ => None,
    };
    let named = ranges
        .iter()
        .filter_map(|(range, weight)| Some((closeness(range)?, *weight)));
    let closest = named.max();
    closest.map_or(
        Preference {
            weight: 0,
            closeness: 0,
        },
        |(closeness, weight)| Preference { weight, closeness },
    )
}

/// A range in lower case, and its weight in thousandths.
fn media_range(text: &str) -> (String, u16) {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let weight = weight.and_then(|text| text.parse::<f32>().ok());
    let weight = weight.map_or(1_000, |weight| (weight.clamp(0.0, 1.0) * 1_000.0) as u16);
    (range, weight)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(accept: &str) -> Kind {
        let value = HeaderValue::from_str(accept).expect("a header's value");
        kind(&HeaderMap::from_iter([(ACCEPT, value)]))
    }

    #[test]
    fn events_accept_chooses_the_way_of_the_answer() {
        assert_eq!(kind(&HeaderMap::new()), Kind::Json);
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/*",
            "text/html, */*;q=0.8",
            "text/html",
            "image/png;q=x",
            "text/event-stream;q=0",
            "text/event-stream;q=0.5, application/json",
            "text/event-stream;q=0, */*",
        ] {
            assert_eq!(of(accept), Kind::Json, "{accept}");
        }
        for accept in [
            "text/event-stream",
            "Text/Event-Stream",
            "text/event-stream, */*",
            "application/json, text/event-stream",
            "text/html, text/event-stream;q=0.9, */*;q=0.8",
            "text/event-stream; charset=utf-8",
            "text/*",
        ] {
            assert_eq!(of(accept), Kind::EventStream, "{accept}");
        }
        for accept in [
            "application/x-ndjson",
            "application/x-ndjson, */*",
            "text/event-stream;q=0.1, application/x-ndjson;q=0.2",
        ] {
            assert_eq!(of(accept), Kind::JsonLines, "{accept}");
        }
    }
}
