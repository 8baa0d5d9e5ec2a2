//! The options of `publish` and of `listen`.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use campanile_client::stomp::Cursor;
use clap::Args;

/// What to publish.
#[derive(Debug, Args)]
pub(crate) struct PublishOptions {
    /// Where to, such as /topic/prices.
    pub(crate) destination: String,

    /// The message; - reads it from standard input, up to 16 MiB.
    #[arg(allow_hyphen_values = true)]
    pub(crate) body: String,

    /// What the message is, such as application/json.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,

    /// A header of the message; may be given several times.
    #[arg(long, value_name = "NAME:VALUE", value_parser = header)]
    pub(crate) header: Vec<(String, String)>,

    #[command(flatten)]
    pub(crate) stomp: StompOptions,
}

/// What to listen to.
#[derive(Debug, Args)]
pub(crate) struct ListenOptions {
    /// A destination such as /topic/prices, which is listened to over STOMP; or an endpoint: a URL
    /// such as ws://127.0.0.1:8080/chat, or a path of the server on this machine's port 8080, such
    /// as /ws/me. Destinations begin with /topic/, /queue/, /user/ or /app/; with --url, whatever
    /// is given is one.
    #[arg(value_name = "DESTINATION|ENDPOINT")]
    pub(crate) what: String,

    #[command(flatten)]
    pub(crate) stomp: StompOptions,

    /// A condition for messages of a destination, in SQL's terms, such as "price > 10".
    #[arg(long, value_name = "CONDITION")]
    pub(crate) selector: Option<String>,

    /// Begin after what led to this cursor: with what was published to the destination since, if
    /// the server still has all of it. One is told when listening ends; a message's id is one, too.
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<Cursor>,

    /// Print each message of a destination as JSON: id, destination, headers and body.
    #[arg(long)]
    pub(crate) json: bool,

    /// End after so many messages.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

// No documentation comment: it would become that of the whole command.
#[derive(Debug, Args)]
pub(crate) struct StompOptions {
    /// Where STOMP is spoken: ws://, wss://, stomp:// (TCP) or stomps:// (TCP with TLS).
    /// ws://127.0.0.1:8080/stomp unless given.
    #[arg(long, env = "CAMPANILE_URL")]
    pub(crate) url: Option<String>,

    /// Who you are, for servers that ask.
    #[arg(
        long,
        env = "CAMPANILE_LOGIN",
        value_name = "NAME",
        requires = "passcode"
    )]
    pub(crate) login: Option<String>,

    /// What proves it. Others can see what is given here; they cannot see the variable.
    #[arg(
        long,
        env = "CAMPANILE_PASSCODE",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub(crate) passcode: Option<Secret>,

    /// Trust whatever certificate the server shows: for one that was made for development. Anybody
    /// on the way can then read and change what is said.
    #[arg(long)]
    pub(crate) insecure: bool,
}

/// What is not shown.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// A header of STOMP: a name, a colon, a value.
fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a header is NAME:VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::options::{Command, Options};

    #[test]
    fn what_is_published_has_headers_and_a_body_that_may_begin_with_a_hyphen() {
        let publish = |arguments: &[&str]| {
            Options::try_parse_from([&["campanile", "publish", "/topic/a"], arguments].concat())
        };
        match publish(&["-5", "--header", "a:b:c", "--header", "d:"]) {
            Ok(Options {
                command: Some(Command::Publish(options)),
                ..
            }) => {
                assert_eq!(options.body, "-5");
                let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
                assert_eq!(options.header, [pair("a", "b:c"), pair("d", "")]);
            }
            other => panic!("{other:?}"),
        }
        for wrong in [
            &[][..],
            &["body", "--header", "none"],
            &["body", "--header", ":value"],
            &["body", "--login", "me"],
        ] {
            assert_eq!(
                publish(wrong).expect_err("wrong").exit_code(),
                2,
                "{wrong:?}"
            );
        }
        let secret = publish(&["body", "--login", "me", "--passcode", "hush"]);
        assert!(!format!("{:?}", secret.expect("valid")).contains("hush"));
    }
}
