//! ctrl-z: the terminal goes back to the shell, the whole job stops, and on `fg` everything is taken up again.

use std::io;
use std::time::Duration;

use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
use thiserror::Error;

use super::guard::{self, EnterError, Guard};
use super::signals::Signals;

/// How long a stop may take to show before it counts as refused.
const STOP_SHOWS: Duration = Duration::from_secs(1);

/// Why a suspend did not happen.
#[derive(Debug, Error)]
pub enum SuspendError {
    /// There is no shell to come back from.
    #[error("there is no shell with job control above this program")]
    NoShell,
    /// The system refused.
    #[error("the job cannot be stopped: {0}")]
    Stop(#[source] io::Error),
    /// Afterwards the terminal could not be taken again.
    #[error(transparent)]
    Enter(#[from] EnterError),
}

/// Whether a shell with job control started us: as the session's own process group, nobody could continue us.
pub fn is_possible() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}

/// Gives the terminal back, stops the whole process group, and takes the terminal again when continued. The caller drops
/// its [`super::input::Input`] before, opens a new one after, and draws the whole screen.
///
/// # Errors
/// When there is no job control, or the terminal cannot be taken again.
pub async fn suspend(guard: &mut Guard, signals: &mut Signals) -> Result<(), SuspendError> {
    if !is_possible() {
        return Err(SuspendError::NoShell);
    }
    guard::leave();
    let stopped = kill_current_process_group(Signal::STOP).map_err(|e| SuspendError::Stop(e.into()));
    if stopped.is_ok() {
        // The stop reaches the threads one by one: nothing may be written before the continue is seen.
        let _stopped_or_ignored = tokio::time::timeout(STOP_SHOWS, signals.continued()).await;
    }
    guard.again()?;
    stopped
}
