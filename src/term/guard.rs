//! Takes the terminal and gives it back. Whatever ends the program (quit, error, panic, a signal, ctrl-z) comes through
//! [`leave`], which is idempotent; only a hang-up does not, because there is nobody left to write to ([`abandon`]).

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, QueueSelector, Termios, isatty, tcflush, tcgetattr, tcsetattr};
use thiserror::Error;

/// Alternate screen, cursor hidden, pastes in brackets.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h";
/// Undoes every mode that anyone may have set, in reverse: synchronised output, mice, focus, pastes, colours, cursor, screen.
const RESTORE: &[u8] = b"\x1b[?2026l\x1b[?1006l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";
/// How often a terminal that does not let itself be claimed is asked again.
const TRIES: u32 = 10;

static STATE: Mutex<State> = Mutex::new(State::Outside);

enum State {
    Outside,
    /// Ours; holds the settings to give back.
    Inside(Termios),
}

/// Why the terminal cannot be taken.
#[derive(Debug, Error)]
pub enum EnterError {
    /// There is no terminal.
    #[error("{which} is not a terminal")]
    NotATerminal {
        /// `standard input` or `standard output`.
        which: &'static str,
    },
    /// It does not answer.
    #[error("the terminal cannot be set up: {0}")]
    Setup(#[from] io::Error),
}

/// The terminal is ours while this lives.
#[derive(Debug)]
#[must_use = "the terminal is given back when the guard is dropped"]
pub struct Guard(());

impl Guard {
    /// Takes the terminal: raw mode, then the alternate screen.
    ///
    /// # Errors
    /// When standard input or output is no terminal, or does not take the settings.
    pub fn enter() -> Result<Guard, EnterError> {
        for (which, tty) in [("standard input", isatty(stdin())), ("standard output", isatty(stdout()))] {
            if !tty {
                return Err(EnterError::NotATerminal { which });
            }
        }
        claim()?;
        Ok(Guard(()))
    }

    /// Takes the terminal again after [`leave`], or repeats every setting when somebody else may have changed them.
    ///
    /// # Errors
    /// When the terminal does not take the settings.
    pub fn again(&mut self) -> Result<(), EnterError> {
        claim()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        leave();
    }
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn claim() -> Result<(), EnterError> {
    let mut state = state();
    let original = match &*state {
        State::Inside(original) => original.clone(),
        State::Outside => tcgetattr(stdin()).map_err(io::Error::from)?,
    };
    let mut raw = original.clone();
    raw.make_raw();
    retry(|| tcsetattr(stdin(), OptionalActions::Now, &raw)).map_err(io::Error::from)?;
    // From here on there is something to give back, even if the rest fails.
    *state = State::Inside(original);
    write_all(ENTER)?;
    Ok(())
}

/// Gives the terminal back. Does nothing when it is not ours; never fails, never waits long.
pub fn leave() {
    let mut state = state();
    if let State::Inside(original) = std::mem::replace(&mut *state, State::Outside) {
        if is_writable() {
            let _gone = write_all(RESTORE);
        }
        // Keys typed meanwhile, or half a paste, must not reach the shell.
        let _gone = tcflush(stdin(), QueueSelector::IFlush);
        let _gone = retry(|| tcsetattr(stdin(), OptionalActions::Now, &original));
    }
}

/// Lets go of the terminal without touching it: it hung up.
pub fn abandon() {
    *state() = State::Outside;
}

/// Whether the terminal is ours. Nothing is drawn while it is not.
pub fn is_inside() -> bool {
    matches!(*state(), State::Inside(_))
}

fn retry(mut f: impl FnMut() -> Result<(), Errno>) -> Result<(), Errno> {
    let mut last = Ok(());
    for _ in 0..TRIES {
        last = f();
        match last {
            Err(Errno::INTR | Errno::AGAIN | Errno::IO) => {}
            other => return other,
        }
    }
    last
}

/// Whether the terminal takes bytes within half a second: the end must not hang on a stalled connection.
fn is_writable() -> bool {
    let out = stdout();
    let mut fds = [PollFd::new(&out, PollFlags::OUT)];
    let half_a_second = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
    poll(&mut fds, Some(&half_a_second)).is_ok_and(|n| n > 0)
}

/// Past the standard library's buffer, whose lock a panicking thread may hold.
fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(stdout(), bytes) {
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                if !is_writable() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}
