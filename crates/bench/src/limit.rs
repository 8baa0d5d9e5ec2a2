//! One sentence that says what limits the figures of a run.

use crate::{
    report::Report,
    units::{given, number},
};

/// A processor is taken for busy from this share on: the rest is measured with an error.
const BUSY: f64 = 0.9;

/// Other programs are worth a word from so many processors on.
const OTHERS: f64 = 0.25;

/// What limits the figures.
pub(crate) fn limit(report: &Report) -> String {
    if report.shape == "idle" {
        return "Memory is what the process holds; the kernel's buffers for its sockets are not in \
                it."
        .to_owned();
    }
    let mut sentence = match report.rate {
        Some(rate) => limit_of_rate(report, rate),
        None => limit_of_pace(report),
    };
    if let Some(others) = report.other_cores
        && others >= OTHERS
    {
        sentence += &format!(
            " Other programs kept {} of {} processors busy meanwhile: on a quiet machine the \
             figures are better, and vary less.",
            number(others),
            report.machine_cores
        );
    }
    sentence
}

/// A rate sets the pace.
fn limit_of_rate(report: &Report, rate: f64) -> String {
    let planned = report.published as f64 / rate;
    let late = report.seconds - planned;
    if late > planned * 0.02 + 0.1 {
        return format!(
            "What limits it: {}; the last delivery came {} s after the last publication was due.",
            busiest(report).unwrap_or_else(|| "the server fell behind the rate".to_owned()),
            number(late)
        );
    }
    let finder = match report.shape {
        "queue" => "queue without a rate",
        _ => "fanout-max",
    };
    format!(
        "What limits it: the rate of {} a second. The server kept up; {finder} finds how much more \
         it can do.",
        given(rate)
    )
}

/// Each publication or connection waits for an earlier one.
fn limit_of_pace(report: &Report) -> String {
    if let Some(busiest) = busiest(report) {
        return format!("What limits it: {busiest}.");
    }
    let cores = [
        report.generator_cores,
        report.server_cores,
        report.other_cores,
    ];
    let busy: f64 = cores.iter().flatten().sum();
    if busy >= BUSY * report.machine_cores as f64 {
        return "What limits it: the processors, which other programs took a share of.".to_owned();
    }
    match report.window {
        Some(window) if report.server_cores.is_some() => format!(
            "What limits it: waiting. Neither the server nor the generator was busy all the time; \
             with more than {window} outstanding (--window) there may be more deliveries, and \
             longer latencies."
        ),
        Some(_) => "What limits it: not the generator, which had time left. With --pid of the \
                    server, its part is measured too."
            .to_owned(),
        None => {
            "What limits it: waiting for answers; 64 handshakes are under way at once.".to_owned()
        }
    }
}

/// Who has no processor left, if anybody.
fn busiest(report: &Report) -> Option<String> {
    let own = report.generator_cores.unwrap_or(0.0);
    let server = report.server_cores.unwrap_or(0.0);
    let machine = report.machine_cores as f64;
    if report.server_cores.is_some() && own + server >= BUSY * machine {
        return Some(format!(
            "the machine: the server and the generator share its {} processors, and kept {} busy",
            report.machine_cores,
            number(own + server)
        ));
    }
    if own >= BUSY {
        return Some(format!(
            "the generator, whose one thread was busy for {:.0} % of the time. The server might do \
             more",
            own.min(1.0) * 100.0
        ));
    }
    if (BUSY..1.1).contains(&server) {
        return Some("the server, which kept one processor busy".to_owned());
    }
    if server >= BUSY * machine {
        return Some("the server, which kept every processor busy".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, Shape};

    fn sentence(shape: Shape, change: impl FnOnce(&mut Report)) -> String {
        let mut report = Report::of(&Plan::new(shape, "ws://localhost/"));
        report.machine_cores = 4;
        report.seconds = 10.0;
        report.window = (shape == Shape::FanoutMax).then_some(16);
        change(&mut report);
        limit(&report)
    }

    #[test]
    fn whoever_is_busy_is_named() {
        let own = sentence(Shape::FanoutMax, |report| {
            report.generator_cores = Some(0.97);
        });
        assert!(
            own.contains("the generator, whose one thread was busy for 97 %"),
            "{own}"
        );
        let server = sentence(Shape::FanoutMax, |report| {
            report.generator_cores = Some(0.5);
            report.server_cores = Some(1.0);
        });
        assert!(
            server.contains("the server, which kept one processor busy"),
            "{server}"
        );
        let both = sentence(Shape::FanoutMax, |report| {
            report.generator_cores = Some(0.7);
            report.server_cores = Some(3.1);
        });
        assert!(both.contains("share its 4 processors"), "{both}");
        let nobody = sentence(Shape::FanoutMax, |report| report.server_cores = Some(0.5));
        assert!(nobody.contains("--window"), "{nobody}");
        let unknown = sentence(Shape::FanoutMax, |_| {});
        assert!(unknown.contains("--pid"), "{unknown}");
    }

    #[test]
    fn a_rate_is_the_limit_unless_the_server_fell_behind() {
        let kept = sentence(Shape::Fanout, |report| {
            report.rate = Some(50.0);
            report.published = 500;
        });
        assert!(kept.contains("the rate of 50 a second"), "{kept}");
        let fell = sentence(Shape::Fanout, |report| {
            report.rate = Some(50.0);
            report.published = 500;
            report.seconds = 14.0;
        });
        assert!(fell.contains("4.00 s after"), "{fell}");
    }

    #[test]
    fn other_programs_are_mentioned() {
        let full = sentence(Shape::FanoutMax, |report| {
            report.generator_cores = Some(0.5);
            report.server_cores = Some(0.6);
            report.other_cores = Some(2.8);
        });
        assert!(
            full.contains("which other programs took a share of"),
            "{full}"
        );
        let busy = sentence(Shape::Connect, |report| report.other_cores = Some(1.5));
        assert!(
            busy.contains("Other programs kept 1.50 of 4 processors"),
            "{busy}"
        );
    }
}
