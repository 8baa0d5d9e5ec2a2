//! The program `campanile`: every protocol and demo in one binary, without configuration.
//!
//! This file reads the command line and hands over. It knows no protocol: that is the library's.

#![deny(unsafe_code)]

mod demos;
mod listen;
mod memory;
mod options;
mod pages;
mod serve;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::options::{Command, LogFormat, Options, ServeOptions};

fn main() -> ExitCode {
    let options = Options::parse();
    start_log(options.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
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
            Some(Command::Listen(listen)) => listen::listen(&listen).await,
        }
    });
    // Nothing that is still running, such as a look-up of a name, may hold up the end.
    runtime.shutdown_background();
    code
}

/// `campanile --dev serve` and `campanile serve --dev` mean the same.
fn merge(mut first: ServeOptions, second: ServeOptions) -> ServeOptions {
    first.dev |= second.dev;
    first.listen.extend(second.listen);
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
