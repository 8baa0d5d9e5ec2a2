//! `campanile bench`: measures a server, here or elsewhere, by its URL.

use std::fs;
use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;

use campanile_bench::{Progress, plot, run, text};

use crate::options::BenchOptions;

/// Characters of the progress bar.
const BAR: usize = 30;

/// The exit status of a run in which the server lost, repeated or misplaced messages.
const WRONG: u8 = 3;

/// Makes the run and prints what came of it. Status 1 when it could not be made, 3 when the
/// server did not deliver everything once and in order.
pub(crate) fn bench(options: &BenchOptions) -> ExitCode {
    let is_watched = stderr().is_terminal();
    let report = run(&options.plan(), &mut |progress| {
        if is_watched {
            draw(progress);
        }
    });
    if is_watched {
        // Takes the bar away: from the beginning of the line to its end.
        eprint!("\r\x1b[K");
    }
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            eprintln!("campanile bench: {error}");
            return ExitCode::FAILURE;
        }
    };
    if options.json {
        for interval in &report.series {
            println!("{}", interval.to_json());
        }
        println!("{}", report.to_json());
    } else {
        println!("{}", text(&report));
    }
    if let Some(file) = &options.plot
        && let Err(error) = fs::write(file, plot(&report))
    {
        eprintln!(
            "campanile bench: {} cannot be written: {error}",
            file.display()
        );
        return ExitCode::FAILURE;
    }
    if report.is_correct() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(WRONG)
    }
}

/// One line that is drawn again and again.
fn draw(progress: &Progress) {
    let eighths = (progress.done * (BAR * 8) as f64) as usize;
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    let bar = "█".repeat(eighths / 8) + part;
    let rate = progress.rate.map_or_else(String::new, |rate| match rate {
        many if many >= 1e6 => format!("   {:.2} M deliveries/s", rate / 1e6),
        _ => format!("   {rate:.0} deliveries/s"),
    });
    eprint!(
        "\r\x1b[K{:<18}▕{bar:<BAR$}▏{:>4.0} %{rate}",
        progress.stage.name(),
        progress.done * 100.0
    );
    // What is not shown yet is shown with the next look.
    let _ = stderr().flush();
}
