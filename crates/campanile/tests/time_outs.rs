//! Sessions that are silent, idle or told to leave: in memory, in virtual time.

mod support;

use std::time::Duration;

use campanile::testing::TestMessage;
use campanile::{Endpoint, Session, Text, Timeouts};

use support::kit::{Notes, echo, noting, start};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn s211_time_passes_only_when_the_test_says_so() {
    let slow = Endpoint::new().on_text(async |Text(text): Text| {
        tokio::time::sleep(3600 * SECOND).await;
        text
    });
    let mut test = start(slow);
    let mut client = test.connect("/e");
    client.send_text("later");
    assert_eq!(client.next_message(), None);
    test.advance(3599 * SECOND);
    assert_eq!(client.next_message(), None);
    test.advance(SECOND);
    assert_eq!(client.next_text(), "later");
}

#[test]
fn s14_s199_an_idle_session_is_closed_and_the_application_sees_1006() {
    let notes = Notes::default();
    let mut test = start(noting(echo().idle_timeout(60 * SECOND), &notes));
    let mut client = test.connect("/e");
    test.advance(50 * SECOND);
    client.send_text("still here");
    assert_eq!(client.next_text(), "still here");
    test.advance(59 * SECOND);
    assert_eq!(client.next_message(), None);
    test.advance(2 * SECOND);
    let (code, reason) = client.next_close();
    assert!(
        code == 1001 && reason.starts_with("idle: "),
        "{code} {reason}"
    );
    test.settle();
    // S204: what was a time-out here is 1006 on this side, whatever the client was told.
    let notes = notes.lock().expect("not poisoned");
    assert!(notes[0].starts_with("1006 TimedOut idle: "), "{notes:?}");
}

#[test]
fn s17_pings_find_a_client_that_is_silent_for_good() {
    let mut test = start(echo().ping_after(20 * SECOND).pong_within(5 * SECOND));
    let (mut browser, mut dead) = (test.connect("/e"), test.connect("/e"));
    dead.answer_pings(false);
    for _ in 0..4 {
        test.advance(21 * SECOND);
        assert_eq!(browser.next_message(), Some(TestMessage::Ping(Vec::new())));
    }
    assert_eq!(dead.next_message(), Some(TestMessage::Ping(Vec::new())));
    let (code, reason) = dead.next_close();
    assert!(
        code == 1001 && reason.starts_with("no-pong: "),
        "{code} {reason}"
    );
    assert_eq!(test.handle().count("/e"), 1);
}

#[test]
fn s32_the_first_message_has_a_deadline_that_a_timer_keeps() {
    let mut test = start(echo().first_message_within(10 * SECOND));
    let (mut silent, mut speaking) = (test.connect("/e"), test.connect("/e"));
    speaking.send_text("hello");
    // Neither pings nor the beginning of a message count.
    silent.send_ping(b"");
    silent.send_raw(&[0x01, 0x81, 0, 0, 0, 0, b'x']);
    test.advance(11 * SECOND);
    let (_, reason) = [silent.next_message(), silent.next_message()]
        .into_iter()
        .find_map(|one| match one {
            Some(TestMessage::Close(code, reason)) => Some((code, reason)),
            _ => None,
        })
        .expect("a close");
    assert!(reason.starts_with("first-message: "), "{reason}");
    assert_eq!(speaking.next_text(), "hello");
    test.advance(100 * SECOND);
    assert_eq!(speaking.next_message(), None);
}

#[test]
fn s199_the_idle_time_out_is_set_and_taken_away_while_a_session_runs() {
    let mut test = start(echo().idle_timeout(60 * SECOND));
    let (mut hasty, mut patient) = (test.connect("/e"), test.connect("/e"));
    let sessions = {
        let handle = test.handle();
        test.block_on(handle.sessions_of("/e")).expect("room")
    };
    hasty.send_text("who am I");
    let is_hasty = |session: &Session| session.outbox().dropped == 0;
    assert!(sessions.iter().all(is_hasty));
    sessions[0]
        .set_idle_timeout(Some(5 * SECOND))
        .expect("open");
    sessions[1].set_idle_timeout(None).expect("open");
    sessions[1]
        .change_timeouts(|timeouts| Timeouts {
            life: Some(900 * SECOND),
            ..timeouts
        })
        .expect("open");
    test.advance(10 * SECOND);
    assert!(!sessions[0].is_open() && sessions[1].is_open());
    test.advance(800 * SECOND);
    assert!(sessions[1].is_open());
    test.advance(100 * SECOND);
    assert!(!sessions[1].is_open());
    let closes = [hasty.received(), patient.received()].concat();
    let is_close = |one: &&TestMessage| matches!(one, TestMessage::Close(..));
    assert_eq!(closes.iter().filter(is_close).count(), 2);
}

#[test]
fn s18_every_session_is_told_when_the_server_leaves() {
    let mut test = start(echo());
    let mut clients: Vec<_> = (0..50).map(|_| test.connect("/e")).collect();
    test.leave(2 * SECOND);
    for client in &mut clients {
        let (code, reason) = client.next_close();
        assert!(
            code == 1001 && reason.starts_with("leaving: "),
            "{code} {reason}"
        );
    }
    let refused = test.handshake("/e").connect().expect_err("a refusal");
    assert_eq!(refused.status, 503);
}
