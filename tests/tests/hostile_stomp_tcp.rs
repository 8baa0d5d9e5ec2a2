//! What may come to the port for STOMP over TCP, while a bystander on another port must not notice.

use campanile_tests::{MIB, Scene, Server, Stomp, run_to_end};

/// How much the program may grow by.
const GROWTH_MAX: usize = 48 * MIB;

const TIMES: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s73_s82_whatever_is_no_stomp_gets_an_error_and_the_end() {
    let scene = Scene::start().await;
    let address = scene.server.stomp_address();
    let long_header = [b"CONNECT\nlogin:".to_vec(), vec![b'x'; MIB]].concat();
    let many_headers = [b"CONNECT\n".to_vec(), b"a:b\n".repeat(MIB / 4)].concat();
    let line_ends = vec![b'\n'; MIB];
    let client_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x53\x07\x1e\x5c\xc3\xc5\xa9";
    for (bytes, word) in [
        (&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], "unknown-command"),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 40\r\n\r\nCONNECT\n\n\0SEND\ndestination:/topic/a\n\nx\0",
            "unknown-command",
        ),
        (client_hello, "malformed-frame"),
        (b"SEND\ndestination:/topic/a\n\nx\0", "not-connected"),
        (b"CONNECT\naccept-version:9.9\nhost:h\n\n\0", "no-common-version"),
        (b"CONNECT\ncontent-length:18446744073709551615\n\n", "too-big"),
        (&long_header, "too-big"),
        (&many_headers, "too-big"),
        (&line_ends, "too-big"),
    ] {
        println!("{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(40)]));
        for _ in 0..TIMES {
            let mut client = Stomp::open(address).await;
            client.send(bytes).await;
            client.expect_error(word).await;
        }
    }
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s35_clients_that_wait_leave_halfway_or_close_their_half_harm_nobody() {
    let mut scene = Scene::start().await;
    let address = scene.server.stomp_address();
    let mut waiting = Vec::new();
    for number in 0..TIMES {
        // One says nothing, one begins a frame, one leaves within it, one closes its half.
        waiting.push(Stomp::open(address).await);
        let mut beginning = Stomp::open(address).await;
        beginning.send("CONNECT\nlogin:so").await;
        waiting.push(beginning);
        let mut leaving = Stomp::connect(address, "1.2").await;
        leaving
            .send("SEND\ndestination:/topic/a\ncontent-length:60000\n\n")
            .await;
        drop(leaving);
        let mut halving = Stomp::connect(address, "1.2").await;
        let send = format!("SEND\ndestination:/topic/a\nreceipt:{number}\n\nx\0");
        halving.send(send).await;
        halving.end_sending().await;
        let receipt = halving.frame().await.expect("what was asked for before");
        assert_eq!(receipt.header("receipt-id"), Some(&*number.to_string()));
        assert_eq!(halving.frame().await, None);
    }
    scene.bystander.await_echoes(8).await;
    drop(waiting);
    scene.end(GROWTH_MAX).await;
}

#[tokio::test]
async fn s35_leaving_tells_tcp_clients_so() {
    let mut server = Server::start(&[]);
    let mut client = Stomp::connect(server.stomp_address(), "1.1").await;
    let mut early = Stomp::open(server.stomp_address()).await;
    // So that it is a session before the server leaves.
    early.send("CONN").await;
    let mut other = Stomp::connect(server.stomp_address(), "1.2").await;
    let ending = tokio::spawn(async move { server.terminate().await });
    client.expect_error("leaving").await;
    other.expect_error("leaving").await;
    // It may have been accepted or not.
    while early.frame().await.is_some() {}
    assert_eq!(ending.await.expect("no panic").code(), Some(0));
}

#[tokio::test]
async fn s3_plain_stomp_on_a_port_for_tls_is_told_so() {
    let server = Server::start(&["--dev-tls"]);
    let mut client = Stomp::open(server.stomp_address()).await;
    client
        .send("CONNECT\naccept-version:1.2\nhost:h\n\n\0")
        .await;
    client.expect_error("tls-needed").await;
}

#[tokio::test]
async fn a_taken_port_is_an_error_if_it_was_asked_for() {
    let server = Server::start(&[]);
    let taken = server.stomp_address().to_string();
    let arguments = ["--listen", "127.0.0.1:0", "--stomp-listen", &taken];
    let ended = run_to_end(&arguments);
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains(&taken) && said.contains("off"), "{said}");
    let ended = run_to_end(&["--stomp-listen", "0.0.0.0:61613"]);
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        said.contains("--dev --stomp-listen 0.0.0.0:61613"),
        "{said}"
    );
}
