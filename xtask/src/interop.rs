//! `cargo xtask interop`: what takes long: the suites that others wrote, and the simulation of STOMP
//! sessions.

use std::{
    env,
    fs::File,
    io::Write,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    autobahn::{Extent, Suite, Target},
    haproxy,
    place::Place,
    run::{Failure, Running, Steps, during, pause, run},
};

/// The words in front of the address that the program writes on standard error.
const ANNOUNCEMENT: &str = "listening on http://";
/// How many schedules of the simulation are played, and from which seed on: always the same, unless
/// `CAMPANILE_SEED` says otherwise, lest a change be blamed for a schedule that nobody had tried.
const SCHEDULES: u64 = 100_000;
const FIRST_SEED: &str = "1000000";
/// How long a server may take until it listens.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// Sets the suites up and runs them against the program, built with the release profile; at the same
/// time also through HAProxy, if that is installed. It says which of both it runs. Then it plays the
/// simulation for long.
///
/// # Errors
/// The first failure.
pub(crate) fn run_all(place: &Place, extent: Extent) -> Result<(), Failure> {
    let mut steps = Steps::new("interop");
    let mut suite = None;
    steps.step("set up Autobahn", || {
        suite = Some(Suite::set_up(place)?);
        Ok(())
    })?;
    let suite = suite.ok_or_else(|| Failure::new("Autobahn is not set up"))?;
    steps.step("build", || {
        let arguments = ["build", "--release", "--package", "campanile-server"];
        run(&mut place.cargo(&arguments))
    })?;
    steps.step("Autobahn", || autobahn(place, &suite, extent))?;
    steps.step("simulation", || simulate(place))?;
    steps.summary();
    if haproxy::is_installed() {
        println!("run: Autobahn directly, and through HAProxy");
    } else {
        println!(
            "run: Autobahn directly; not run: through HAProxy (to run it, too: apt-get install haproxy)"
        );
    }
    Ok(())
}

/// Plays many schedules of the simulation of STOMP sessions, none of which the tests play.
fn simulate(place: &Place) -> Result<(), Failure> {
    let seed = env::var("CAMPANILE_SEED").unwrap_or_else(|_| FIRST_SEED.to_owned());
    println!("    {SCHEDULES} schedules: CAMPANILE_SEED={seed} CAMPANILE_SCHEDULES={SCHEDULES}");
    let arguments = ["test", "--package", "campanile", "--lib", "simulation"];
    let mut command = place.cargo(&arguments);
    command
        .env("CAMPANILE_SEED", &seed)
        .env("CAMPANILE_SCHEDULES", SCHEDULES.to_string());
    run(&mut command)
}

/// Runs the suite against the program, and at the same time against it behind HAProxy.
fn autobahn(place: &Place, suite: &Suite, extent: Extent) -> Result<(), Failure> {
    let (mut program, address) = start_program(place)?;
    let mut targets = vec![Target {
        name: "directly",
        url: format!("ws://{address}/echo"),
    }];
    let mut proxy = None;
    if haproxy::is_installed() {
        let (mut running, address) = haproxy::start(place, address)?;
        wait_until_listening(address, &mut running)?;
        targets.push(Target {
            name: "haproxy",
            url: format!("ws://{address}/echo"),
        });
        proxy = Some(running);
    }
    for target in &targets {
        println!("    {}: {}", target.name, target.url);
    }
    suite.run(&targets, extent)?;
    drop(proxy);
    let status = program.terminate()?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!(
            "the program ended with {status} after SIGTERM"
        )))
    }
}

/// Runs Autobahn against the server that comes with it: proof that the suite itself is in order.
/// That server does not compress.
///
/// # Errors
/// The first failure.
pub(crate) fn prove(place: &Place) -> Result<(), Failure> {
    let suite = Suite::set_up(place)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(during("127.0.0.1"))?;
    let address = listener.local_addr().map_err(during("127.0.0.1"))?;
    // The suite's server cannot choose a port itself.
    drop(listener);
    let url = format!("ws://{address}");
    let mut testee = Running::start(&suite.testee(&url), Stdio::null())?;
    wait_until_listening(address, &mut testee)?;
    let name = "testee";
    suite.run(&[Target { name, url }], Extent::WithoutCompression)
}

/// Waits until `server` accepts connections at `address`.
///
/// # Errors
/// When it ends, or does not within half a minute.
pub(crate) fn wait_until_listening(
    address: SocketAddr,
    server: &mut Running,
) -> Result<(), Failure> {
    let deadline = Instant::now() + START_PATIENCE;
    while TcpStream::connect(address).is_err() {
        if server.has_ended()? || Instant::now() >= deadline {
            return Err(Failure::new(format!("nothing listens on {address}")));
        }
        pause();
    }
    Ok(())
}

/// Starts the program on a free port; its log goes to a file in the cache.
fn start_program(place: &Place) -> Result<(Running, SocketAddr), Failure> {
    let log_path = place.cache.join("campanile.log");
    let mut log = File::create(&log_path).map_err(during(log_path.display()))?;
    let mut command = Command::new(place.program("release"));
    command
        .args(["--listen", "127.0.0.1:0", "--stomp-listen", "off"])
        .env("NO_COLOR", "1");
    let keep = move |line: &str| {
        // A log that cannot be written must not end the run.
        let _ = writeln!(log, "{line}");
    };
    let (program, rest) = Running::start_announced(&command, ANNOUNCEMENT, START_PATIENCE, keep)
        .map_err(|failure| Failure::new(format!("{failure}; see {}", log_path.display())))?;
    let address = leading_address(&rest).ok_or_else(|| {
        Failure::new(format!(
            "the program announces no address: {ANNOUNCEMENT}{rest}"
        ))
    })?;
    Ok((program, address))
}

/// The address that `text` starts with.
fn leading_address(text: &str) -> Option<SocketAddr> {
    let end = text.find(|c: char| !c.is_ascii_hexdigit() && !"[].:".contains(c));
    text[..end.unwrap_or(text.len())]
        .trim_end_matches('.')
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announced_address_ends_where_the_path_or_the_sentence_does() {
        let expected = Some(SocketAddr::from(([127, 0, 0, 1], 4321)));
        for text in [
            "127.0.0.1:4321",
            "127.0.0.1:4321/",
            "127.0.0.1:4321.",
            "127.0.0.1:4321 (dev)",
        ] {
            assert_eq!(leading_address(text), expected, "{text}");
        }
        assert_eq!(leading_address("[::1]:80/"), "[::1]:80".parse().ok());
        assert_eq!(leading_address("nowhere"), None);
    }
}
