//! `cargo xtask api`: what the libraries promise by their public items, and that it does not
//! change unnoticed.

mod rustdoc;
mod semver;
mod snapshot;

use std::fs;

use crate::{
    place::Place,
    run::{Failure, during},
};

/// The libraries. The hub and the codec are among them because `campanile` re-exports of the
/// one all, of the other much: a type that is only re-exported is not in `campanile`'s own JSON.
const CRATES: [&str; 4] = [
    "campanile",
    "campanile-client",
    "campanile-hub",
    "campanile-websocket",
];
/// Where the snapshots are, below the top of the checkout.
const FOLDER: &str = "docs/api";

/// Checks that each snapshot is what the library's items are today, and that nothing which was
/// there in the baseline has broken without a new version.
///
/// # Errors
/// When it is not so, with the items.
pub(crate) fn check(place: &Place) -> Result<(), Failure> {
    let json = place.target.join("api/current");
    rustdoc::write_json(place, &place.root, &CRATES, &json)?;
    let mut changes = Vec::new();
    for name in CRATES {
        let items = snapshot::items(&json.join(rustdoc::file_name(name)))?;
        let kept = fs::read_to_string(place.root.join(snapshot::file(name))).unwrap_or_default();
        let change = snapshot::difference(&kept, &items);
        if change.is_empty() {
            println!(
                "    {name}: {} public items, as they were",
                items.lines().count()
            );
        } else {
            changes.push(format!("{}:\n{change}", snapshot::file(name)));
        }
    }
    if !changes.is_empty() {
        return Err(Failure::new(format!(
            "public items have changed:\n{}If that is what you want: `cargo xtask api --bless`, \
             and a line in CHANGELOG.md",
            changes.concat()
        )));
    }
    semver::check(place, &CRATES, &json)
}

/// Writes the snapshots anew.
///
/// # Errors
/// When cargo or the file system fails.
pub(crate) fn bless(place: &Place) -> Result<(), Failure> {
    let json = place.target.join("api/current");
    rustdoc::write_json(place, &place.root, &CRATES, &json)?;
    let folder = place.root.join(FOLDER);
    fs::create_dir_all(&folder).map_err(during(folder.display()))?;
    for name in CRATES {
        let items = snapshot::items(&json.join(rustdoc::file_name(name)))?;
        let file = place.root.join(snapshot::file(name));
        let kept = fs::read_to_string(&file).unwrap_or_default();
        print!("{}", snapshot::difference(&kept, &items));
        fs::write(&file, items).map_err(during(file.display()))?;
        println!("    wrote {}", snapshot::file(name));
    }
    Ok(())
}

/// Makes the last commit the baseline that later changes are compared with.
///
/// # Errors
/// When git or the file system fails.
pub(crate) fn renew_baseline(place: &Place) -> Result<(), Failure> {
    semver::renew_baseline(place)
}
