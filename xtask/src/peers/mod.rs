//! `cargo xtask peers`: Campanile beside other servers, in one run.

mod figures;
mod install;
mod measure;
mod options;
mod plan;
mod plot;
mod process;
mod report;
mod roster;
mod statistics;
mod table;

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    thread,
    time::Instant,
};

use serde_json::json;

use crate::{
    peers::{
        figures::Shape,
        install::{Installed, install},
        measure::{Bench, Contender},
        options::{HELP, Options},
        plan::turns,
        report::{Comparison, Pair},
        roster::{PEERS, Peer},
        table::number,
    },
    place::Place,
    run::{Failure, during, output, run},
};

/// Pairs of one peer that may fail before it is left alone.
const FAILURES_MAX: usize = 3;

/// A peer, installed, or the reason why it is not.
struct Invited {
    peer: &'static Peer,
    installed: Result<Installed, String>,
}

/// A peer in one shape: ready, or with the reason why not.
struct Rival<'a> {
    peer: &'static Peer,
    ready: Option<&'a Installed>,
    failures: usize,
    comparison: Comparison,
}

/// Builds everything, measures in turns, and writes the reports.
///
/// # Errors
/// When an option is wrong, Campanile cannot be built or measured, or a report cannot be written.
/// A peer that cannot be measured is no error: it is named.
pub(crate) fn run_all(place: &Place, words: &[&str]) -> Result<(), Failure> {
    if let ["--help" | "-h" | "help"] = words {
        println!("{HELP}");
        return Ok(());
    }
    let options = Options::parse(words)?;
    let folder = match &options.out {
        Some(folder) => folder.clone(),
        None => place.target.join("peers/report"),
    };
    fs::create_dir_all(&folder).map_err(during(folder.display()))?;
    let runs_path = folder.join("runs.jsonl");
    let mut runs = File::create(&runs_path).map_err(during(runs_path.display()))?;

    println!("==> peers: build");
    build_campanile(place, &options)?;
    let invited: Vec<Invited> = PEERS
        .iter()
        .filter(|peer| options.peers.contains(&peer.name))
        .map(|peer| Invited {
            peer,
            installed: install(place, peer).map_err(|failure| failure.to_string()),
        })
        .collect();
    let bench = Bench::new(place, &options)?;
    let mut page = format!("# Campanile beside its peers\n\n{}.\n", machine());
    let mut ratios = String::new();
    for &shape in &options.shapes {
        println!("\n==> peers: {}, {} pairs", shape.name(), options.pairs);
        let mut rivals: Vec<Rival<'_>> = invited
            .iter()
            .map(|invited| invited.rival(shape, &options))
            .collect();
        measure_in_turns(&bench, shape, &options, &mut rivals, &mut runs)?;
        let comparisons: Vec<Comparison> =
            rivals.into_iter().map(|rival| rival.comparison).collect();
        println!("\n{}", report::text(&comparisons, shape));
        page = page + "\n" + &report::markdown(&comparisons, shape);
        ratios += &report::json_lines(&comparisons, shape);
        let picture = report::picture(&comparisons, shape);
        write(&folder.join(format!("{}.svg", shape.name())), &picture)?;
        // After each shape, so that a run that is broken off has not been in vain.
        write(&folder.join("peers.md"), &page)?;
        write(&folder.join("ratios.jsonl"), &ratios)?;
    }
    println!("\nreports: {}", folder.display());
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(during(path.display()))
}

fn build_campanile(place: &Place, options: &Options) -> Result<(), Failure> {
    let program = ["build", "--release", "--package", "campanile-server"];
    run(&mut place.cargo(&program))?;
    if options.shapes.contains(&Shape::Rooms) {
        let example = [
            "build",
            "--release",
            "--package",
            "campanile",
            "--example",
            "rooms",
        ];
        run(&mut place.cargo(&example))?;
    }
    Ok(())
}

impl Invited {
    /// The peer in one shape; why it does not take part is printed, too.
    fn rival(&self, shape: Shape, options: &Options) -> Rival<'_> {
        let peer = self.peer;
        let (ready, not_measured) = match (&self.installed, peer.lacks(shape, options.is_deflated))
        {
            (_, Some(lack)) => (None, Some(lack.to_owned())),
            (Err(reason), None) => (None, Some(reason.clone())),
            (Ok(installed), None) => (Some(installed), None),
        };
        if let Some(reason) = &not_measured {
            println!("    {}: not measured: {reason}", peer.name);
        }
        let title = match &self.installed {
            Ok(installed) => installed.title.clone(),
            Err(_) => peer.title.to_owned(),
        };
        Rival {
            peer,
            ready,
            failures: 0,
            comparison: Comparison {
                name: peer.name,
                title,
                pairs: Vec::new(),
                not_measured,
            },
        }
    }
}

/// Runs the pairs of one shape. Every report goes to `runs` as soon as it is there.
fn measure_in_turns(
    bench: &Bench<'_>,
    shape: Shape,
    options: &Options,
    rivals: &mut [Rival<'_>],
    runs: &mut File,
) -> Result<(), Failure> {
    let started = Instant::now();
    for turn in turns(options.pairs, rivals.len()) {
        let rival = &mut rivals[turn.peer];
        let Some(installed) = rival.ready else {
            continue;
        };
        let peer = Contender::Peer(rival.peer, installed);
        let measure = |contender| bench.measure(contender, shape);
        let (own, theirs) = if turn.is_campanile_first {
            let own = measure(Contender::Campanile);
            (own, measure(peer))
        } else {
            let theirs = measure(peer);
            (measure(Contender::Campanile), theirs)
        };
        // Without Campanile there is nothing to compare with.
        let own = own.map_err(|failure| Failure::new(format!("campanile: {failure}")))?;
        let theirs = match theirs {
            Ok(report) => report,
            Err(failure) => {
                println!("    {}: {failure}", rival.peer.name);
                rival.failures += 1;
                if rival.failures >= FAILURES_MAX {
                    rival.ready = None;
                    rival.comparison.not_measured = Some(failure.to_string());
                }
                continue;
            }
        };
        for (name, report) in [("campanile", &own), (rival.peer.name, &theirs)] {
            let line = json!({
                "shape": shape.name(),
                "pair": turn.pair + 1,
                "peer": rival.peer.name,
                "contender": name,
                "is_campanile_first": turn.is_campanile_first,
                "report": report,
            });
            writeln!(runs, "{line}").map_err(during("runs.jsonl"))?;
        }
        let figure = &shape.figures()[0];
        let value = |report| figure.of(report).map_or_else(|| "–".to_owned(), number);
        println!(
            "    {:>2}/{}  {:<10}  {}: campanile {}, {} {}   ({:.0} s)",
            turn.pair + 1,
            options.pairs,
            rival.peer.name,
            figure.name,
            value(&own),
            rival.peer.name,
            value(&theirs),
            started.elapsed().as_secs_f64()
        );
        rival.comparison.pairs.push(Pair {
            campanile: own,
            peer: theirs,
        });
    }
    Ok(())
}

/// The machine that this is, in words.
fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let kernel = output(std::process::Command::new("uname").arg("-sr"))
        .unwrap_or_else(|_| "an unknown kernel".to_owned());
    let processor = fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| "an unknown processor".to_owned());
    format!(
        "Measured on {cores} cores of {processor}, {}, loopback, which servers and generator share",
        kernel.trim()
    )
}
