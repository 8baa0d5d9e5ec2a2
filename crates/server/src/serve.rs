//! `campanile serve` in development mode.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use campanile::{Campanile, Serve, Tls};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::options::{BAD_USAGE, ServeOptions, StompListen};
use crate::{demos, memory, pages, tls};

/// The port that is used unless another one is asked for.
const PORT: u16 = 8080;

/// The same under TLS, beside the other one.
const TLS_PORT: u16 = 8443;

/// Where STOMP clients come over TCP, by custom.
const STOMP_PORT: u16 = 61_613;

/// What is listened on.
#[derive(Default)]
struct Listeners {
    plain: Vec<TcpListener>,
    secure: Vec<TcpListener>,
    /// For STOMP without WebSocket; under TLS if there is a certificate.
    stomp: Option<TcpListener>,
}

/// Serves until told to stop. Status 0 after a clean stop.
pub(crate) async fn serve(options: &ServeOptions) -> ExitCode {
    let stomp = match options.stomp_listen {
        Some(StompListen::On(address)) => Some(("stomp-listen", address)),
        _ => None,
    };
    let listen = options.listen.iter().map(|address| ("listen", *address));
    if let Some((option, open)) = listen.chain(stomp).find(|(_, one)| !one.ip().is_loopback())
        && !options.dev
    {
        eprintln!(
            "campanile: {open} can be reached from other machines, and in development mode \
             everything is allowed.\nIf that is what you want, say so: \
             campanile --dev --{option} {open}"
        );
        return ExitCode::from(BAD_USAGE);
    }
    let tls = match tls::prepare(&options.tls) {
        Ok(tls) => tls,
        Err(message) => {
            eprintln!("campanile: {message}");
            return ExitCode::from(BAD_USAGE);
        }
    };
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
        plain: local_addresses(&listeners.plain),
        secure: local_addresses(&listeners.secure),
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
    if let Some(tls) = &tls {
        if let Err(error) = tls::reload_on_hangup(tls.clone()) {
            eprintln!("campanile: signals cannot be watched: {error}");
            return ExitCode::FAILURE;
        }
        tracing::info!(
            "the TLS certificate's SHA-256 fingerprint is {}",
            tls.fingerprint()
        );
    }
    let plain = listeners.plain.iter().map(|listener| ("http", listener));
    let secure = listeners.secure.iter().map(|listener| ("https", listener));
    let for_stomp = match tls {
        Some(_) => "stomps",
        None => "stomp",
    };
    let stomp = listeners.stomp.iter().map(|listener| (for_stomp, listener));
    // The page's address comes last, next to what follows.
    for (scheme, listener) in stomp.chain(plain).chain(secure) {
        if let Ok(address) = listener.local_addr() {
            tracing::info!("listening on {scheme}://{address}");
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
    let Some(serving) = all_on(listeners, tls, app) else {
        eprintln!("campanile: there is no address to listen on");
        return ExitCode::from(BAD_USAGE);
    };
    let served = serving
        .http2(options.tls.http2.is_on())
        .websocket_over_http2(options.tls.websocket_over_http2.is_on())
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

/// One server on all listeners; `None` if there is none.
fn all_on(listeners: Listeners, tls: Option<Tls>, app: Campanile) -> Option<Serve> {
    let mut secure = listeners.secure.into_iter();
    let mut plain = listeners.plain.into_iter();
    let serving = match (plain.next(), &tls) {
        (Some(first), _) => campanile::serve(first, app),
        (None, Some(tls)) => campanile::serve(secure.next()?, app).tls(tls.clone()),
        (None, None) => return None,
    };
    let serving = plain.fold(serving, Serve::also_on);
    let serving = match (listeners.stomp, &tls) {
        (None, _) => serving,
        (Some(stomp), None) => serving.stomp_on(stomp),
        (Some(stomp), Some(tls)) => serving.stomp_on_tls(stomp, tls.clone()),
    };
    Some(match tls {
        Some(tls) => secure.fold(serving, |serving, listener| {
            serving.also_on_tls(listener, tls.clone())
        }),
        None => serving,
    })
}

/// Listens on what was asked for, under TLS if there is a certificate. Else on port 8080 of both
/// loopback addresses, and with a certificate on 8443 besides.
fn listeners(options: &ServeOptions) -> Result<Listeners, String> {
    let mut listeners = Listeners {
        stomp: stomp_listener(options)?,
        ..Listeners::default()
    };
    if options.listen.is_empty() {
        listeners.plain = on_loopback(PORT)?;
        if options.tls.is_on() {
            listeners.secure = on_loopback(TLS_PORT)?;
        }
        return Ok(listeners);
    }
    let named = options.listen.iter().map(|address| bind(*address));
    let named = named.collect::<Result<_, _>>()?;
    match options.tls.is_on() {
        true => listeners.secure = named,
        false => listeners.plain = named,
    }
    Ok(listeners)
}

/// Listens for STOMP. Nobody has asked for the usual port, so it may be another program's.
fn stomp_listener(options: &ServeOptions) -> Result<Option<TcpListener>, String> {
    let usual = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), STOMP_PORT);
    match options.stomp_listen {
        Some(StompListen::Off) => Ok(None),
        Some(StompListen::On(address)) => match campanile::bind(address) {
            Ok(listener) => Ok(Some(listener)),
            Err(error) => Err(format!(
                "{address} cannot be listened on for STOMP: {error}; choose another port, or none: \
                 campanile --stomp-listen off"
            )),
        },
        None => match campanile::bind(usual) {
            Ok(listener) => Ok(Some(listener)),
            Err(error) => {
                tracing::warn!(
                    "no STOMP over TCP: {usual} cannot be listened on: {error}; choose another \
                     port with --stomp-listen, or none with --stomp-listen off"
                );
                Ok(None)
            }
        },
    }
}

fn on_loopback(port: u16) -> Result<Vec<TcpListener>, String> {
    let mut listeners = vec![bind(SocketAddr::new(
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        port,
    ))?];
    // A machine without IPv6 still has all that matters.
    match bind(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port)) {
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
