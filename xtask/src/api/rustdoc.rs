//! What rustdoc knows of the libraries, as JSON.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::{
    place::Place,
    run::{Failure, during, run},
};

/// The version of rustdoc's JSON that `public-api`, at the version that the manifest names, reads.
const FORMAT: u64 = 57;

/// rustdoc with its JSON, which the stable one only gives when told that it is not stable. The
/// variable is set for rustdoc alone: set for all of cargo it would make build scripts choose
/// unstable features, and all dependencies would be compiled again.
const WRAPPER: &str = "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n";

/// Writes the JSON of each of `crates` in the workspace at `root` into the folder `into`.
///
/// # Errors
/// When cargo fails, or rustdoc writes a version of JSON that is not understood.
pub(super) fn write_json(
    place: &Place,
    root: &Path,
    crates: &[&str],
    into: &Path,
) -> Result<(), Failure> {
    fs::create_dir_all(into).map_err(during(into.display()))?;
    let wrapper = into.join("rustdoc.sh");
    fs::write(&wrapper, WRAPPER).map_err(during(wrapper.display()))?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))
        .map_err(during(wrapper.display()))?;
    // All members at once, as the other steps do: so dependencies have the same features as
    // there, and nothing is compiled again.
    let mut doc = place.cargo(&[
        "doc",
        "--quiet",
        "--workspace",
        "--no-deps",
        "--lib",
        "--features",
        "campanile/test-kit",
    ]);
    doc.current_dir(root)
        .env("CARGO_TARGET_DIR", &place.target)
        .env("RUSTDOC", &wrapper)
        .env("RUSTDOCFLAGS", "-Z unstable-options --output-format json");
    let made = |name: &str| place.target.join("doc").join(file_name(name));
    for name in crates {
        // What is found afterwards must be of these files, not of another run's.
        let made = made(name);
        if made.exists() {
            fs::remove_file(&made).map_err(during(made.display()))?;
        }
    }
    run(&mut doc)?;
    for name in crates {
        let made = made(name);
        let json = fs::read_to_string(&made).map_err(during(made.display()))?;
        check_format(&json).map_err(during(made.display()))?;
        let kept = into.join(file_name(name));
        fs::write(&kept, json).map_err(during(kept.display()))?;
    }
    Ok(())
}

/// What the file is called that holds the JSON of the crate `name`.
pub(super) fn file_name(name: &str) -> String {
    format!("{}.json", name.replace('-', "_"))
}

fn check_format(json: &str) -> Result<(), Failure> {
    let json: serde_json::Value = serde_json::from_str(json).map_err(during("rustdoc's JSON"))?;
    match json["format_version"].as_u64() {
        Some(FORMAT) => Ok(()),
        other => Err(Failure::new(format!(
            "this is version {other:?} of rustdoc's JSON, and {FORMAT} is read here: run it with \
             Rust 1.95 (`rustup run 1.95 cargo xtask …`), or raise `public-api` in xtask/Cargo.toml"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crates_file_has_underscores() {
        assert_eq!(file_name("campanile-hub"), "campanile_hub.json");
    }

    #[test]
    fn another_format_is_refused_with_a_remedy() {
        assert!(check_format(r#"{"format_version":57}"#).is_ok());
        let failure = check_format(r#"{"format_version":60}"#).unwrap_err();
        assert!(failure.to_string().contains("Some(60)"), "{failure}");
        assert!(check_format("{}").unwrap_err().to_string().contains("None"));
        assert!(check_format("bells").is_err());
    }
}
