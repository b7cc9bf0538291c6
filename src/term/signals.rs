//! Signals as data.

use std::io;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Quit in order, with this exit code (128 + the signal's number).
    Quit(i32),
    /// The terminal hung up: quit without writing to it.
    HangUp,
    /// Stop until continued.
    Suspend,
    /// Continued: the terminal may have been used by others.
    Continue,
    /// The terminal has another size.
    Resize,
    /// Read settings and theme again.
    Reload,
}

/// Every signal that the console answers to.
#[derive(Debug)]
pub struct Signals {
    hup: Stream,
    term: Stream,
    int: Stream,
    quit: Stream,
    stop: Stream,
    cont: Stream,
    winch: Stream,
    usr1: Stream,
}

impl Signals {
    /// Listens. Needs a runtime.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> io::Result<Signals> {
        Ok(Signals {
            hup: signal(SignalKind::hangup())?,
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            cont: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
            winch: signal(SignalKind::window_change())?,
            usr1: signal(SignalKind::user_defined1())?,
        })
    }

    /// The next signal. May be dropped while waiting.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            Some(()) = self.hup.recv() => Signal::HangUp,
            Some(()) = self.term.recv() => Signal::Quit(143),
            Some(()) = self.int.recv() => Signal::Quit(130),
            Some(()) = self.quit.recv() => Signal::Quit(131),
            Some(()) = self.stop.recv() => Signal::Suspend,
            Some(()) = self.cont.recv() => Signal::Continue,
            Some(()) = self.winch.recv() => Signal::Resize,
            Some(()) = self.usr1.recv() => Signal::Reload,
            else => std::future::pending().await,
        }
    }

    /// Waits until the process is continued.
    pub async fn continued(&mut self) {
        if self.cont.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
