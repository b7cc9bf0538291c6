//! Where an operator works from: a home with a release file, a journal, and what the program printed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::supervised::{Supervised, temporary_folder};

/// For a command that has something to wait for.
pub const PATIENT: Duration = Duration::from_secs(240);

/// The program under test: the one that was built with the tests, or another build that is to be measured.
pub fn program() -> PathBuf {
    std::env::var_os("CUTOVER_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_cutover").into(), PathBuf::from)
}

/// A home of its own.
#[derive(Clone, Debug)]
pub struct Bastion {
    home: PathBuf,
}

impl Bastion {
    /// With this `cutover.yaml`.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn new(release_file: &str) -> Self {
        let home = temporary_folder("cutover-bastion-").expect("a home");
        std::fs::write(home.join("cutover.yaml"), release_file).expect("writing into our own folder");
        Self { home }
    }

    /// What the program finds in its environment.
    pub fn environment(&self, kubeconfig: &Path) -> Vec<(&'static str, String)> {
        let home = self.home.display().to_string();
        vec![
            ("HOME", home.clone()),
            ("XDG_STATE_HOME", format!("{home}/state")),
            ("KUBECONFIG", kubeconfig.display().to_string()),
            ("CUTOVER_CONFIG", format!("{home}/cutover.yaml")),
        ]
    }

    /// Starts `cutover`. `name` names what it prints.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn cutover(&self, kubeconfig: &Path, name: &str, args: &[&str]) -> Supervised {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Supervised::program(&program(), &args, &self.environment(kubeconfig), &self.home.join(name)).expect("starting the binary")
    }

    /// Carries a command to its end: exit code, and both outputs as one text.
    ///
    /// # Panics
    /// When it does not end by itself.
    pub async fn done(&self, kubeconfig: &Path, name: &str, args: &[&str]) -> (i32, String) {
        ended(self.cutover(kubeconfig, name, args)).await
    }
}

/// Waits for a program's own end: exit code, and both outputs as one text.
///
/// # Panics
/// When it does not end.
pub async fn ended(mut running: Supervised) -> (i32, String) {
    // Waiting blocks, and gateways live on the test's threads.
    let wait = move || {
        let code = running.wait(PATIENT);
        (code, format!("{}{}", running.read_out(), running.read_err()))
    };
    tokio::task::spawn_blocking(wait).await.expect("no panic while waiting")
}
