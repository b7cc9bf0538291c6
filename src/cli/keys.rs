//! `cutover keys`: the console's keys.

/// List the console's keys
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// As a Markdown table, for documents.
    #[arg(long)]
    pub markdown: bool,
}
