//! The command line: options that hold everywhere, and one file a subcommand for the rest.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::domain::time::Millis;
use crate::theme::depth::Depth;

use super::exit::Exit;
use super::{
    accept, approve, background, completions, demo, history, init, keys, man, pause, plan, promote, reject, restore_sync, resume, rollback,
    run, scale, schema, status, step, takeover, undo,
};

/// A terminal release console for Kubernetes.
///
/// Without a subcommand the console opens on the releases of the namespace: watch pods, autoscalers, events and metrics of
/// the old and the new version side by side, walk the traffic over step by step, and take it back with Ctrl-R, y.
///
/// Releases are declared in cutover.yaml (`cutover init` writes one) or found from labels and names.
#[derive(Debug, Parser)]
#[command(name = "cutover", version, max_term_width = 100, after_long_help = after_help())]
pub struct Cli {
    /// Options that hold everywhere.
    #[command(flatten)]
    pub global: Global,
    /// What to do; the console when not given.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that hold everywhere.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Namespace to work in; that of the context when not given.
    #[arg(short, long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// All namespaces.
    #[arg(short = 'A', long, global = true, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// Context of the kubeconfig; its current one when not given.
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Kubeconfig file; KUBECONFIG or ~/.kube/config when not given.
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Release file; ./cutover.yaml or ~/.config/cutover/cutover.yaml when not given.
    #[arg(long, global = true, value_name = "FILE", env = "CUTOVER_CONFIG")]
    pub config: Option<PathBuf>,
    /// Send nothing that could change the cluster, whatever is asked.
    #[arg(long, global = true, env = "CUTOVER_READ_ONLY", value_parser = clap::builder::FalseyValueParser::new())]
    pub read_only: bool,
    /// Show what would be written, and write nothing.
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Answer yes to what would be asked. Without a terminal nothing is asked: what needs a yes then needs this.
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Give up waiting after this long: 90s, 30m, 2h.
    #[arg(long, global = true, value_name = "TIME", value_parser = time)]
    pub timeout: Option<Millis>,
    /// Record every step of the driver to this file, as JSON lines that can be replayed.
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub record: Option<PathBuf>,
    /// What a driver does whose terminal hangs up: a console hands over when this is not given, a command lets go.
    #[arg(long, global = true, value_enum, value_name = "WHAT", env = "CUTOVER_ON_HANGUP", hide_short_help = true)]
    pub on_hangup: Option<OnHangup>,
    /// How results are printed.
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
    /// Colours to use: mono, 16, 256 or truecolor; what the terminal can when not given.
    #[arg(long, global = true, value_name = "DEPTH")]
    pub color: Option<Depth>,
    /// Draw with ASCII characters only.
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Theme of the console: a name, or a file.
    #[arg(long, global = true, value_name = "NAME", env = "CUTOVER_THEME")]
    pub theme: Option<String>,
}

/// What a driver does whose terminal hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnHangup {
    /// A driver in the background goes on.
    HandOver,
    /// Nobody drives: nobody rolls back.
    LetGo,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document; commands that take time print one JSON object a line.
    Json,
    /// One JSON object a line.
    Jsonl,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[allow(missing_docs)] // each is described by its arguments
pub enum Command {
    Demo(demo::Args),
    Status(status::Args),
    Plan(plan::Args),
    Run(run::Args),
    Drive(background::Args),
    Step(step::Args),
    Approve(approve::Args),
    Reject(reject::Args),
    Pause(pause::Args),
    Resume(resume::Args),
    Accept(accept::Args),
    Promote(promote::Args),
    TakeOver(takeover::Args),
    Rollback(rollback::Args),
    Undo(undo::Args),
    RestoreSync(restore_sync::Args),
    Scale(scale::Args),
    History(history::Args),
    Init(init::Args),
    Schema(schema::Args),
    Keys(keys::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Which release is meant.
#[derive(Clone, Debug, Default, Args)]
pub struct Which {
    /// Name of the release; needed only where there are several.
    #[arg(value_name = "RELEASE")]
    pub release: Option<String>,
}

/// Reads a length of time.
///
/// # Errors
/// A sentence for people.
pub fn time(text: &str) -> Result<Millis, String> {
    crate::config::scalars::length(text).map(|ms| Millis(ms as u64))
}

fn after_help() -> String {
    format!(
        "Examples:\n  \
         cutover demo                                     look around, no cluster needed\n  \
         cutover -n shop                                  open the console on a namespace\n  \
         cutover init > cutover.yaml                      write down what was found there\n  \
         cutover run --image backend=shop/backend:v2.4.0  carry a release to its end\n  \
         cutover rollback                                 take it back, from any state\n\n\
         Exit codes:\n{}\n\
         While no driver runs, nobody rolls back: gates act only while a console, `cutover run` or a driver in the \
         background (`cutover drive`) drives the release.",
        Exit::table()
    )
}
