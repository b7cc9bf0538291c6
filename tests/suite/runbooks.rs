//! The ledger of the runbooks in use: what stands in them is shown by a test, not ours, or not yet.
//!
//! The ledger lies in `tests/runbooks/`; the runbooks themselves are read where they lie beside the checkout.

#[cfg(feature = "sim")]
mod ai_shop;
#[cfg(feature = "sim")]
mod feastfrenzy;
#[cfg(feature = "sim")]
mod fusion;
mod ledger;
mod limits;
mod named;
mod page;
#[cfg(feature = "sim")]
mod platform;
#[cfg(feature = "sim")]
mod retail;
#[cfg(feature = "sim")]
mod rollouts;
#[cfg(feature = "sim")]
mod site;
mod typed;

use std::path::{Path, PathBuf};

use ledger::{Ledger, Verdict};
use page::Page;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder, in order.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file()).collect();
    found.sort();
    found
}

fn ledgers() -> Vec<Ledger> {
    files(&root().join("tests/runbooks")).iter().map(|path| Ledger::read(path)).collect()
}

#[test]
fn every_entry_has_one_verdict_and_every_test_it_names_exists() {
    let ledgers = ledgers();
    let mut faults = vec![];
    for ledger in &ledgers {
        for entry in &ledger.entries {
            let place = format!("{}: {}", ledger.file, entry.label());
            faults.extend(entry.faults().into_iter().map(|fault| format!("{place}: {fault}")));
            if let Some(Verdict::Test(test)) = entry.verdict() {
                faults.extend(named::missing(root(), test).map(|fault| format!("{place}: {fault}")));
            }
            faults.extend(entry.real().and_then(|test| named::missing(root(), &test)).map(|fault| format!("{place}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "the ledger of the runbooks:\n{}", faults.join("\n"));
    assert!(ledgers.iter().map(|l| l.entries.len()).sum::<usize>() > 200);
}

#[test]
fn every_line_of_the_runbooks_has_an_entry() {
    let dir = root().join("../shared/runbooks");
    if !dir.is_dir() {
        return println!("left out: there are no runbooks beside this checkout");
    }
    let ledgers = ledgers();
    let mut faults = vec![];
    for path in files(&dir) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let page = Page::read(&std::fs::read_to_string(&path).unwrap());
        let covered = ledger::cover(&page, &name, &ledgers);
        println!("{name}: {}", covered.counts);
        faults.extend(covered.faults);
    }
    assert!(faults.is_empty(), "tests/runbooks/ and the runbooks differ:\n{}", faults.join("\n"));
}
