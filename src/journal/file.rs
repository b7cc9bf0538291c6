//! The file: JSON lines, only ever added to.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use super::chain::{Chain, FIRST, Found, Written, digest};
use crate::domain::journal::Entry;

/// How often, and how long apart, the file is tried to be had alone: others hold it for a line. Who cannot have it writes all the
/// same, and the line names none before it.
const TRIES: (u32, Duration) = (20, Duration::from_millis(5));
/// How much of the file's end is read at once, in bytes.
const BLOCK: u64 = 8192;

/// A journal as read.
#[derive(Debug, Default)]
pub struct History {
    /// Its lines, in the order they were written.
    pub entries: Vec<Entry>,
    /// Lines that cannot be read: cut short by a crash, or written by a newer program.
    pub damaged: usize,
    /// Lines, counted from 1, that do not follow from the line before: it was changed, removed or added later, or several programs
    /// could not agree on the file.
    pub broken: Vec<usize>,
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
    let (mut history, mut chain) = (History::default(), Chain::default());
    for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        let found = serde_json::from_slice::<Found>(line).ok();
        chain.follow(line, found.as_ref());
        match found {
            Some(found) => history.entries.push(found.entry),
            None => history.damaged += 1,
        }
    }
    history.broken = chain.broken;
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

/// Adds a line with one write, which names the line before it.
pub(super) fn append(file: &mut File, entry: &Entry, durable: bool) -> io::Result<()> {
    let alone = lock(file);
    let before = if alone { last_line(file)? } else { None };
    let prev = alone.then(|| before.as_deref().map_or_else(|| FIRST.to_owned(), digest));
    let mut line = serde_json::to_vec(&Written { entry, prev })?;
    line.push(b'\n');
    let written = file.write_all(&line);
    if alone {
        // What does not know locks had none.
        let _ = file.unlock();
    }
    written?;
    if durable { file.sync_data() } else { Ok(()) }
}

/// Waits a little until nobody else writes. A file system without locks is taken as it is.
fn lock(file: &File) -> bool {
    for _ in 0..TRIES.0 {
        match file.try_lock() {
            Ok(()) | Err(TryLockError::Error(_)) => return true,
            Err(TryLockError::WouldBlock) => std::thread::sleep(TRIES.1),
        }
    }
    false
}

/// The last line of a file without its end, if there is one.
fn last_line(file: &mut File) -> io::Result<Option<Vec<u8>>> {
    let mut start = file.metadata()?.len();
    let mut tail: Vec<u8> = Vec::new();
    let text = |tail: &[u8]| tail.iter().rposition(|b| *b != b'\n').map(|last| last + 1);
    while start > 0 {
        let from = start.saturating_sub(BLOCK);
        let mut block = vec![0; usize::try_from(start - from).unwrap_or_default()];
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(&mut block)?;
        block.extend_from_slice(&tail);
        (tail, start) = (block, from);
        let Some(end) = text(&tail) else { continue };
        tail.truncate(end);
        if let Some(begin) = tail.iter().rposition(|b| *b == b'\n') {
            return Ok(Some(tail.split_off(begin + 1)));
        }
    }
    Ok(Some(tail).filter(|tail| tail.iter().any(|b| *b != b'\n')))
}
