//! Messages in parts, pongs and dropped publications, over whole connections.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use campanile::testing::TestMessage;
use campanile::{
    BinaryPart, Close, CloseCode, Dropped, Endpoint, OutboxPolicy, Overflow, Pong, TextPart,
};
use support::kit::{Notes, echo, only, start};

fn noted(notes: &Notes, note: String) {
    notes.lock().expect("not poisoned").push(note);
}

#[test]
fn s20_s193_parts_come_as_they_arrive_and_say_which_is_the_last() {
    let notes = Notes::default();
    let texts = Arc::clone(&notes);
    let bytes = Arc::clone(&notes);
    let endpoint = Endpoint::new()
        .on_text_part(move |TextPart { text, is_last }: TextPart| {
            noted(&texts, format!("{text:?} {is_last}"));
            async {}
        })
        .on_binary_part(
            move |BinaryPart {
                      bytes: part,
                      is_last,
                  }: BinaryPart| {
                noted(&bytes, format!("{} bytes {is_last}", part.len()));
                async {}
            },
        );
    let mut test = start(endpoint);
    let mut client = test.connect("/e");
    client.send_text_parts(&["one ", "two"]);
    client.send_text("whole");
    client.send_binary(&[1, 2, 3]);
    // A character that is cut in two is told when it is whole; the first part had nothing else.
    client.send_raw(&[0x01, 0x81, 0, 0, 0, 0, 0xe4]);
    client.send_raw(&[0x80, 0x82, 0, 0, 0, 0, 0xbd, 0xa0]);
    test.settle();
    let notes = notes.lock().expect("not poisoned").join(", ");
    assert!(
        notes.starts_with("\"one \" false, \"two\" true, \"whole\" true, 3 bytes true"),
        "{notes}"
    );
    assert!(notes.ends_with("\"你\" true"), "{notes}");
}

#[test]
fn s193_a_message_of_any_length_passes_through_in_parts() {
    let seen = Arc::new(Mutex::new((0_usize, 0_usize)));
    let sums = Arc::clone(&seen);
    let endpoint = Endpoint::new()
        .message_bytes_max(1 << 20)
        .fragments_max(1_000)
        .on_binary_part(move |BinaryPart { bytes, is_last }: BinaryPart| {
            let mut sums = sums.lock().expect("not poisoned");
            sums.0 += bytes.len();
            sums.1 += usize::from(is_last);
            async {}
        });
    let mut test = start(endpoint);
    let mut client = test.connect("/e");
    let part = vec![7; 100_000];
    let parts = vec![part.as_slice(); 50];
    client.send_binary_parts(&parts);
    test.settle();
    assert_eq!(*seen.lock().expect("not poisoned"), (5_000_000, 1));
    assert_eq!(client.next_message(), None);
}

#[test]
fn s193_whole_and_in_parts_exclude_each_other() {
    let endpoint = echo().on_text_part(async |_: TextPart| ());
    let built = campanile::Campanile::builder()
        .endpoint("/e", endpoint)
        .build();
    let error = built.expect_err("one of the two").to_string();
    assert!(
        error.contains("/e") && error.contains("on_text_part"),
        "{error}"
    );
}

#[test]
fn s197_parts_of_two_messages_and_control_frames_do_not_mix() {
    let notes = Notes::default();
    let (texts, pongs) = (Arc::clone(&notes), Arc::clone(&notes));
    let endpoint = Endpoint::new()
        .on_text_part(move |TextPart { text, .. }: TextPart| {
            let notes = Arc::clone(&texts);
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                noted(&notes, text);
            }
        })
        .on_pong(move |Pong(payload): Pong| {
            noted(&pongs, format!("pong {}", payload.len()));
            async {}
        });
    let mut test = start(endpoint);
    let mut client = test.connect("/e");
    client.send_raw(&[0x01, 0x81, 0, 0, 0, 0, b'a']);
    client.send_pong(b"!");
    client.send_raw(&[0x80, 0x81, 0, 0, 0, 0, b'b']);
    client.send_text("c");
    test.advance(Duration::from_secs(5));
    let notes = notes.lock().expect("not poisoned").join(" ");
    assert_eq!(notes, "a pong 1 b c");
}

#[test]
fn s203_a_pong_reaches_its_handler_with_the_pings_payload() {
    let endpoint = Endpoint::new()
        .on_open(async |session: campanile::Session| session.ping("42"))
        .on_pong(async |Pong(payload): Pong| format!("pong of {} bytes", payload.len()));
    let mut test = start(endpoint);
    let mut client = test.connect("/e");
    assert_eq!(
        client.next_message(),
        Some(TestMessage::Ping(b"42".to_vec()))
    );
    assert_eq!(client.next_text(), "pong of 2 bytes");
}

#[test]
fn s30_what_a_policy_drops_is_told_to_the_endpoint_in_numbers() {
    let lost = Arc::new(Mutex::new(0));
    let sum = Arc::clone(&lost);
    let policy = OutboxPolicy {
        bytes_max: 2_000,
        overflow: Overflow::DropOldest,
        ..OutboxPolicy::default()
    };
    let endpoint = echo()
        .outbox(policy)
        .on_dropped(move |Dropped(count): Dropped| {
            *sum.lock().expect("not poisoned") += count;
            async {}
        });
    let mut test = start(endpoint);
    let mut client = test.connect("/e");
    client.stop_reading(0);
    for number in 0..100 {
        test.handle()
            .broadcast("/e", format!("{number}"))
            .expect("room");
    }
    test.settle();
    let session = only(&mut test);
    client.go_on_reading();
    let received = client.received().len();
    let lost = *lost.lock().expect("not poisoned");
    assert_eq!(received + lost as usize, 100);
    assert_eq!(session.outbox().dropped, lost);
    assert!(lost > 50);
}

#[test]
fn s30_an_endpoint_may_close_whoever_has_lost_something() {
    let policy = OutboxPolicy {
        bytes_max: 500,
        overflow: Overflow::DropNewest,
        ..OutboxPolicy::default()
    };
    let endpoint = echo()
        .outbox(policy)
        .on_dropped(async |Dropped(_): Dropped| {
            Close::new(
                CloseCode::TRY_AGAIN_LATER,
                "gap: reconnect for a fresh state",
            )
        });
    let mut test = start(endpoint);
    let mut client = test.connect("/e");
    client.stop_reading(0);
    for _ in 0..10 {
        test.handle().broadcast("/e", "news").expect("room");
    }
    test.settle();
    client.go_on_reading();
    let last = client
        .received()
        .into_iter()
        .rev()
        .find(|one| *one != TestMessage::End);
    let reason = "gap: reconnect for a fresh state".to_owned();
    assert_eq!(last, Some(TestMessage::Close(1013, reason)));
}
