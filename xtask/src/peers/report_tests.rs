//! Tests of what is reported about runs.

use serde_json::json;

use super::*;

fn comparison(name: &'static str, pairs: &[(f64, f64)]) -> Comparison {
    let report = |cpu: f64| {
        json!({
            "sessions": 2_000, "payload_bytes": 128, "window": 16, "seconds": 3.0,
            "cpu_micros_per_delivery": cpu,
            "deliveries_per_second": 1e6 / cpu,
        })
    };
    Comparison {
        name,
        title: format!("{name} 1.0"),
        pairs: pairs
            .iter()
            .map(|(campanile, peer)| Pair {
                campanile: report(*campanile),
                peer: report(*peer),
            })
            .collect(),
        not_measured: None,
    }
}

#[test]
fn ratios_are_made_pair_by_pair() {
    // The medians' ratio would be 2; what drifted together does not count.
    let measured = comparison("bun", &[(1.0, 2.0), (10.0, 20.0), (4.0, 2.0)]);
    let line = measured.line(&Shape::FanoutMax.figures()[0]).unwrap();
    assert_eq!((line.campanile, line.peer, line.pairs), (4.0, 2.0, 3));
    assert_eq!(line.ratio.median, 0.5);
    assert_eq!(line.verdict(), Verdict::Unknown);
}

#[test]
fn the_interval_decides_who_is_better() {
    let verdicts = |pairs: &[(f64, f64)]| {
        let measured = comparison("bun", pairs);
        let lines = measured.lines(Shape::FanoutMax);
        lines.map(|line| line.verdict()).collect::<Vec<_>>()
    };
    // A lower cost and a higher yield are both better.
    assert_eq!(verdicts(&[(1.0, 2.0); 15]), [Verdict::Campanile; 2]);
    assert_eq!(verdicts(&[(3.0, 2.0); 15]), [Verdict::Peer; 2]);
    let mut mixed = vec![(1.0, 2.0); 7];
    mixed.extend([(3.0, 2.0); 8]);
    assert_eq!(verdicts(&mixed), [Verdict::Level; 2]);
}

#[test]
fn who_was_not_measured_has_a_row_and_a_reason() {
    let mut absent = comparison("centrifugo", &[]);
    absent.not_measured = Some("`go` failed".to_owned());
    let comparisons = [comparison("bun", &[(1.0, 2.0); 15]), absent];
    let text = text(&comparisons, Shape::FanoutMax);
    assert!(text.starts_with("fanout-max: 2,000 sessions, 128 bytes a message, 16 outstanding"));
    assert!(text.contains("centrifugo 1.0  not measured"), "{text}");
    assert!(
        text.contains("\ncentrifugo 1.0: not measured: `go` failed"),
        "{text}"
    );
    assert!(!text.contains("not for publication"), "{text}");
    let markdown = markdown(&comparisons, Shape::FanoutMax);
    assert!(markdown.contains("\n- centrifugo 1.0: not measured: `go` failed\n"));
    let lines = json_lines(&comparisons, Shape::FanoutMax);
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["ratio"], 0.5);
    assert_eq!(lines[0]["interval"], json!([0.5, 0.5]));
    assert_eq!(lines.last().unwrap()["not_measured"], "`go` failed");
}

#[test]
fn few_pairs_are_not_for_publication() {
    let remarks = remarks(&[comparison("bun", &[(1.0, 2.0); 14])], Shape::FanoutMax);
    assert_eq!(remarks.len(), 1);
    assert!(remarks[0].starts_with("not for publication"));
}

#[test]
fn faults_are_summed_up_for_each_contender() {
    let mut measured = comparison("bun", &[(1.0, 2.0); 15]);
    measured.pairs[0].peer["missing"] = json!(1_200);
    measured.pairs[3].peer["missing"] = json!(34);
    measured.pairs[3].peer["out_of_order"] = json!(1);
    let remarks = remarks(&[measured], Shape::FanoutMax);
    assert_eq!(
        remarks,
        ["bun 1.0: 1,234 missing, 1 out of order in 15 runs"]
    );
}

#[test]
fn the_picture_has_a_bar_for_each_contender_and_figure() {
    let mut absent = comparison("ws", &[]);
    absent.not_measured = Some("absent".to_owned());
    let comparisons = [comparison("bun", &[(1.0, 2.0); 15]), absent];
    let picture = picture(&comparisons, Shape::FanoutMax);
    assert_eq!(picture.matches("<rect class=\"own\"").count(), 2);
    assert_eq!(picture.matches("<rect class=\"peer\"").count(), 2);
}
