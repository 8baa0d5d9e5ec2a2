//! Tests of path templates and of the table that finds them.

use super::*;

fn template(source: &str) -> PathTemplate {
    PathTemplate::parse(source).expect("a valid template")
}

/// The values, or `None`, as strings that compare easily.
fn values(source: &str, path: &str) -> Option<Vec<String>> {
    template(source).matches(path)
}

#[test]
fn matching() {
    let table: &[(&str, &str, Option<&[&str]>)] = &[
        ("/chat", "/chat", Some(&[])),
        ("/chat", "/Chat", None),
        ("/chat", "/chat/", None),
        ("/chat/", "/chat/", Some(&[])),
        ("/chat/", "/chat", None),
        ("/chat", "/chat/x", None),
        ("/chat", "chat", None),
        ("/chat", "", None),
        ("/", "/", Some(&[])),
        ("/", "//", None),
        ("/", "/x", None),
        ("/ws/{sid}", "/ws/20", Some(&["20"])),
        ("/ws/{sid}", "/ws/", None),
        ("/ws/{sid}", "/ws", None),
        ("/ws/{sid}", "/ws/20/", None),
        ("/ws/{sid}", "/ws//20", None),
        ("/ws/{sid}/", "/ws/20/", Some(&["20"])),
        ("/ws/{sid}/", "/ws/20", None),
        ("/{a}/x/{b}", "/1/x/2", Some(&["1", "2"])),
        ("/{a}/x/{b}", "/1/y/2", None),
        ("/ws/{sid}", "/ws/%E5%BC%A0%E4%B8%89", Some(&["张三"])),
        ("/ws/{sid}", "/ws/a%2Fb", Some(&["a/b"])),
        ("/ws/{sid}", "/ws/a%2fb", Some(&["a/b"])),
        ("/ws/{sid}", "/ws/a+b", Some(&["a+b"])),
        ("/ws/{sid}", "/ws/a%20b", Some(&["a b"])),
        ("/ws/{sid}", "/ws/%25", Some(&["%"])),
        // Escapes are decoded once.
        ("/ws/{sid}", "/ws/%252F", Some(&["%2F"])),
        ("/ws/{sid}", "/ws/%", None),
        ("/ws/{sid}", "/ws/%4", None),
        ("/ws/{sid}", "/ws/%zz", None),
        ("/ws/{sid}", "/ws/%+1", None),
        ("/ws/{sid}", "/ws/%FF", None),
        ("/ws/{sid}", "/ws/%C0%AF", None),
        ("/ws/{sid}", "/ws/%ED%A0%80", None),
        ("/ws/{sid}", "/ws/..", None),
        ("/ws/{sid}", "/ws/.", None),
        ("/ws/{sid}", "/ws/%2e%2E", None),
        ("/ws/{sid}", "/ws/...", Some(&["..."])),
        ("/café", "/caf%C3%A9", Some(&[])),
        ("/caf%c3%a9", "/caf%C3%A9", Some(&[])),
        ("/a", "/%61", Some(&[])),
        ("/a/b", "/a%2Fb", None),
        ("/a%2Fb", "/a%2Fb", Some(&[])),
        ("/a%2Fb", "/a/b", None),
        ("/it's", "/it's", Some(&[])),
        ("/a*b", "/a*b", Some(&[])),
    ];
    for (source, path, expected) in table {
        let expected = expected.map(|values| values.iter().map(ToString::to_string).collect());
        assert_eq!(values(source, path), expected, "{source} against {path}");
    }
}

#[test]
fn a_path_of_slashes_is_refused_at_the_limit() {
    let slashes = "/".repeat(100_000);
    assert_eq!(values("/ws/{sid}", &slashes), None);
}

#[test]
fn names_keep_the_order_of_the_path() {
    let names: Vec<String> = template("/{b}/{a_1}/{c.d}")
        .names()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["b", "a_1", "c.d"]);
    assert!(template("/plain").names().is_empty());
    assert_eq!(template("/ws/{sid}").to_string(), "/ws/{sid}");
    assert_eq!(template("/ws/{sid}").as_str(), "/ws/{sid}");
}

#[test]
fn refused_templates_say_what_to_do() {
    let table = [
        ("ws", "write `/ws`"),
        ("", "does not start with `/`"),
        ("//ws", "empty segment"),
        ("/a//b", "empty segment"),
        ("/a//", "empty segment"),
        ("/./a", "the segment `.`"),
        ("/a/..", "the segment `..`"),
        ("/a/%2e%2e/b", "the segment `%2e%2e`"),
        ("/a/*", "write `{name}`"),
        ("/a/**", "segment `**` begins"),
        ("/a/:id", "write `{name}`"),
        ("/a/*rest", "write `{name}`"),
        ("/a/x{b}", "a whole segment"),
        ("/a/{b}x", "a whole segment"),
        ("/a/{b}{c}", "a whole segment"),
        ("/a/{b", "a whole segment"),
        ("/a/b}", "a whole segment"),
        ("/a/{}", "letters, digits"),
        ("/a/{*rest}", "variable `{*rest}`"),
        ("/a/{+b}", "variable `{+b}`"),
        ("/a/{b.}", "variable `{b.}`"),
        ("/a/{b,c}", "variable `{b,c}`"),
        ("/{a}/{a}", "variable `{a}` twice"),
        ("/a?b=c", "the character '?'"),
        ("/a#b", "the character '#'"),
        ("/a b", "the character ' '"),
        ("/a\n", r"the character '\n'"),
        ("/100%", "write `%25`"),
        ("/%FF", "not valid percent-encoded UTF-8"),
    ];
    for (source, advice) in table {
        let error = PathTemplate::parse(source).expect_err(source).to_string();
        assert!(error.contains(advice), "{source}: {error}");
    }
}
