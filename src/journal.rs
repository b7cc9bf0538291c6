//! The append-only record of what was asked, decided, sent and answered: one JSON line an [`Entry`], one file a release,
//! on the machine of whoever acted.
//!
//! Lines are only ever added, each with one write, so that several programs may share a file. A line that must survive a
//! crash (an intent) is on disk when [`Journal::append`] returns. A tail that a crash cut short is kept as it is: the next
//! line begins below it. Where no file can be written the journal lives in memory, and says so once. Each line names the digest
//! of the one before it, so that a line that was changed or removed later is found out.

mod chain;
mod file;
mod place;
pub mod who;

pub use file::{History, read};
pub use place::Place;

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::domain::journal::Entry;

/// How many lines are kept in memory.
pub const LINES_KEPT: usize = 1000;

/// Why a line is not on disk.
#[derive(Debug, Error)]
#[error(
    "journal {path}: {why}; nothing goes forward until it can be written (a rollback does): make room, or point XDG_STATE_HOME elsewhere and start again"
)]
pub struct JournalError {
    /// The file.
    pub path: String,
    /// What the system says.
    pub why: String,
}

/// Opens the file that a driver without a terminal writes to, beside the release's journal; tells where it is.
///
/// # Errors
/// When there is no home directory, or the file cannot be written.
pub fn open_log(place: &Place) -> std::io::Result<(File, PathBuf)> {
    let none = || std::io::Error::new(std::io::ErrorKind::NotFound, "no home directory");
    let path = place.path().ok_or_else(none)?.with_extension("log");
    Ok((file::open(&path)?, path))
}

/// The record of one release.
#[derive(Debug)]
pub struct Journal {
    path: Option<PathBuf>,
    file: Option<File>,
    lines: VecDeque<Entry>,
    warning: Option<String>,
}

impl Journal {
    /// A journal that is written nowhere: read-only mode, rehearsals.
    pub fn in_memory() -> Journal {
        Journal { path: None, file: None, lines: VecDeque::new(), warning: None }
    }

    /// Opens a release's journal for appending. Never fails: what cannot be written is kept in memory, with a
    /// [`Journal::warning`].
    pub fn open(place: &Place) -> Journal {
        let mut journal = Journal::in_memory();
        match place.path().map(|path| (file::open(&path), path)) {
            Some((Ok(file), path)) => {
                journal.file = Some(file);
                journal.path = Some(path);
            }
            Some((Err(e), path)) => {
                journal.warning = Some(format!("the journal {} cannot be written ({e}): it is kept in memory only", path.display()));
            }
            None => journal.warning = Some("no home directory: the journal is kept in memory only".to_owned()),
        }
        journal
    }

    /// Adds a line. With `durable` it is on disk when this returns.
    ///
    /// # Errors
    /// When the file cannot be written; the line is in memory all the same, and the file is opened anew for the next one.
    pub fn append(&mut self, entry: &Entry, durable: bool) -> Result<(), JournalError> {
        self.lines.push_back(entry.clone());
        while self.lines.len() > LINES_KEPT {
            self.lines.pop_front();
        }
        let Some(path) = &self.path else { return Ok(()) };
        let written = match self.file.take() {
            Some(file) => Ok(file),
            None => file::open(path),
        }
        .and_then(|mut file| file::append(&mut file, entry, durable).map(|()| file));
        match written {
            Ok(file) => {
                self.file = Some(file);
                Ok(())
            }
            Err(e) => {
                let error = JournalError { path: path.display().to_string(), why: e.to_string() };
                self.warning = Some(error.to_string());
                Err(error)
            }
        }
    }

