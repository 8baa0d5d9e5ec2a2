//! `cargo xtask parity`: which features of Java's WebSocket stack are here, and the tests that
//! prove it.

mod page;
mod rows;
mod scan;

use std::fs;

use crate::{
    place::Place,
    run::{Failure, during},
};

use rows::List;

/// The list of the features, below the top of the checkout.
const LIST: &str = "docs/parity.txt";
/// The page that is made from it.
const PAGE: &str = "docs/parity.md";

/// Writes the page anew.
///
/// # Errors
/// When the list is not right, or the file system fails. What lacks a test is printed only.
pub(crate) fn write(place: &Place) -> Result<(), Failure> {
    let (page, problems) = make(place)?;
    let path = place.root.join(PAGE);
    fs::write(&path, page).map_err(during(path.display()))?;
    println!("    wrote {PAGE}");
    for problem in problems {
        println!("    {problem}");
    }
    Ok(())
}

/// Checks that the page is what would be written, that what is done has tests, and that every
/// number in a test's name is a row's.
///
/// # Errors
/// When it is not so; every problem is listed.
pub(crate) fn check(place: &Place) -> Result<(), Failure> {
    let (page, mut problems) = make(place)?;
    if fs::read_to_string(place.root.join(PAGE)).ok().as_deref() != Some(page.as_str()) {
        problems.push(format!(
            "{PAGE} is not current: run `cargo xtask parity` and commit what it writes"
        ));
    }
    if problems.is_empty() {
        println!("    every row that is done has a test");
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} problems with {LIST}:\n  {}",
        problems.len(),
        problems.join("\n  ")
    )))
}

/// The page, and what is wrong.
fn make(place: &Place) -> Result<(String, Vec<String>), Failure> {
    let path = place.root.join(LIST);
    let text = fs::read_to_string(&path).map_err(during(path.display()))?;
    let list = List::parse(&text).map_err(during(LIST))?;
    let tests = scan::tests(place)?;
    Ok((page::page(&list, &tests), page::problems(&list, &tests)))
}
