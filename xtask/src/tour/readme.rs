//! What the README tells a newcomer to write: the program, and what it depends on.

use std::path::Path;

use crate::run::Failure;

/// The address that the README's program listens on.
const ADDRESS: &str = "127.0.0.1:8080";
/// What stands around the words of the sentence that names tokio's features.
const TOKIO: &str = "`tokio`";

/// A newcomer's program.
#[derive(Debug)]
pub(super) struct Program {
    /// The block of code, as it stands there.
    source: String,
    /// The features of tokio that the text after it asks for.
    tokio_features: Vec<String>,
}

impl Program {
    /// Finds the program in the README's text.
    ///
    /// # Errors
    /// When there is none, or the text after it does not say what it depends on.
    pub(super) fn find(readme: &str) -> Result<Self, Failure> {
        let mut rest = readme;
        while let Some((_, block)) = rest.split_once("```rust\n") {
            let (source, after) = block
                .split_once("```")
                .ok_or_else(|| Failure::new("a block of Rust code has no end"))?;
            if source.contains("fn main(") {
                return Ok(Self {
                    source: source.to_owned(),
                    tokio_features: tokio_features(after)?,
                });
            }
            rest = after;
        }
        Err(Failure::new("no block of Rust code has a `fn main(`"))
    }

    /// The source, listening at `address` instead of the fixed one, which may be taken.
    ///
    /// # Errors
    /// When it does not name the fixed address exactly once.
    pub(super) fn source_at(&self, address: &str) -> Result<String, Failure> {
        match self.source.matches(ADDRESS).count() {
            1 => Ok(self.source.replace(ADDRESS, address)),
            count => Err(Failure::new(format!(
                "the program names {ADDRESS} {count} times instead of once: the tour would not \
                 know where it listens"
            ))),
        }
    }

    /// The path of its first endpoint.
    ///
    /// # Errors
    /// When it mounts none.
    pub(super) fn endpoint(&self) -> Result<&str, Failure> {
        self.source
            .split_once(".endpoint(\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(path, _)| path)
            .ok_or_else(|| Failure::new("the program has no `.endpoint(\"…\"`"))
    }

    /// The manifest that the README describes, of a package called `name`, with the library at
    /// the path `library`.
    pub(super) fn manifest(&self, name: &str, library: &Path) -> String {
        let features: Vec<String> = self
            .tokio_features
            .iter()
            .map(|feature| format!("{feature:?}"))
            .collect();
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [dependencies]\ncampanile = {{ path = {:?} }}\n\
             tokio = {{ version = \"1\", features = [{}] }}\n\n\
             # It stands in a folder of the workspace, and is none of its members.\n[workspace]\n",
            library.display().to_string(),
            features.join(", ")
        )
    }
}

/// The words between back quotes in the sentence after "`tokio` with the features".
fn tokio_features(text: &str) -> Result<Vec<String>, Failure> {
    let sentence = text
        .split_once(TOKIO)
        .and_then(|(_, rest)| rest.split('.').next())
        .filter(|sentence| sentence.contains("feature"));
    let features: Vec<String> = sentence
        .unwrap_or_default()
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    if features.is_empty() {
        return Err(Failure::new(
            "after the program no sentence says \"`tokio` with the features `…`\"",
        ));
    }
    Ok(features)
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "# Bells\n```sh\ncargo run\n```\n```rust\nlet a = 1;\n```\nA chat:\n\
        ```rust\nfn main() { ring().endpoint(\"/chat\", e); bind(\"127.0.0.1:8080\") }\n```\n\
        It depends on `campanile` (by path) and on `tokio` with the\nfeatures `macros` and \
        `rt-multi-thread`. By default `origins` are checked.\n";

    #[test]
    fn the_program_is_the_block_with_a_main_function() {
        let program = Program::find(README).unwrap();
        assert!(program.source.starts_with("fn main()"));
        assert!(program.source.ends_with("}\n"));
        assert_eq!(program.endpoint().unwrap(), "/chat");
        assert_eq!(program.tokio_features, ["macros", "rt-multi-thread"]);
    }

    #[test]
    fn the_address_is_replaced() {
        let program = Program::find(README).unwrap();
        let source = program.source_at("127.0.0.1:4321").unwrap();
        assert!(source.contains("bind(\"127.0.0.1:4321\")"));
        assert!(!source.contains(":8080"));
    }

    #[test]
    fn the_manifest_depends_on_what_the_text_says() {
        let program = Program::find(README).unwrap();
        let manifest = program.manifest("tour", Path::new("/checkout/crates/campanile"));
        for line in [
            "name = \"tour\"",
            "campanile = { path = \"/checkout/crates/campanile\" }",
            "tokio = { version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }",
        ] {
            assert!(manifest.lines().any(|found| found == line), "{manifest}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let refusal = |readme: &str| Program::find(readme).unwrap_err().to_string();
        assert!(refusal("# Bells\n```rust\nlet a = 1;\n```\n").contains("fn main("));
        assert!(refusal("```rust\nfn main() {}").contains("no end"));
        let silent = "```rust\nfn main() {}\n```\nIt depends on `tokio`. Its features `a`.\n";
        assert!(refusal(silent).contains("with the features"));
        let program = Program::find(&README.replace("8080", "9090")).unwrap();
        let failure = program.source_at("127.0.0.1:1").unwrap_err();
        assert!(failure.to_string().contains("0 times"), "{failure}");
    }

    #[test]
    fn the_real_readme_has_a_program() {
        let readme = include_str!("../../../README.md");
        let program = Program::find(readme).unwrap();
        assert!(program.source_at("127.0.0.1:1").is_ok());
        assert!(program.endpoint().unwrap().starts_with('/'));
    }
}