    /// The newest lines of this process, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.lines.iter()
    }

    /// The file, where there is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What a person should know about it; given once.
    pub fn take_warning(&mut self) -> Option<String> {
        self.warning.take()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::domain::journal::EntryKind;

    fn entry(text: &str) -> Entry {
        Entry { at: jiff::Timestamp::UNIX_EPOCH, kind: EntryKind::Intent, actor: "you@bastion1".into(), text: text.into() }
    }

    fn texts(history: &History) -> Vec<&str> {
        history.entries.iter().map(|e| e.text.as_str()).collect()
    }

    #[test]
    fn lines_are_added_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(Some(dir.path().into()), "prod/eu", "shop", "web");
        let mut a = Journal::open(&place);
        let mut b = Journal::open(&place);
        a.append(&entry("one"), true).unwrap();
        b.append(&entry("two\nlines \u{1b}[2J"), false).unwrap();
        a.append(&entry("three"), false).unwrap();
        let history = read(a.path().unwrap()).unwrap();
        assert_eq!(texts(&history), ["one", "two\nlines \u{1b}[2J", "three"], "in the order of writing, whoever wrote");
        assert_eq!(history.damaged, 0);
        assert!(a.path().unwrap().ends_with("cutover/journal/prod%2Feu/shop/web.jsonl"), "{:?}", a.path());
    }

    #[test]
    fn a_tail_that_was_cut_short_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(Some(dir.path().into()), "c", "n", "r");
        let mut journal = Journal::open(&place);
        journal.append(&entry("before"), true).unwrap();
        let path = journal.path().unwrap().to_owned();
        drop(journal);
        let torn = b"{\"at\":\"2026-01-01T00:00:00Z\",\"kind\":\"int\xff";
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(torn).unwrap();
        let mut journal = Journal::open(&place);
        journal.append(&entry("after"), true).unwrap();
        let history = read(&path).unwrap();
        assert_eq!((texts(&history), history.damaged), (vec!["before", "after"], 1));
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.windows(torn.len()).any(|w| w == torn), "what was there is still there");
    }

    #[test]
    fn without_a_place_to_write_it_goes_on_in_memory_and_says_so_once() {
        let dir = tempfile::tempdir().unwrap();
        let blocked = dir.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        for place in [Place::new(Some(blocked), "c", "n", "r"), Place::new(None, "c", "n", "r")] {
            let mut journal = Journal::open(&place);
            assert!(journal.take_warning().is_some_and(|w| w.contains("memory only")));
            assert_eq!(journal.take_warning(), None);
            journal.append(&entry("kept"), true).unwrap();
            assert_eq!(journal.lines().count(), 1);
        }
    }

    #[test]
    fn a_line_that_was_not_taken_is_told_and_the_next_one_is_tried_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cutover/journal/c/n/r.jsonl");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut journal = Journal::open(&Place::new(Some(dir.path().into()), "c", "n", "r"));
        for _ in 0..2 {
            let error = journal.append(&entry("lost"), true).unwrap_err().to_string();
            assert!(error.contains("No space left") && error.contains("nothing goes forward"), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        journal.append(&entry("kept"), true).unwrap();
        assert_eq!(texts(&read(&path).unwrap()), ["kept"]);
    }

    #[test]
    fn who_changes_removes_or_adds_a_line_is_found_out_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&Place::new(Some(dir.path().into()), "c", "n", "r"));
        for text in ["one", "two", &"long ".repeat(5_000), "four"] {
            journal.append(&entry(text), false).unwrap();
        }
        let path = journal.path().unwrap().to_owned();
        let written = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = written.lines().collect();
        let told = |lines: &[&str]| {
            std::fs::write(&path, lines.join("\n") + "\n").unwrap();
            let history = read(&path).unwrap();
            assert_eq!(history.damaged, 0);
            history.broken
        };
        assert_eq!(told(&lines), [0; 0]);
        let changed = lines[1].replace("two", "2");
        assert_eq!(told(&[lines[0], &changed, lines[2], lines[3]]), [3]);
        assert_eq!(told(&[lines[0], lines[2], lines[3]]), [2], "one is gone");
        assert_eq!(told(&lines[1..]), [1], "the head is gone");
        let added = serde_json::to_string(&entry("nothing of the kind")).unwrap();
        assert_eq!(told(&[lines[0], &added, lines[1], lines[2], lines[3]]), [2, 3]);
        // Lines from before there was a chain are as they are; from the first link on nothing may be without.
        assert_eq!(told(&[&added, &added]), [0; 0]);
        journal.append(&entry("after"), false).unwrap();
        assert_eq!(read(&path).unwrap().broken, [0; 0]);
    }

    #[test]
    fn many_that_write_at_once_leave_one_chain() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(Some(dir.path().into()), "c", "n", "r");
        std::thread::scope(|scope| {
            for who in 0..4 {
                let place = &place;
                scope.spawn(move || {
                    let mut journal = Journal::open(place);
                    (0..50).for_each(|n| journal.append(&entry(&format!("{who}/{n}")), false).unwrap());
                });
            }
        });
        let history = read(&place.path().unwrap()).unwrap();
        assert_eq!((history.entries.len(), history.damaged, history.broken), (200, 0, vec![]));
    }

    #[test]
    fn a_file_that_somebody_else_holds_keeps_no_line_from_being_written() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(Some(dir.path().into()), "c", "n", "r");
        let mut journal = Journal::open(&place);
        journal.append(&entry("before"), false).unwrap();
        let holder = File::open(journal.path().unwrap()).unwrap();
        holder.lock().unwrap();
        journal.append(&entry("meanwhile"), true).unwrap();
        drop(holder);
        journal.append(&entry("after"), false).unwrap();
        let history = read(journal.path().unwrap()).unwrap();
        assert_eq!((texts(&history), history.broken.as_slice()), (vec!["before", "meanwhile", "after"], [2].as_slice()), "and it shows");
    }

    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(&Place::new(Some(dir.path().into()), "c", "n", "r"));
        let mode = std::fs::metadata(journal.path().unwrap()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn memory_is_bounded() {
        let mut journal = Journal::in_memory();
        (0..LINES_KEPT + 5).for_each(|n| journal.append(&entry(&n.to_string()), false).unwrap());
        assert_eq!(journal.lines().count(), LINES_KEPT);
        assert_eq!(journal.lines().next().unwrap().text, "5");
    }
}
