//! Tests of a cron expression's fields.

use crate::schedule::Cron;

#[test]
fn refused_expressions_say_which_field_and_what_to_do() {
    let table = [
        ("", "has 0 fields instead of 6"),
        (
            "* * * * *",
            "has 5 fields instead of 6 (second, minute, hour, day of month, month, day \
          of week): put the second first",
        ),
        ("0 0 0 1 1 ? 2026", "leave out the year"),
        (
            "@reboot",
            "the cron macro `@reboot` is unknown: write @yearly",
        ),
        (
            "60 * * * * *",
            "the second field `60` is wrong: `60` is not allowed here: write 0 to 59",
        ),
        ("* 60 * * * *", "the minute field"),
        (
            "* * 24 * * *",
            "the hour field `24` is wrong: `24` is not allowed here: write 0 to 23",
        ),
        ("* * * 0 * *", "the day of month field `0`"),
        ("* * * 32 * *", "write 1 to 31, L, LW, L-3 or 15W"),
        ("* * * * 13 *", "write 1 to 12 or JAN to DEC"),
        ("* * * * JANUARY *", "`JANUARY` is not allowed here"),
        ("* * * * * 8", "0 and 7 are Sunday"),
        ("* * * * MON *", "the month field `MON`"),
        (
            "? * * * * *",
            "the second field `?` is wrong: `?` stands alone",
        ),
        ("* * * ?,3 * *", "`?` stands alone"),
        ("* * * ?/2 * *", "`?` stands alone"),
        ("1,,2 * * * * *", "a value is missing beside a comma"),
        (
            "0/0 * * * * *",
            "the step `0` is not a whole number from 1 on",
        ),
        ("0/ * * * * *", "the step ``"),
        ("0/5/5 * * * * *", "the step `5/5`"),
        ("/5 * * * * *", "`` is not allowed here: write 0 to 59"),
        ("+5 * * * * *", "`+5` is not allowed here"),
        ("-5 * * * * *", "`` is not allowed here"),
        (
            "* * 22-2 * * *",
            "the range `22-2` runs backwards: write two ranges",
        ),
        ("* * * * * FRI-TUE", "the range `FRI-TUE` runs backwards"),
        (
            "* * * L-0 * *",
            "write a whole number from 1 to 30 after `L-`",
        ),
        (
            "* * * L-31 * *",
            "write a whole number from 1 to 30 after `L-`",
        ),
        ("* * * W * *", "the day of month field `W`"),
        ("* * * 32W * *", "`32` is not allowed here"),
        ("* * * 5L * *", "`5L` is not allowed here"),
        ("* * * * * L", "write `5L` for the last Friday"),
        ("* * * * * 5#6", "write a number from 1 to 5 after `#`"),
        ("* * * * * 5#", "write a number from 1 to 5 after `#`"),
        ("* * * * * #2", "`` is not allowed here"),
        ("* * * * * 15W", "`15W` is not allowed here"),
        ("* * 5L * * *", "the hour field `5L`"),
        ("一 * * * * *", "the second field `一`"),
        ("0 0 0 30 2 ?", "never comes due"),
        ("0 0 0 31 4,6,9,11 *", "never comes due"),
        ("* * * L-29 2 *", "never comes due"),
        ("* * * 1 * 5#2", "never comes due"),
    ];
    for (expression, advice) in table {
        let error = Cron::spring(expression).expect_err(expression).to_string();
        assert!(error.contains(advice), "{expression}: {error}");
    }
}

#[test]
fn refused_quartz_expressions_say_which_field_and_what_to_do() {
    let table = [
        ("0 0 0 ? *", "has 5 fields instead of 6 or 7"),
        (
            "0 0 0 ? * 1 2026 1",
            "in Quartz's dialect, has 8 fields instead of 6 or 7 (second",
        ),
        (
            "@daily",
            "the cron macro `@daily` is Spring's: leave out `quartz:`",
        ),
        (
            "0 0 0 * * *",
            "exactly one of them has to be `?`; write `?` instead of one `*`",
        ),
        ("0 0 0 ? * ?", "write `*` in one of them for every day"),
        ("0 0 0 * * MON", "write `?` as the day of month"),
        ("0 0 0 1 * *", "write `?` as the day of week"),
        (
            "0 0 0 1 * MON",
            "both together can be had in Spring's dialect only",
        ),
        ("60 0 0 ? * *", "the second field `60` is wrong"),
        ("0 0 0 32 * ?", "write 1 to 31, L, LW, L-3, 15W or ?"),
        ("0 0 0 ? * 0", "1 is Sunday, 7 is Saturday"),
        ("0 0 0 ? * 8", "the day of week field `8`"),
        ("0 0 0 ? * 2#6", "write a number from 1 to 5 after `#`"),
        (
            "0 0 0 L-31 * ?",
            "write a whole number from 1 to 30 after `L-`",
        ),
        ("0 0 0 10-15W * ?", "the day of month field `10-15W`"),
        ("0 0 ? 1 * ?", "`?` stands alone"),
        ("0 0 0 1,? * ?", "`?` stands alone"),
        ("*/60 0 0 ? * *", "the step `60` is larger than 59"),
        ("0 0 0/24 ? * *", "the step `24` is larger than 23"),
        ("0 0 0 1/32 * ?", "the step `32` is larger than 31"),
        ("0 0 0 ? */13 *", "the step `13` is larger than 12"),
        ("0 0 0 ? * */8", "the step `8` is larger than 7"),
        (
            "0 0 0 ? * * 1969",
            "the year field `1969` is wrong: `1969` is not allowed here",
        ),
        ("0 0 0 ? * * 2100", "write 1970 to 2099"),
        ("0 0 0 ? * * 2030-2027", "write the earlier year first"),
        ("0 0 0 30 2 ?", "never comes due"),
        ("0 0 0 29 2 ? 2029-2031", "never comes due"),
    ];
    for (expression, advice) in table {
        let error = Cron::quartz(expression).expect_err(expression).to_string();
        assert!(error.contains(advice), "{expression}: {error}");
    }
}

#[test]
fn the_two_dialects_differ_in_what_they_take() {
    for only_quartz in [
        "0 0 22-2 ? * *",
        "0 0 0 ? * L",
        "0 0 0 L-3W * ?",
        "/5 * * * * ?",
    ] {
        assert!(Cron::quartz(only_quartz).is_ok(), "{only_quartz}");
        assert!(Cron::spring(only_quartz).is_err(), "{only_quartz}");
    }
    for only_spring in ["*/70 * * * * ?", "@daily", "0 0 0 13 * FRI", "0 0 0 ? * 0"] {
        assert!(Cron::spring(only_spring).is_ok(), "{only_spring}");
        assert!(Cron::quartz(only_spring).is_err(), "{only_spring}");
    }
}
