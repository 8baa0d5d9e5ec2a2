//! What the hub knows a STOMP subscription by.
//!
//! A label says what is written before each MESSAGE: the client's id, escaped for its version
//! already, so that a delivery does not escape it again. A subscription of 1.0 may have no id; then
//! its destination tells it apart from others, and nothing is written.

use std::fmt::Display;

use campanile_stomp::{Version, append_message_prefix, unescape_header};

/// The id is escaped.
const WITH_ID: char = 'i';
/// The id is as it is, for 1.0, which knows no escapes.
const WITH_PLAIN_ID: char = 'p';
const WITHOUT_ID: char = 'd';
const WITH_ACK: char = 'a';

/// The label of a subscription with this id, or else to this destination.
pub(crate) fn label(version: Version, id: Option<&str>, destination: &str) -> String {
    match id {
        None => format!("{WITHOUT_ID}{destination}"),
        Some(id) => {
            let mut prefix = Vec::new();
            append_message_prefix(version, Some(id), None, &mut prefix);
            let prefix = String::from_utf8_lossy(&prefix);
            let kind = match version {
                Version::V10 => WITH_PLAIN_ID,
                Version::V11 | Version::V12 => WITH_ID,
            };
            format!(
                "{kind}{}",
                prefix.strip_prefix("MESSAGE\n").unwrap_or_default()
            )
        }
    }
}

/// The same for a subscription whose messages the client acknowledges by what `ack` says, which 1.2
/// alone does (STOMP 1.2, MESSAGE).
pub(crate) fn acknowledged(label: &str) -> String {
    match label.strip_prefix(WITH_ID) {
        Some(header) => format!("{WITH_ACK}{header}"),
        None => label.to_owned(),
    }
}

/// What a MESSAGE to this subscription begins with, behind its command.
pub(crate) fn header(label: &str) -> &str {
    label
        .strip_prefix([WITH_ID, WITH_PLAIN_ID, WITH_ACK])
        .unwrap_or_default()
}

/// The id that the client has given; `None` if it has given none.
pub(crate) fn id(label: &str) -> Option<String> {
    let id = header(label)
        .strip_prefix("subscription:")?
        .strip_suffix('\n')?;
    let version = match label.starts_with(WITH_PLAIN_ID) {
        true => Version::V10,
        // It has all escapes of 1.1 as well.
        false => Version::V12,
    };
    Some(unescape_header(version, id).into_owned())
}

/// Whether that header differs from message to message, since the client acknowledges them.
pub(crate) fn has_ack(label: &str) -> bool {
    label.starts_with(WITH_ACK)
}

/// The header that follows, if the client is to acknowledge the message: its id, and the
/// subscription's, so that no other message of the session has the same.
pub(crate) fn ack(label: &str, message_id: impl Display) -> Option<String> {
    let subscription = label
        .strip_prefix(WITH_ACK)?
        .strip_prefix("subscription:")?;
    Some(format!("ack:{message_id},{subscription}"))
}

/// What such a header says: the message's id and the subscription's. `None` for what we have not
/// written.
pub(crate) fn acknowledged_by(ack: &str) -> Option<(&str, &str)> {
    // Ids of messages have no commas.
    ack.split_once(',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s62_an_id_is_escaped_once_and_by_the_receivers_version() {
        let of = |version, id| header(&label(version, id, "/topic/a")).to_owned();
        assert_eq!(of(Version::V12, Some("a:1")), "subscription:a\\c1\n");
        assert_eq!(of(Version::V10, Some("a\n1")), "subscription:a 1\n");
        assert_eq!(of(Version::V10, None), "");
        for version in [Version::V11, Version::V12] {
            for text in ["a:1", "\\n", "\n:\\", "", "ü"] {
                assert_eq!(
                    id(&label(version, Some(text), "/topic/a")).as_deref(),
                    Some(text)
                );
            }
        }
        assert_eq!(
            id(&label(Version::V10, Some("a\\c1"), "")).as_deref(),
            Some("a\\c1")
        );
        assert_eq!(id(&label(Version::V10, None, "/topic/a")), None);
        assert_eq!(id(""), None);
        let labels = [
            label(Version::V10, None, "/topic/a"),
            label(Version::V10, Some("/topic/a"), "/topic/a"),
        ];
        assert_ne!(labels[0], labels[1]);
    }

    #[test]
    fn s71_a_subscription_with_acknowledgements_names_each_message() {
        let plain = label(Version::V12, Some("a:1"), "/topic/a");
        assert_eq!(ack(&plain, "e-7"), None);
        let label = acknowledged(&plain);
        assert_eq!(header(&label), header(&plain));
        assert_eq!(ack(&label, "e-7").as_deref(), Some("ack:e-7,a\\c1\n"));
        assert_eq!(acknowledged_by("e-7,a:1,2"), Some(("e-7", "a:1,2")));
        assert_eq!(acknowledged_by("e-7"), None);
        let without_id = super::label(Version::V10, None, "/topic/a");
        assert_eq!(acknowledged(&without_id), without_id);
    }
}
