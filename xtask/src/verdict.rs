//! The verdict on what the Autobahn test suite reports.

use serde_json::{Map, Value};

/// The cases that have no right outcome: the suite only writes down what happened.
const INFORMATIONAL: [&str; 3] = ["7.1.6", "7.13.1", "7.13.2"];

/// What the reports on one server say.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// How many cases are OK.
    pub(crate) right: usize,
    /// How many are informational, and must be.
    pub(crate) informational: usize,
    /// All others, with their outcomes, and those that did not run.
    pub(crate) wrong: Vec<String>,
}

/// Judges the cases of a report, of which there must be `case_count`. Of a case both the behaviour
/// and the way it closed must be right.
pub(crate) fn judge(cases: &Map<String, Value>, case_count: usize) -> Verdict {
    let mut verdict = Verdict {
        right: 0,
        informational: 0,
        wrong: Vec::new(),
    };
    for (case, outcome) in cases {
        let behavior = outcome["behavior"].as_str().unwrap_or("absent");
        let close = outcome["behaviorClose"].as_str().unwrap_or("absent");
        let is_informational = INFORMATIONAL.contains(&case.as_str());
        let (expected, count) = match is_informational {
            true => ("INFORMATIONAL", &mut verdict.informational),
            false => ("OK", &mut verdict.right),
        };
        if behavior == expected && close == expected {
            *count += 1;
        } else {
            let wrong = format!("{case}: {behavior}, close {close}");
            verdict.wrong.push(wrong);
        }
    }
    if cases.len() != case_count {
        let count = cases.len();
        let wrong = format!("{count} cases were run instead of {case_count}");
        verdict.wrong.push(wrong);
    }
    for case in INFORMATIONAL {
        if !cases.contains_key(case) {
            verdict.wrong.push(format!("{case}: not run"));
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COUNT: usize = 517;

    /// A report in which every case has the outcome that it must have.
    fn perfect() -> Map<String, Value> {
        let mut cases = Map::new();
        for case in INFORMATIONAL {
            let outcome = json!({"behavior": "INFORMATIONAL", "behaviorClose": "INFORMATIONAL"});
            cases.insert(case.to_owned(), outcome);
        }
        for number in 0..COUNT - INFORMATIONAL.len() {
            let outcome = json!({"behavior": "OK", "behaviorClose": "OK"});
            cases.insert(format!("1.{number}"), outcome);
        }
        cases
    }

    #[test]
    fn a_perfect_report_passes() {
        let verdict = judge(&perfect(), COUNT);
        assert_eq!((verdict.right, verdict.informational), (514, 3));
        assert!(verdict.wrong.is_empty());
    }

    #[test]
    fn every_other_outcome_fails() {
        let outcomes = [
            "NON-STRICT",
            "UNIMPLEMENTED",
            "UNCLEAN",
            "WRONG CODE",
            "FAILED",
            "FAILED BY CLIENT",
            "INFORMATIONAL",
        ];
        for outcome in outcomes {
            for field in ["behavior", "behaviorClose"] {
                let mut report = perfect();
                report["1.7"][field] = outcome.into();
                let verdict = judge(&report, COUNT);
                assert_eq!((verdict.right, verdict.wrong.len()), (513, 1), "{outcome}");
                assert!(verdict.wrong[0].starts_with("1.7: "), "{:?}", verdict.wrong);
            }
        }
    }

    #[test]
    fn a_case_that_did_not_run_fails() {
        let mut report = perfect();
        report.remove("1.7");
        let verdict = judge(&report, COUNT);
        assert_eq!(verdict.wrong, ["516 cases were run instead of 517"]);
        report.remove("7.1.6");
        assert_eq!(judge(&report, COUNT).wrong.len(), 2);
        assert_eq!(judge(&Map::new(), COUNT).wrong.len(), 4);
    }
}
