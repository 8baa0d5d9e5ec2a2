//! Tests of offers and answers.

use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

use super::*;
use crate::handshake::extensions::{negotiate, parse_extensions};

const BOTH: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

fn parse(header: &str) -> Vec<ExtensionOffer> {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_str(header).expect("a header value");
    headers.insert(SEC_WEBSOCKET_EXTENSIONS, value);
    parse_extensions(&headers).expect("in the grammar")
}

/// What a server answers to a header, and the window that it then compresses with.
fn answer(header: &str) -> Option<(String, u8)> {
    let mut agreed = None;
    let accepted = negotiate(&parse(header), |offer| {
        let (window, answer) = accept_deflate(offer)?;
        agreed = Some(window.get());
        Some(answer)
    });
    let agreed = agreed?;
    let [accepted] = accepted.as_slice() else {
        panic!("accepted {accepted:?}");
    };
    Some((accepted.to_string(), agreed))
}

#[track_caller]
fn accepts(header: &str, parameters: &str, window: u8) {
    let expected = format!("{BOTH}{parameters}");
    let expected = Some((expected, window));
    assert_eq!(answer(header), expected, "{header}");
}

#[test]
fn rfc7692_7_1_what_clients_offer_is_accepted() {
    accepts("permessage-deflate", "", 15);
    accepts(BOTH, "", 15);
    for bits in 9..=15 {
        let asked = format!("; server_max_window_bits={bits}");
        accepts(&format!("permessage-deflate{asked}"), &asked, bits);
    }
    let quoted = "permessage-deflate; client_max_window_bits; server_max_window_bits=\"12\"";
    accepts(quoted, "; server_max_window_bits=12", 12);
}

#[test]
fn item_14_the_clients_window_is_never_asked_to_be_smaller() {
    accepts("permessage-deflate; client_max_window_bits", "", 15);
    for bits in 8..=15 {
        let offer = format!("permessage-deflate; client_max_window_bits={bits}");
        accepts(&offer, "", 15);
    }
}

#[test]
fn item_12_bad_parameters_decline_the_offer_and_the_next_one_is_tried() {
    for bad in [
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=09",
        "server_max_window_bits=+9",
        "server_max_window_bits=0x9",
        "server_max_window_bits=999999999999999999999",
        "server_max_window_bits",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=010",
        "server_no_context_takeover=1",
        "client_no_context_takeover=true",
        "mystery",
        "mystery=1",
        "Server_no_context_takeover",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits; client_max_window_bits",
        "client_max_window_bits; client_max_window_bits=10",
    ] {
        let first = format!("permessage-deflate; {bad}");
        assert_eq!(answer(&first), None, "{bad}");
        let second = "permessage-deflate; server_max_window_bits=11";
        let both = format!("{first}, {second}");
        accepts(&both, "; server_max_window_bits=11", 11);
    }
    assert_eq!(answer("permessage-bzip2, x-webkit-deflate-frame"), None);
}

#[test]
fn item_13_a_servers_window_of_256_octets_is_declined() {
    let asked = "permessage-deflate; server_max_window_bits=8";
    assert_eq!(answer(asked), None);
    accepts(&format!("{asked}, permessage-deflate"), "", 15);
}

fn read(offer: DeflateOffer, header: &str) -> Result<Option<u8>, &'static str> {
    match offer.read_answer(&parse(header)) {
        Ok(agreed) => Ok(agreed.map(WindowBits::get)),
        Err(invalid) => Err(invalid.problem),
    }
}

fn offer(server: Option<u8>, client: Option<u8>) -> DeflateOffer {
    DeflateOffer {
        server_window: server.and_then(WindowBits::new),
        client_window: client.and_then(WindowBits::new),
    }
}

#[test]
fn rfc7692_7_1_a_client_understands_the_server_of_this_crate() {
    for server in [None, Some(9), Some(12), Some(15)] {
        for client in [None, Some(9), Some(12), Some(15)] {
            let offer = offer(server, client);
            let (window, answer) = accept_deflate(&offer.to_extension()).expect("accepted");
            assert_eq!(window.get(), server.unwrap_or(15));
            let ours = offer
                .read_answer(&[answer])
                .expect("fits")
                .expect("accepted");
            assert_eq!(ours.get(), client.unwrap_or(15));
        }
    }
    assert_eq!(read(offer(None, None), "other"), Ok(None));
}

#[test]
fn rfc7692_7_1_answers_that_do_not_fit_the_offer_are_refused() {
    let plain = offer(None, None);
    let windows = offer(Some(12), Some(12));
    assert_eq!(read(plain, BOTH), Ok(Some(15)));
    let smaller = format!("{BOTH}; server_max_window_bits=8; client_max_window_bits=10");
    assert_eq!(read(windows, &smaller), Ok(Some(10)));
    // A server may use a smaller window without being asked (RFC 7692 7.1.2.1).
    let unasked = format!("{BOTH}; server_max_window_bits=10");
    assert_eq!(read(plain, &unasked), Ok(Some(15)));
    for (offer, parameters) in [
        (plain, "; client_max_window_bits=15"),
        (plain, "; mystery"),
        (plain, "; server_no_context_takeover"),
        (windows, ""),
        (windows, "; server_max_window_bits=13"),
        (
            windows,
            "; server_max_window_bits=12; client_max_window_bits",
        ),
        (
            windows,
            "; server_max_window_bits=12; client_max_window_bits=8",
        ),
        (
            windows,
            "; server_max_window_bits=12; client_max_window_bits=13",
        ),
    ] {
        read(offer, &format!("{BOTH}{parameters}")).expect_err(parameters);
    }
    read(plain, "permessage-deflate").expect_err("the server's context is taken over");
    read(plain, &format!("{BOTH}, {BOTH}")).expect_err("accepted twice");
}
