//! Which file is read.

use std::path::{Path, PathBuf};

use crate::domain::declared::Declared;

use super::error::ConfigError;

/// The file's name, wherever it is looked for.
pub const NAME: &str = "cutover.yaml";

/// Where a file is looked for, first to last.
#[derive(Clone, Debug, Default)]
pub struct Lookup {
    /// `--config`: nothing else is tried.
    pub explicit: Option<PathBuf>,
    /// The directory the program was started in.
    pub here: Option<PathBuf>,
    /// The user's configuration directory (`$XDG_CONFIG_HOME`, `~/.config`).
    pub user: Option<PathBuf>,
}

impl Lookup {
    /// The places of this process.
    pub fn of_process(explicit: Option<PathBuf>) -> Lookup {
        use etcetera::BaseStrategy;
        let user = etcetera::choose_base_strategy().ok().map(|dirs| dirs.config_dir());
        Lookup { explicit, here: std::env::current_dir().ok(), user }
    }
}

/// The file that would be read: `--config FILE`, `./cutover.yaml`, `~/.config/cutover/cutover.yaml`; `None` when there is none.
pub fn find(lookup: &Lookup) -> Option<PathBuf> {
    if lookup.explicit.is_some() {
        return lookup.explicit.clone();
    }
    let here = lookup.here.as_ref().map(|dir| dir.join(NAME));
    let user = lookup.user.as_ref().map(|dir| dir.join("cutover").join(NAME));
    here.into_iter().chain(user).find(|path| path.is_file())
}

/// Reads every release of the file that [`find`] names; none where there is no file. One of no bytes that nobody named is
/// what a shell leaves that is about to write it: `cutover init > cutover.yaml`.
///
/// # Errors
/// When the file cannot be read or is not a release file.
pub fn load(lookup: &Lookup) -> Result<Vec<Declared>, ConfigError> {
    match find(lookup) {
        Some(path) => match read(&path)?.as_str() {
            "" if lookup.explicit.is_none() => Ok(Vec::new()),
            text => super::parse(&name(&path, lookup.here.as_deref()), text),
        },
        None => Ok(Vec::new()),
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let fail = |why: String| ConfigError::Unreadable { file: path.display().to_string(), why };
    let bytes = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| fail(format!("not UTF-8 text (byte {})", e.utf8_error().valid_up_to())))
}

/// The path as people would type it.
fn name(path: &Path, here: Option<&Path>) -> String {
    let short = here.and_then(|dir| path.strip_prefix(dir).ok()).unwrap_or(path);
    short.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_a_shell_is_about_to_write_declares_nothing_and_one_that_was_named_is_at_fault() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        let here = |explicit| Lookup { explicit, here: Some(dir.path().to_owned()), user: None };
        assert_eq!(load(&here(None)).unwrap().len(), 0, "there is none");
        std::fs::write(&path, "").unwrap();
        assert_eq!(load(&here(None)).unwrap().len(), 0);
        assert!(load(&here(Some(path.clone()))).unwrap_err().to_string().contains("no release in it"));
        std::fs::write(&path, "# nothing yet\n").unwrap();
        assert!(load(&here(None)).unwrap_err().to_string().contains("no release in it"));
    }
}
