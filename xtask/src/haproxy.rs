//! HAProxy in front of a server, where it is installed: what works must work behind it, too.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    place::Place,
    run::{Failure, Running, during},
};

/// Where Debian puts the program, which is not in everybody's search path.
const PROGRAM: &str = "/usr/sbin/haproxy";

/// Whether HAProxy is installed.
pub(crate) fn is_installed() -> bool {
    Path::new(PROGRAM).is_file()
}

/// Starts HAProxy in front of `server` and returns the address that it will listen on.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn start(place: &Place, server: SocketAddr) -> Result<(Running, SocketAddr), Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(during("127.0.0.1"))?;
    let address = listener.local_addr().map_err(during("127.0.0.1"))?;
    // HAProxy does not tell which port it has chosen.
    drop(listener);
    let path = place.cache.join("haproxy.cfg");
    fs::write(&path, configuration(address, server)).map_err(during(path.display()))?;
    let mut command = Command::new(PROGRAM);
    command.args(["-q", "-db", "-f"]).arg(&path);
    Ok((Running::start(&command, Stdio::null())?, address))
}

/// As its manual shows it for HTTP; the bounds are longer than any case of a suite takes.
fn configuration(address: SocketAddr, server: SocketAddr) -> String {
    format!(
        "global
    maxconn 256
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    timeout tunnel 10m
frontend door
    bind {address}
    default_backend campanile
backend campanile
    server campanile {server}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_names_both_addresses() {
        let text = configuration(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        assert!(text.contains("    bind 127.0.0.1:1\n"));
        assert!(text.contains("    server campanile 127.0.0.1:2\n"));
    }
}
