//! `cutover demo`: a rehearsal on the embedded cluster.

#[cfg(feature = "sim")]
mod clock;
#[cfg(feature = "sim")]
mod headless;
#[cfg(feature = "sim")]
mod stage;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::Outcome;
use super::args::Global;
use super::error::CliError;

/// Rehearse a release on an embedded cluster, no Kubernetes needed
///
/// Starts a small Kubernetes API and a Prometheus API on loopback inside this process and opens the console on them over
/// HTTP: the same client, watches, patches and queries as on a real cluster. Traffic flows by what the routes say, so what
/// you change changes the charts.
///
/// With --headless, or where the output is no terminal, the scenario's release is driven to its end with the answers that
/// the scenario scripts, in virtual time, one line a decision. The same seed repeats exactly.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover demo                              a healthy canary
  cutover demo errors                       a bad one: it rolls back, or press Ctrl-R y
  cutover demo blue-green --speed 10
  cutover demo errors --headless; echo $?   3
  cutover demo --serve --kubeconfig-out demo.yaml    then: kubectl --kubeconfig demo.yaml get pods")]
pub struct Args {
    /// A built-in scenario, or the path of a file.
    #[arg(value_name = "SCENARIO", default_value = "healthy")]
    pub scenario: String,
    /// Virtual seconds a real second. With --serve leave it at 1 where another `cutover` is to judge metrics.
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// What all that is random comes from.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Address of the Kubernetes API.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Write a kubeconfig for the embedded cluster to this file.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig_out: Option<PathBuf>,
    /// Serve the cluster without a console until interrupted.
    #[arg(long, conflicts_with = "headless")]
    pub serve: bool,
    /// Drive the release to its end without a console.
    #[arg(long)]
    pub headless: bool,
    /// List the built-in scenarios.
    #[arg(long)]
    pub list: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('x').parse().ok();
    number.filter(|n: &f64| (0.01..=10_000.0).contains(n)).ok_or_else(|| "a speed lies between 0.01 and 10000".to_owned())
}

/// Rehearses: with the console, without one, or as a server for other tools.
///
/// # Errors
/// When the scenario is unknown or faulty, or an address cannot be bound.
#[cfg(feature = "sim")]
pub async fn run(args: &Args, global: &Global, out: &mut dyn Write) -> Result<Outcome, CliError> {
    use std::io::IsTerminal;
    if args.list {
        return stage::list(global, out);
    }
    let scenario = stage::load(&args.scenario)?;
    let people = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if args.serve {
        return stage::serve(args, &scenario, out).await;
    }
    if args.headless || !people {
        return headless::run(args, global, &scenario, out).await;
    }
    stage::console(args, global, &scenario).await
}

/// This program was built without the embedded cluster.
///
/// # Errors
/// Always.
#[cfg(not(feature = "sim"))]
pub async fn run(_args: &Args, _global: &Global, _out: &mut dyn Write) -> Result<Outcome, CliError> {
    Err(CliError::Usage("this program was built without the embedded cluster: build it with the feature `sim`".to_owned()))
}
