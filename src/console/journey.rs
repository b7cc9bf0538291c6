//! From one place to another: what is left and what is not reached yet. Neither is waited for by whoever presses keys.

use std::future::pending;

use tokio::task::JoinSet;

use crate::cluster::connect::prepare;
use crate::cluster::{ConnectError, ConnectOptions, Connection};

use super::session::{LET_GO, Session};

/// Sessions that are being left, and the connection that is being made. Dropped, both end.
#[derive(Default)]
pub(super) struct Journey {
    leaving: JoinSet<()>,
    /// One at most: a new destination gives up the one before.
    arriving: JoinSet<Result<Connection, ConnectError>>,
}

impl Journey {
    /// Lets go of a session, which may take until its last request is answered.
    pub fn leave(&mut self, session: Option<Session>) {
        while self.leaving.try_join_next().is_some() {}
        self.arriving.abort_all();
        self.arriving = JoinSet::new();
        if let Some(session) = session {
            self.leaving.spawn(session.close());
        }
    }

    /// Begins to connect.
    pub fn set_out(&mut self, options: ConnectOptions) {
        self.arriving.spawn(reach(options));
    }

    /// The connection, once it is there, or why there is none; for ever when none is being made. May be dropped while waiting.
    pub async fn arrives(&mut self) -> Result<Connection, ConnectError> {
        match self.arriving.join_next().await {
            Some(Ok(reached)) => reached,
            // Given up for another destination.
            _ => pending().await,
        }
    }

    /// Waits, for a while, until everything that was left has let go.
    pub async fn end(mut self) {
        self.arriving.abort_all();
        let all = async { while self.leaving.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LET_GO, all).await;
    }
}

/// Connects. A server that only does not answer is left to whoever looks for releases, who asks for ever.
async fn reach(options: ConnectOptions) -> Result<Connection, ConnectError> {
    let mut connection = prepare(&options).await?;
    match connection.prove().await {
        Ok(()) | Err(ConnectError::Unreachable { .. }) => Ok(connection),
        Err(why) => Err(why),
    }
}
