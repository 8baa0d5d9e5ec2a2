//! The program `campanile`: every protocol and demo in one binary, without configuration.
//!
//! This file reads the command line and hands over. It knows no protocol: that is the library's.

#![deny(unsafe_code)]

mod bench;
mod certificate;
mod demos;
mod listen;
mod listen_to;
mod memory;
mod options;
mod pages;
mod publish;
mod queue_options;
mod serve;
mod stomp_options;
mod tls;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::options::{Command, LogFormat, Options, ServeOptions};

fn main() -> ExitCode {
    let options = Options::parse();
    start_log(options.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(front_threads(&options))
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("campanile: the operating system gives no threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(async {
        match options.command {
            None => serve::serve(&options.serve).await,
            Some(Command::Serve(serve)) => serve::serve(&merge(options.serve, serve)).await,
            Some(Command::Listen(listen)) => listen::listen(listen).await,
            Some(Command::Publish(publish)) => publish::publish(publish).await,
            Some(Command::Bench(options)) => bench::bench(&options),
        }
    });
    // Nothing that is still running, such as a look-up of a name, may hold up the end.
    runtime.shutdown_background();
    code
}

/// Threads for handshakes and plain HTTP: the cores that are not the shards'.
fn front_threads(options: &Options) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let chosen = match &options.command {
        Some(Command::Serve(serve)) => serve.shards.or(options.serve.shards),
        _ => options.serve.shards,
    };
    let shards = chosen.map_or(cores / 2, usize::from);
    cores.saturating_sub(shards).max(1)
}

/// `campanile --dev serve` and `campanile serve --dev` mean the same.
fn merge(mut first: ServeOptions, second: ServeOptions) -> ServeOptions {
    first.dev |= second.dev;
    first.listen.extend(second.listen);
    first.stomp_listen = second.stomp_listen.or(first.stomp_listen);
    first.tls.cert = second.tls.cert.or(first.tls.cert);
    first.tls.key = second.tls.key.or(first.tls.key);
    first.tls.dev |= second.tls.dev;
    first.shards = second.shards.or(first.shards);
    first.batching_pause_max = second.batching_pause_max.or(first.batching_pause_max);
    first
}

/// Logs go to standard error, so that standard output stays clean for what commands print.
fn start_log(format: LogFormat) {
    let filter =
        EnvFilter::try_from_env("CAMPANILE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
}
