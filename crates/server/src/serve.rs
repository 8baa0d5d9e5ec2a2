//! `campanile serve` in development mode.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use campanile::Campanile;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::options::ServeOptions;
use crate::{demos, memory, pages};

/// The exit status for bad usage or configuration.
const BAD_USAGE: u8 = 2;

/// The port that is used unless another one is asked for.
const PORT: u16 = 8080;

/// Serves until told to stop. Status 0 after a clean stop.
pub(crate) async fn serve(options: &ServeOptions) -> ExitCode {
    if let Some(open) = options.listen.iter().find(|one| !one.ip().is_loopback())
        && !options.dev
    {
        eprintln!(
            "campanile: {open} can be reached from other machines, and in development mode \
             everything is allowed.\nIf that is what you want, say so: \
             campanile --dev --listen {open}"
        );
        return ExitCode::from(BAD_USAGE);
    }
    let listeners = match listeners(options) {
        Ok(listeners) => listeners,
        Err(message) => {
            eprintln!("campanile: {message}");
            return ExitCode::from(BAD_USAGE);
        }
    };
    let mut app = Campanile::builder().routes(pages::routes());
    if let Some(shards) = options.shards {
        app = app.shards(shards.into());
    }
    if let Some(millis) = options.batching_pause_max {
        app = app.batching_pause_max(Duration::from_millis(millis.into()));
    }
    let listening = demos::Listening {
        plain: local_addresses(&listeners),
        secure: Vec::new(),
    };
    let app = match demos::mount(app, listening).build() {
        Ok(app) => app,
        Err(error) => {
            eprintln!("campanile: {error}");
            return ExitCode::from(BAD_USAGE);
        }
    };
    let (mut interrupt, mut terminate) = match (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) {
        (Ok(interrupt), Ok(terminate)) => (interrupt, terminate),
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("campanile: signals cannot be watched: {error}");
            return ExitCode::FAILURE;
        }
    };
    for listener in &listeners {
        if let Ok(address) = listener.local_addr() {
            tracing::info!("listening on http://{address}");
            if !address.ip().is_loopback() {
                tracing::warn!(
                    "DEVELOPMENT MODE IS OPEN TO OTHER MACHINES on {address}: anybody who can \
                     reach it may read and publish everything"
                );
            }
        }
    }
    tracing::info!("development mode: every demo is there and nothing is protected; stop with ^C");
    let trimming = memory::trim_after_crowds(app.handle());
    let mut listeners = listeners.into_iter();
    let Some(first) = listeners.next() else {
        eprintln!("campanile: there is no address to listen on");
        return ExitCode::from(BAD_USAGE);
    };
    let served = listeners
        .fold(campanile::serve(first, app), campanile::Serve::also_on)
        .shutdown_on(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
        .await;
    trimming.abort();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("campanile: serving failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Listens on what was asked for, else on port 8080 of both loopback addresses.
fn listeners(options: &ServeOptions) -> Result<Vec<TcpListener>, String> {
    if !options.listen.is_empty() {
        return options
            .listen
            .iter()
            .map(|address| bind(*address))
            .collect();
    }
    let mut listeners = vec![bind(SocketAddr::new(
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        PORT,
    ))?];
    // A machine without IPv6 still has all that matters.
    match bind(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), PORT)) {
        Ok(listener) => listeners.push(listener),
        Err(message) => tracing::warn!("not on IPv6: {message}"),
    }
    Ok(listeners)
}

/// Where listeners listen: a port that the system chose is known by now.
fn local_addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    let addresses = listeners.iter().map(TcpListener::local_addr);
    addresses.filter_map(Result::ok).collect()
}

fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    campanile::bind(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => format!(
            "{address} is in use by another program; end it, or choose another port: \
             campanile --listen 127.0.0.1:8081"
        ),
        ErrorKind::PermissionDenied => format!(
            "{address} may not be listened on: ports below 1024 need a privilege; choose another \
             port: campanile --listen 127.0.0.1:8080"
        ),
        _ => format!("{address} cannot be listened on: {error}"),
    })
}
