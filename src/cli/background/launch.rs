//! Starts the driver and waits until it drives.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::domain::text::sanitize;
use crate::driver::handover::program;

use super::Args;
use super::report::Word;
use crate::cli::args::Global;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::Output;

/// How long the driver may take until it drives. Less than whoever left waits for us.
const SOON: Duration = Duration::from_secs(5);

/// A driver in the background. Field names are stable.
#[derive(Debug, Default, Serialize)]
struct Started {
    /// What the Lease calls it.
    driver: String,
    pid: u32,
    log: PathBuf,
}

/// Starts it.
pub(super) async fn detach(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    let mut command = Command::new(program()?);
    command.args(arguments(args, global)).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|e| CliError::Other(format!("the background driver cannot be started: {e}")))?;
    let mut started = Started { pid: child.id().unwrap_or(0), ..Started::default() };
    match tokio::time::timeout(SOON, listen(&mut child, &mut started)).await {
        Ok(Ok(None)) => told(&started, out),
        Ok(Ok(Some(why))) => {
            let exit = child.wait().await?.code().map_or(Exit::Error, Exit::of);
            writeln!(notes, "{}", sanitize(&why))?;
            // Whoever asked for a driver has none, however well the rollout ended.
            Ok(if exit == Exit::Done { Exit::Error } else { exit })
        }
        // What is wrong it has told on our standard error.
        Ok(Err(Silent)) => Ok(child.wait().await?.code().map(Exit::of).filter(|e| *e != Exit::Done).unwrap_or(Exit::Error)),
        Err(_) => {
            let log = started.log.display();
            let known = if started.log.as_os_str().is_empty() { String::new() } else { format!(", log {log}") };
            writeln!(
                notes,
                "a background driver was started (process {}{known}) and does not drive yet: it goes on trying; `cutover status` shows who drives",
                started.pid
            )?;
            Ok(Exit::TimedOut)
        }
    }
}

/// It ended without a word.
struct Silent;

/// Listens until it drives (`None`), or says why it does not.
async fn listen(child: &mut Child, started: &mut Started) -> Result<Option<String>, Silent> {
    let mut lines = BufReader::new(child.stdout.take().ok_or(Silent)?).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(Word::Log(path)) => started.log = path,
            Ok(Word::Drives(holder)) => {
                started.driver = holder;
                return Ok(None);
            }
            Ok(Word::Ended(why)) => return Ok(Some(why)),
            Err(_) => return Err(Silent),
        }
    }
    Err(Silent)
}

fn told(started: &Started, out: &mut Output<'_>) -> Result<Exit, CliError> {
    out.one(started, |to| {
        writeln!(to, "{} drives now", sanitize(&started.driver))?;
        writeln!(to, "  log         {}", sanitize(&started.log.display().to_string()))?;
        writeln!(to, "  take over   cutover, then t; or cutover take-over")?;
        writeln!(to, "  stop        kill {} (then nobody drives)", started.pid)
    })?;
    Ok(Exit::Done)
}

/// The command line of the driver: ours, but for the word that it stays.
fn arguments(args: &Args, global: &Global) -> Vec<OsString> {
    let mut all: Vec<OsString> = vec!["drive".into(), "--background".into()];
    let mut add = |flag: &str, value: Option<OsString>| all.extend(value.map(|v| [OsString::from(flag), v]).into_iter().flatten());
    add("--namespace", global.namespace.clone().map(Into::into));
    add("--context", global.context.clone().map(Into::into));
    add("--kubeconfig", global.kubeconfig.clone().map(Into::into));
    add("--config", global.config.clone().map(Into::into));
    add("--record", global.record.clone().map(Into::into));
    add("--timeout", global.timeout.map(|t| format!("{}s", t.as_secs().max(1)).into()));
    add("--after", args.after.clone().map(Into::into));
    add("--", args.which.release.clone().map(Into::into));
    all
}
