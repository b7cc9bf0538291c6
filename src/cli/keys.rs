//! `cutover keys`: the console's keys.

use crate::app::keytable::{KeyLine, lines, markdown};

use super::error::CliError;
use super::exit::Exit;
use super::output::{Output, Row};

/// List the console's keys
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// As a Markdown table, for documents.
    #[arg(long)]
    pub markdown: bool,
}

impl Row for KeyLine {
    fn cells(&self) -> Vec<String> {
        let write = if self.writes { "writes" } else { "" };
        let help = if self.planned { format!("{} (not built yet)", self.help) } else { self.help.to_owned() };
        vec![self.keys.join(", "), self.action.to_owned(), self.scopes.join(", "), write.to_owned(), help]
    }
}

/// Prints them.
///
/// # Errors
/// When the output cannot be written.
pub fn run(args: &Args, out: &mut Output<'_>) -> Result<Exit, CliError> {
    if args.markdown {
        out.one(&lines(), |to| to.write_all(markdown().as_bytes()))?;
    } else {
        out.all(&["KEYS", "ACTION", "WHERE", "", "WHAT"], &lines(), "no keys")?;
    }
    Ok(Exit::Done)
}
