//! What a background driver tells its starter until it drives, and where its output goes.

use std::fs::File;
use std::io::{self, Write, stderr, stdout};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::journal::{Place, open_log};

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Word {
    /// From here on it writes to this file.
    Log(PathBuf),
    /// It has the Lease, under this name.
    Drives(String),
    /// It ended before it drove: why.
    Ended(String),
}

/// The way to the starter: what was standard output at the start. Closed once it drives.
#[derive(Clone)]
pub(super) struct Reporter(Arc<Mutex<Option<File>>>);

impl Reporter {
    /// Takes standard output for reports.
    pub fn begin() -> io::Result<Reporter> {
        let file = File::from(stdout().as_fd().try_clone_to_owned()?);
        Ok(Reporter(Arc::new(Mutex::new(Some(file)))))
    }

    /// Sends standard output and standard error to the release's log; nowhere, where it cannot be written: driving matters
    /// more than writing about it.
    pub fn write_to_log(&mut self, place: &Place) -> io::Result<()> {
        let (file, path) = match open_log(place) {
            Ok((file, path)) => (file, path),
            Err(_) => (File::options().write(true).open("/dev/null")?, PathBuf::from("/dev/null")),
        };
        stdout().flush()?;
        rustix::stdio::dup2_stdout(&file)?;
        stderr().flush()?;
        rustix::stdio::dup2_stderr(&file)?;
        self.tell(&Word::Log(path));
        Ok(())
    }

    /// Tells the starter, if it still listens. What it says last closes the way.
    pub fn tell(&self, word: &Word) {
        let mut way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(file), Ok(line)) = (way.as_mut(), serde_json::to_string(word)) {
            // A starter that is gone needs to know nothing.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
        if !matches!(word, Word::Log(_)) {
            *way = None;
        }
    }

    /// Tells it later.
    pub fn once(&self, word: Word) -> Box<dyn FnOnce() + Send> {
        let reporter = self.clone();
        Box::new(move || reporter.tell(&word))
    }
}
