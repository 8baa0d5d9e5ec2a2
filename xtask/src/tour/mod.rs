//! `cargo xtask tour`: does by itself what the README tells a newcomer to do.

mod client;
mod readme;

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    process::{Command, Stdio},
};

use client::Client;
use readme::Program;

use crate::{
    interop::wait_until_listening,
    place::Place,
    run::{Failure, Running, during, run},
};

/// The package that is made.
const PACKAGE: &str = "campanile-tour";
/// What one guest says.
const WORDS: &str = "is the tower open?";
/// Messages that may come before it: what the chat tells by itself.
const OTHERS_MAX: usize = 10;

/// Writes the README's program as a package of its own, builds it, starts it, and chats: what one
/// guest says, both must hear.
///
/// # Errors
/// When the README has no such program, or it does not build, start, or pass the words on.
pub(crate) fn run_all(place: &Place) -> Result<(), Failure> {
    let readme = fs::read_to_string(place.root.join("README.md")).map_err(during("README.md"))?;
    let program = Program::find(&readme).map_err(during("README.md"))?;
    let address = free_address()?;
    build(place, &program, address)?;
    println!("    the README's program, at {address} instead of its own port");
    let command = Command::new(place.target.join("debug").join(PACKAGE));
    let mut running = Running::start(&command, Stdio::inherit())?;
    wait_until_listening(address, &mut running)?;
    chat(address, program.endpoint()?)?;
    if running.has_ended()? {
        return Err(Failure::new("the README's program has ended by itself"));
    }
    // It waits for no signal, so SIGTERM ends it at once.
    running.terminate()?;
    Ok(())
}

/// An address that nobody listened on a moment ago. The program does not tell which port the
/// kernel has given it, so it cannot ask for just any.
fn free_address() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(during("127.0.0.1"))?;
    listener.local_addr().map_err(during("127.0.0.1"))
}

fn build(place: &Place, program: &Program, address: SocketAddr) -> Result<(), Failure> {
    let folder = place.target.join("tour");
    let sources = folder.join("src");
    fs::create_dir_all(&sources).map_err(during(sources.display()))?;
    let library = place.root.join("crates/campanile");
    let source = program
        .source_at(&address.to_string())
        .map_err(during("README.md"))?;
    let files = [
        ("Cargo.toml", program.manifest(PACKAGE, &library)),
        ("src/main.rs", source),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).map_err(during(path.display()))?;
    }
    // The versions that the workspace has, so that nothing else is fetched.
    let lock = folder.join("Cargo.lock");
    fs::copy(place.root.join("Cargo.lock"), &lock).map_err(during(lock.display()))?;
    let mut cargo = place.cargo(&["build", "--quiet"]);
    cargo
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", &place.target);
    run(&mut cargo).map_err(during(
        "the README's program does not build as it says there",
    ))
}

/// Two guests; one speaks, both hear.
fn chat(server: SocketAddr, path: &str) -> Result<(), Failure> {
    let mut guests = [
        Client::connect(server, path)?,
        Client::connect(server, path)?,
    ];
    guests[0].say(WORDS)?;
    let mut heard = Vec::new();
    for guest in &mut guests {
        heard.push(hear_words(guest)?);
    }
    if heard[0] != heard[1] {
        return Err(Failure::new(format!(
            "the guests heard different things: {heard:?}"
        )));
    }
    println!("    both guests heard {:?}", heard[0]);
    Ok(())
}

/// What was heard that ends with the words.
fn hear_words(guest: &mut Client) -> Result<String, Failure> {
    for _ in 0..OTHERS_MAX {
        let heard = guest.hear()?;
        if heard.ends_with(WORDS) {
            return Ok(heard);
        }
    }
    Err(Failure::new(format!(
        "{OTHERS_MAX} messages came, and none ends with {WORDS:?}"
    )))
}
