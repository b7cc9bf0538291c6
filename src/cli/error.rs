//! What goes wrong in headless commands, with the exit code and what to do next.

use std::io;

use thiserror::Error;

use crate::config::ConfigError;
use crate::domain::text::sanitize;

use super::exit::Exit;

/// Why a command ended early.
#[derive(Debug, Error)]
pub enum CliError {
    /// Nobody reads the output any more, or it cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
    /// A file cannot be read or written.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        why: String,
    },
    /// The release file is wrong.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// The engine refuses, or a write failed.
    #[error("{0}")]
    Refused(String),
    /// Rights or `--read-only` forbid it.
    #[error("{0}")]
    Denied(String),
    /// Nobody answers.
    #[error("{0}")]
    Unreachable(String),
    /// `--timeout` ran out.
    #[error("{0}")]
    TimedOut(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl CliError {
    /// The exit code it ends with.
    pub fn exit(&self) -> Exit {
        match self {
            CliError::Config(_) | CliError::Usage(_) => Exit::Usage,
            CliError::Denied(_) => Exit::Denied,
            CliError::Unreachable(_) => Exit::Unreachable,
            CliError::TimedOut(_) => Exit::TimedOut,
            CliError::Output(e) if e.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            CliError::Output(_) | CliError::File { .. } | CliError::Refused(_) | CliError::Other(_) => Exit::Error,
        }
    }

    /// Whether there is nobody to tell.
    pub fn is_quiet(&self) -> bool {
        matches!(self, CliError::Output(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Text of several lines, fit for a terminal: whatever an object's name or a server's answer put into it is shown, not obeyed.
pub fn safe_lines(text: &str) -> String {
    text.lines().map(sanitize).collect::<Vec<_>>().join("\n")
}
