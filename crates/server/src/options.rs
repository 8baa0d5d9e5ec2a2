//! The command line: one definition for each option, from which the help is made.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Push messages to browsers and apps in real time.
///
/// Without arguments it serves every demo on port 8080 of this machine: open
/// http://127.0.0.1:8080/ and look around.
#[derive(Debug, Parser)]
#[command(name = "campanile", version, args_conflicts_with_subcommands = false)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) serve: ServeOptions,

    /// How log lines look; they go to standard error. The variable CAMPANILE_LOG filters them.
    #[arg(long, value_enum, default_value_t = LogFormat::Text, global = true)]
    pub(crate) log_format: LogFormat,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve; this is what happens without a command, too.
    Serve(ServeOptions),
    /// Connect to an endpoint and print every message that arrives, one a line.
    Listen(ListenOptions),
}

/// How to serve.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeOptions {
    /// Development mode: everything is allowed and the demos are there. It is the default as long
    /// as there is no configuration; said aloud, it also allows addresses beyond this machine.
    #[arg(long)]
    pub(crate) dev: bool,

    /// An address to listen on, such as 127.0.0.1:8080; may be given several times. Port 0 lets
    /// the system choose.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Vec<SocketAddr>,
}

/// What to listen to.
#[derive(Debug, Args)]
pub(crate) struct ListenOptions {
    /// A URL such as ws://127.0.0.1:8080/chat, or a path of the server on this machine's port
    /// 8080, such as /ws/me.
    pub(crate) endpoint: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from([&["campanile"], arguments].concat())
    }

    #[test]
    fn no_arguments_serve() {
        let options = parse(&[]).expect("valid");
        assert!(options.command.is_none());
        assert!(options.serve.listen.is_empty());
    }

    #[test]
    fn listen_addresses_add_up() {
        let options = parse(&["--listen", "127.0.0.1:0", "--listen", "[::1]:9"]).expect("valid");
        assert_eq!(options.serve.listen.len(), 2);
    }

    #[test]
    fn a_bad_address_is_named() {
        let error = parse(&["--listen", "here"]).expect_err("not an address");
        assert!(error.to_string().contains("here"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}
