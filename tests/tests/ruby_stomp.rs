//! ruby-stomp, the STOMP client of Ruby programs, at queues and transactions, over TCP.

use campanile_tests::{Server, run_client};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ruby/stomp_queues.rb");

/// Lets ruby-stomp do what a method of the script says.
fn run(scenario: &str) {
    let server = Server::start(&[]);
    let port = server.stomp_address().port().to_string();
    run_client(
        "/usr/bin/ruby",
        "ruby ruby-stomp",
        &[SCRIPT, scenario, &port],
    );
}

#[test]
fn s91_ruby_stomp_shares_a_queue_with_another() {
    run("sharing");
}

#[test]
fn s71_ruby_stomp_gets_what_another_had_when_it_was_cut() {
    run("cut");
}

#[test]
fn s71_ruby_stomp_acknowledges_one_message_or_all_before_it() {
    run("modes");
}

#[test]
fn s71_ruby_stomp_gets_what_another_has_rejected() {
    run("rejecting");
}

#[test]
fn s72_ruby_stomp_commits_and_aborts() {
    run("transactions");
}

#[test]
fn s72_s79_ruby_stomp_tries_again_and_gives_up_in_its_own_way() {
    run("unreceiving");
}

#[test]
fn s73_ruby_stomp_is_told_what_it_cannot_acknowledge_or_commit() {
    run("errors");
}
