//! One run: a server is started, `campanile bench` measures it, and it is ended.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use crate::{
    peers::{
        figures::Shape,
        install::{Installed, Start},
        options::Options,
        process::Process,
        roster::{Dialect, Peer},
    },
    place::Place,
    run::{Failure, during},
};

/// How long a server may take until it listens. A Java machine takes seconds.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How much longer than it measures a run may take: sessions are opened and closed, too.
const RUN_PATIENCE: Duration = Duration::from_secs(180);

/// Who is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Contender<'a> {
    /// This project's program, or its example for rooms.
    Campanile,
    /// A peer.
    Peer(&'a Peer, &'a Installed),
}

/// What runs have in common.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    place: &'a Place,
    options: &'a Options,
    /// Where servers and generator write.
    folder: PathBuf,
}

impl<'a> Bench<'a> {
    /// Prepares runs.
    ///
    /// # Errors
    /// When the folder for logs cannot be made.
    pub(crate) fn new(place: &'a Place, options: &'a Options) -> Result<Self, Failure> {
        let folder = place.target.join("peers/log");
        fs::create_dir_all(&folder).map_err(during(folder.display()))?;
        Ok(Self {
            place,
            options,
            folder,
        })
    }

    /// Starts a server, measures it for one shape, and ends it. Gives the generator's report.
    ///
    /// # Errors
    /// When the server does not start, or the generator cannot measure it.
    pub(crate) fn measure(&self, contender: Contender<'_>, shape: Shape) -> Result<Value, Failure> {
        let name = contender.name();
        let warm_up_seconds = match contender {
            Contender::Campanile => self.options.warm_up_seconds,
            Contender::Peer(peer, _) => self.options.warm_up_seconds.max(peer.warm_up_seconds_min),
        };
        let server_log = self.folder.join(format!("{name}.log"));
        let start = self.start(contender, shape)?;
        let mut server = Process::start(&start.command, None, &server_log)?;
        let address = match start.address {
            Some(address) => {
                server.wait_until_listening(address, START_PATIENCE)?;
                address
            }
            None => server.announced_address(START_PATIENCE)?,
        };
        let dialect = self.dialect(contender);
        let url = dialect.url(address, shape);
        let mut generator = Command::new(self.place.program("release"));
        generator
            .args(["bench", shape.name(), &url, "--json"])
            .args(["--label", name])
            .args(["--dialect", dialect.name()])
            .args(["--pid", &server.id().to_string()])
            .args(["--seconds", &self.options.seconds.to_string()])
            .args(["--warm-up", &warm_up_seconds.to_string()]);
        let mut seconds = self.options.seconds + warm_up_seconds;
        if shape == Shape::Idle {
            let quiet = self.options.quiet_seconds;
            generator.args(["--quiet-time", &quiet.to_string()]);
            seconds += quiet;
        }
        if self.options.is_deflated {
            generator.arg("--deflate");
        }
        for (option, value) in &self.options.passed_on {
            if shape.takes(option) {
                generator.args([option, value.as_str()]);
            }
        }
        let reports = self.folder.join("bench.json");
        let log = self.folder.join("bench.log");
        let mut generator = Process::start(&generator, Some(&reports), &log)?;
        let status = generator.wait(RUN_PATIENCE + Duration::from_secs_f64(seconds))?;
        let text = fs::read_to_string(&reports).map_err(during(reports.display()))?;
        if let Some(report) = last_object(&text) {
            return if is_compressed_as_asked(&report, self.options.is_deflated) {
                Ok(report)
            } else {
                Err(Failure::new("it does not agree to permessage-deflate"))
            };
        }
        Err(Failure::new(format!(
            "the generator ended with {status} and no report: {}",
            last_line(&log)
        )))
    }

    fn dialect(&self, contender: Contender<'_>) -> Dialect {
        match contender {
            Contender::Campanile => self.options.dialect,
            Contender::Peer(peer, _) => peer.dialect,
        }
    }

    fn start(&self, contender: Contender<'_>, shape: Shape) -> Result<Start, Failure> {
        match contender {
            Contender::Peer(_, installed) => installed.start(shape, self.options.is_deflated),
            Contender::Campanile => {
                // Raw rooms are an example's; STOMP's are topics, which the program has.
                let is_example = shape == Shape::Rooms && self.options.dialect == Dialect::Raw;
                // Queues are measured over TCP, whose listener the program names first.
                let stomp = if shape == Shape::Queue {
                    "127.0.0.1:0"
                } else {
                    "off"
                };
                let mut command = if is_example {
                    Command::new(
                        self.place
                            .program("release/examples")
                            .with_file_name("rooms"),
                    )
                } else {
                    let mut program = Command::new(self.place.program("release"));
                    program.args(["--dev", "--stomp-listen", stomp, "--listen"]);
                    program
                };
                command.arg("127.0.0.1:0").env("NO_COLOR", "1");
                Ok(Start {
                    command,
                    address: None,
                })
            }
        }
    }
}

impl Contender<'_> {
    /// Its name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Campanile => "campanile",
            Self::Peer(peer, _) => peer.name,
        }
    }
}

/// Whether a run was what it was to be: a server may decline the generator's offer, and then says
/// nothing about compression.
fn is_compressed_as_asked(report: &Value, is_deflated: bool) -> bool {
    !is_deflated || report["deflate"] == true
}

/// The last line that is a JSON object.
fn last_object(text: &str) -> Option<Value> {
    text.lines()
        .rev()
        .filter_map(|line| serde_json::from_str(line).ok())
        .find(Value::is_object)
}

/// The last line that says something.
fn last_line(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("it said nothing").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_declines_compression_is_not_measured_as_if_it_had_not() {
        let agreed = serde_json::json!({ "deflate": true });
        let declined = serde_json::json!({ "deflate": false });
        assert!(is_compressed_as_asked(&agreed, true));
        assert!(!is_compressed_as_asked(&declined, true));
        assert!(is_compressed_as_asked(&declined, false));
    }

    #[test]
    fn a_report_is_the_last_object() {
        let text = "{\"a\":1}\n{\"a\":2}\nnot this\n\n7\n";
        assert_eq!(last_object(text), Some(serde_json::json!({ "a": 2 })));
        assert_eq!(last_object("nothing\n"), None);
    }
}
