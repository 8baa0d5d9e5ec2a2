//! Which endpoint a path leads to, under Jakarta's rules.

mod raw;
mod support;

use campanile::path::TemplateError;
use campanile::{BuildError, Campanile, Endpoint, Session};

use raw::shake;
use support::House;

/// An endpoint that says its name and its path's parameters.
fn named(name: &'static str) -> Endpoint {
    Endpoint::new().on_open(move |session: Session| async move {
        let parameters = session.path_parameters();
        let all: Vec<_> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("{name} {}", all.join(","))
    })
}

async fn house(templates: &[&'static str]) -> House {
    let builder = templates
        .iter()
        .fold(Campanile::builder(), |builder, template| {
            builder.endpoint(*template, named(template))
        });
    House::serve(builder.build().expect("valid")).await
}

#[tokio::test]
async fn s186_the_leftmost_exact_segment_wins_whatever_the_order() {
    let templates = ["/a/{x}/c", "/a/b/{y}", "/{w}/b/c", "/a/b/c", "/a/{x}"];
    let reversed: Vec<_> = templates.iter().rev().copied().collect();
    for order in [templates.to_vec(), reversed] {
        let house = house(&order).await;
        for (path, expected) in [
            ("/a/b/c", "/a/b/c "),
            ("/a/b/d", "/a/b/{y} y=d"),
            ("/a/z/c", "/a/{x}/c x=z"),
            ("/z/b/c", "/{w}/b/c w=z"),
            ("/a/b", "/a/{x} x=b"),
        ] {
            let mut answer = shake(house.address, path, &[]).await;
            assert_eq!(answer.next_text().await, expected, "{path}");
        }
        for path in ["/a/z/d", "/A/b", "/a", "/a/b/c/d", "/"] {
            assert_eq!(shake(house.address, path, &[]).await.status, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn s186_a_trailing_slash_is_another_path() {
    let both = house(&["/a", "/a/", "/b/{x}"]).await;
    for (path, expected) in [("/a", "/a "), ("/a/", "/a/ "), ("/b/1", "/b/{x} x=1")] {
        let mut answer = shake(both.address, path, &[]).await;
        assert_eq!(answer.next_text().await, expected, "{path}");
    }
    for path in ["/a//", "/b/", "/b/1/", "/b//1", "//a", "/a/./"] {
        assert_eq!(shake(both.address, path, &[]).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn s186_an_encoded_slash_belongs_to_its_segment() {
    let house = house(&["/files/{name}", "/files/{name}/{part}", "/caf\u{e9}"]).await;
    for (path, expected) in [
        ("/files/a%2Fb", "/files/{name} name=a/b"),
        ("/files/a%2fb/c", "/files/{name}/{part} name=a/b,part=c"),
        ("/files/a/b", "/files/{name}/{part} name=a,part=b"),
        ("/files/%E4%BD%A0%20", "/files/{name} name=你 "),
        ("/files/100%25", "/files/{name} name=100%"),
        ("/files/%252F", "/files/{name} name=%2F"),
        ("/caf%C3%A9", "/caf\u{e9} "),
    ] {
        let mut answer = shake(house.address, path, &[]).await;
        assert_eq!(answer.next_text().await, expected, "{path}");
    }
    for path in [
        "/files%2Fa",
        "/files/%zz",
        "/files/%FF",
        "/files/%2e%2e",
        "/files/..",
    ] {
        assert_eq!(shake(house.address, path, &[]).await.status, 404, "{path}");
    }
}

#[test]
fn s186_duplicates_and_malformed_templates_are_refused_when_the_application_is_built() {
    for (first, second) in [
        ("/a/{x}", "/a/{y}"),
        ("/a", "/a"),
        ("/caf\u{e9}", "/caf%C3%A9"),
    ] {
        let built = Campanile::builder()
            .endpoints([first, second], Endpoint::new())
            .build();
        match built.expect_err("the same URLs") {
            BuildError::Path { path, source } => {
                assert_eq!(path, second);
                assert!(
                    matches!(source, TemplateError::Equivalent { .. }),
                    "{source}"
                );
            }
            other => panic!("another error: {other}"),
        }
    }
    for template in ["a", "/a//b", "/a/../b", "/a/x{b}", "/{a}/{a}", "/a/{b"] {
        let built = Campanile::builder()
            .endpoint(template, Endpoint::new())
            .build();
        let error = built.expect_err(template);
        assert!(
            matches!(&error, BuildError::Path { path, .. } if path == template),
            "{error}"
        );
    }
}
