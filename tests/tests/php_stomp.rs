//! PHP's extension stomp at queues and transactions, over TCP.

use campanile_tests::{Server, run_client};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/php/stomp_queues.php");

/// Lets PHP do what a function of the script says.
fn run(scenario: &str) {
    let server = Server::start(&[]);
    let port = server.stomp_address().port().to_string();
    run_client(
        "/usr/bin/php8.2",
        "php8.2-cli php8.2-stomp",
        &[SCRIPT, scenario, &port],
    );
}

#[test]
fn s91_php_shares_a_queue_with_another() {
    run("sharing");
}

#[test]
fn s71_php_gets_what_another_had_when_it_was_killed() {
    run("cut");
}

#[test]
fn s71_php_acknowledges_one_message_or_all_before_it() {
    run("modes");
}

#[test]
fn s71_php_gets_what_another_has_rejected() {
    run("rejecting");
}

#[test]
fn s72_php_commits_and_aborts() {
    run("transactions");
}

#[test]
fn s73_php_is_told_what_it_cannot_acknowledge_or_commit() {
    run("errors");
}
