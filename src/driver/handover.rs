//! Hands a rollout over to a driver in the background: a process of this same program, in a session of its own.
//!
//! It is started by way of `cutover drive --detach`, which ends as soon as the background driver has the Lease, or says why
//! it has not. Nothing here waits longer than [`PATIENCE`].

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// How long whoever leaves waits for the background driver to drive.
pub const PATIENCE: Duration = Duration::from_secs(6);

/// A rollout that is to be driven on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The kubeconfig that was asked for, if one was.
    pub kubeconfig: Option<PathBuf>,
    /// Its context; `None` in a pod.
    pub context: Option<String>,
    /// Where the release is.
    pub namespace: String,
    /// The release.
    pub release: String,
    /// What the Lease calls the driver that leaves.
    pub from: String,
}

impl Charge {
    /// What the background driver is started with.
    fn arguments(&self) -> Vec<OsString> {
        let mut all: Vec<OsString> = vec!["drive".into(), "--detach".into(), "--namespace".into(), self.namespace.clone().into()];
        if let Some(path) = &self.kubeconfig {
            all.extend(["--kubeconfig".into(), path.clone().into_os_string()]);
        }
        if let Some(context) = &self.context {
            all.extend(["--context".into(), context.into()]);
        }
        all.extend(["--after".into(), self.from.clone().into(), "--".into(), self.release.clone().into()]);
        all
    }
}

/// Starts a background driver, after our own Lease was let go of, and waits until it drives: what it says of itself.
///
/// # Errors
/// Why nobody is known to drive, in words for people.
pub async fn hand_over(charge: &Charge) -> Result<String, String> {
    let mut command = Command::new(program().map_err(|e| format!("this program cannot be found again: {e}"))?);
    // In a process group of its own: what hangs up the terminal, or interrupts it, is not meant for it.
    command.args(charge.arguments()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn().map_err(|e| format!("it cannot be started: {e}"))?;
    match tokio::time::timeout(PATIENCE, child.wait_with_output()).await {
        Err(_) => Err(format!("it was started and has not said within {} s that it drives", PATIENCE.as_secs())),
        Ok(Err(e)) => Err(format!("what became of it cannot be told: {e}")),
        Ok(Ok(output)) if output.status.success() => Ok(text(&output.stdout)),
        Ok(Ok(output)) => {
            let said = text(&output.stderr);
            Err(if said.is_empty() { format!("it ended: {}", output.status) } else { said.trim_start_matches("error: ").to_owned() })
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// This program, to be started once more: also where its file was replaced while it ran.
///
/// # Errors
/// When the system does not tell.
pub fn program() -> std::io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let running = Path::new("/proc/self/exe");
    Ok(if !path.exists() && running.exists() { running.to_owned() } else { path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_with_all_that_leads_to_it() {
        let mut charge = Charge {
            kubeconfig: Some("/k".into()),
            context: Some("prod".into()),
            namespace: "shop".into(),
            release: "-odd".into(),
            from: "ada@b#1".into(),
        };
        let line = |c: &Charge| c.arguments().join(" ".as_ref()).into_string().unwrap();
        assert_eq!(line(&charge), "drive --detach --namespace shop --kubeconfig /k --context prod --after ada@b#1 -- -odd");
        (charge.kubeconfig, charge.context) = (None, None);
        assert_eq!(line(&charge), "drive --detach --namespace shop --after ada@b#1 -- -odd");
    }
}
