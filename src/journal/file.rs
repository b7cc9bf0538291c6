//! The file: JSON lines, only ever added to.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::domain::journal::Entry;

/// A journal as read.
#[derive(Debug, Default)]
pub struct History {
    /// Its lines, in the order they were written.
    pub entries: Vec<Entry>,
    /// Lines that cannot be read: cut short by a crash, or written by a newer program.
    pub damaged: usize,
}

/// Reads a journal. A file that is not there is an empty one.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read(path: &Path) -> io::Result<History> {
    let bytes = match std::fs::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other?,
    };
    let mut history = History::default();
    for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(entry) => history.entries.push(entry),
            Err(_) => history.damaged += 1,
        }
    }
    Ok(history)
}

/// Opens for appending; creates file and folders for the owner alone.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut folders = DirBuilder::new();
    let mut options = OpenOptions::new();
    folders.recursive(true);
    options.append(true).read(true).create(true);
    #[cfg(unix)]
    {
        std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    if let Some(folder) = path.parent() {
        folders.create(folder)?;
    }
    let mut file = options.open(path)?;
    if is_torn(&mut file)? {
        // What follows begins on a line of its own.
        file.write_all(b"\n")?;
    }
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        // A new file's name is on disk too; not every file system can do this.
        let _ = folder.sync_all();
    }
    Ok(file)
}

/// Whether the last line has no end.
fn is_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Adds a line with one write.
pub(super) fn append(file: &mut File, entry: &Entry, durable: bool) -> io::Result<()> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    file.write_all(&line)?;
    if durable { file.sync_data() } else { Ok(()) }
}
