//! Sets a rehearsal up: the scenario, the embedded cluster, a connection to it.

use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::super::args::Global;
use super::super::error::CliError;
use super::super::exit::Exit;
use super::super::output::Output;
use super::super::{Opening, Outcome, drive};
use super::Args;
use super::clock::{Scaled, shared};
use crate::cluster::ConnectOptions;
use crate::config;
use crate::domain::declared::Declared;
use crate::sim::http::{Clock as Pace, Options, Server};
use crate::sim::kernel::Kernel;
use crate::sim::scenario::{BUILT_IN, Scenario};

/// The first moment of every rehearsal but a served one: the same seed repeats to the second.
const START: i64 = 1_767_607_200; // 2026-01-05T10:00:00Z, a Monday
/// How long the world lives before anybody looks: pods are up, charts have a past.
pub const PAST: u64 = 5 * 60 * 1000;

/// A scenario by name or path.
pub fn load(name: &str) -> Result<Scenario, CliError> {
    let path = Path::new(name);
    let is_path = name.contains('/') || path.extension().is_some();
    let scenario = if is_path {
        let text = std::fs::read_to_string(path).map_err(|e| CliError::File { path: name.to_owned(), why: e.to_string() })?;
        Scenario::parse(&text, name)
    } else {
        Scenario::built_in(name)
    };
    scenario.map_err(|e| CliError::Usage(e.to_string()))
}

/// The built-in scenarios.
pub fn list(global: &Global, out: &mut dyn Write) -> Result<Outcome, CliError> {
    let mut output = Output::new(out, global.output);
    for (name, _) in BUILT_IN {
        let scenario = load(name)?;
        output.next(
            &serde_json::json!({"name": name, "description": scenario.description}),
            &format!("{name:<16}{}", scenario.description),
        )?;
    }
    Ok(Outcome::Exit(Exit::Done))
}

/// The embedded cluster, served, with a past. `present` is what its clock shows when somebody looks for the first time; a
/// fixed moment where none is given, so that the same seed repeats to the second.
pub async fn server(args: &Args, scenario: &Scenario, pace: Pace, present: Option<Timestamp>) -> Result<Server, CliError> {
    let before = |now: Timestamp| now.as_second().saturating_sub(i64::try_from(PAST / 1000).unwrap_or(0));
    let start = Timestamp::from_second(present.map_or(START, before)).unwrap_or(Timestamp::UNIX_EPOCH);
    let mut kernel = Kernel::new(args.seed, start);
    scenario.install(&mut kernel).map_err(|e| CliError::Usage(e.to_string()))?;
    let options = Options { listen: args.listen, clock: Pace::LockStep, ..Options::default() };
    let server = Server::start(kernel, options).await.map_err(|e| CliError::Other(format!("{}: cannot listen: {e}", args.listen)))?;
    let handle = server.handle();
    let moved = tokio::task::spawn_blocking(move || handle.advance_to(PAST)).await;
    moved.map_err(|e| CliError::Other(format!("the embedded cluster failed: {e}")))?;
    server.handle().set_clock(pace);
    Ok(server)
}

/// Writes a kubeconfig for the server: where the person wants it, else to a file of our own.
pub fn kubeconfig(args: &Args, scenario: &Scenario, server: &Server) -> Result<PathBuf, CliError> {
    let path =
        args.kubeconfig_out.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("cutover-demo-{}.yaml", std::process::id())));
    server
        .write_kubeconfig(&path, &scenario.namespace)
        .map_err(|e| CliError::File { path: path.display().to_string(), why: e.to_string() })?;
    Ok(path)
}

/// Removes a kubeconfig of our own; one that a person asked for stays.
pub fn forget(args: &Args, path: &Path) {
    if args.kubeconfig_out.is_none() {
        let _ = std::fs::remove_file(path);
    }
}

/// The scenario's release.
pub fn declared(scenario: &Scenario) -> Result<Vec<Declared>, CliError> {
    match scenario.release_text() {
        Some(text) => Ok(config::parse(&format!("scenario {}", scenario.name), &text)?),
        None => Ok(Vec::new()),
    }
}

/// How to reach the server.
pub fn options(path: PathBuf, read_only: bool) -> ConnectOptions {
    ConnectOptions { kubeconfig: Some(path), read_only, ..ConnectOptions::default() }
}

/// Serves until interrupted. The cluster's clock begins at the machine's: drivers in other processes judge by that one.
pub async fn serve(args: &Args, scenario: &Scenario, out: &mut dyn Write) -> Result<Outcome, CliError> {
    let server = server(args, scenario, Pace::Scaled { speed: args.speed }, Some(Timestamp::now())).await?;
    let path = kubeconfig(args, scenario, &server)?;
    writeln!(out, "Kubernetes API  {}", server.url())?;
    if let Some(url) = server.prometheus_url() {
        writeln!(out, "Prometheus API  {url}")?;
    }
    writeln!(out, "kubeconfig      {}", path.display())?;
    writeln!(out, "try             kubectl --kubeconfig {} get deployments,pods", path.display())?;
    if (args.speed - 1.0).abs() > f64::EPSILON {
        writeln!(
            out,
            "note            at --speed {} its clock leaves this machine's: a driver outside finds no fresh metrics",
            args.speed
        )?;
    }
    writeln!(out, "Ctrl-C ends it.")?;
    out.flush()?;
    let mut stop = drive::signals()?;
    stop.recv().await;
    server.stop().await;
    forget(args, &path);
    Ok(Outcome::Exit(Exit::Done))
}

/// Opens the console on it.
pub async fn console(args: &Args, global: &Global, scenario: &Scenario) -> Result<Outcome, CliError> {
    let server = server(args, scenario, Pace::Scaled { speed: args.speed }, None).await?;
    let path = kubeconfig(args, scenario, &server)?;
    let opening = Opening {
        connect: options(path.clone(), global.read_only),
        all_namespaces: global.all_namespaces,
        declared: declared(scenario)?,
        clock: shared(Scaled { handle: server.handle(), speed: args.speed }),
        global: global.clone(),
        keep: Some(Box::new(Kept { _server: server, path, ours: args.kubeconfig_out.is_none() })),
    };
    Ok(Outcome::Console(Box::new(opening)))
}

/// What must live as long as the console.
struct Kept {
    _server: Server,
    path: PathBuf,
    ours: bool,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
