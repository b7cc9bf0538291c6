//! What the process tells its caller.

use std::process::ExitCode;

/// Exit codes. They are stable: pipelines rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// What was asked is done; a `rollback` that worked is done.
    Done = 0,
    /// It failed, or was refused.
    Error = 1,
    /// The command line or the release file is wrong.
    Usage = 2,
    /// Rolled back although promotion was asked.
    RolledBack = 3,
    /// `--timeout` ran out first.
    TimedOut = 4,
    /// The cluster cannot be reached.
    Unreachable = 5,
    /// A person is waited for: an approval, or a paused rollout.
    Waiting = 6,
    /// `--timeout` ran out while there was no telling whether the new version is healthy.
    Inconclusive = 7,
    /// Rights or `--read-only` forbid it.
    Denied = 8,
    /// Ended by SIGHUP.
    HungUp = 129,
    /// Ended by Ctrl-C.
    Interrupted = 130,
    /// Ended by SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// Every code.
    pub const ALL: [Exit; 12] = [
        Exit::Done,
        Exit::Error,
        Exit::Usage,
        Exit::RolledBack,
        Exit::TimedOut,
        Exit::Unreachable,
        Exit::Waiting,
        Exit::Inconclusive,
        Exit::Denied,
        Exit::HungUp,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    /// The code of a number; any other number is a failure.
    pub fn of(number: i32) -> Exit {
        Exit::ALL.into_iter().find(|e| i32::from(e.code()) == number).unwrap_or(Exit::Error)
    }

    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What it means, for help and README.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "what was asked is done (a rollback that worked is 0)",
            Exit::Error => "it failed, or was refused",
            Exit::Usage => "the command line or the release file is wrong",
            Exit::RolledBack => "rolled back although promotion was asked",
            Exit::TimedOut => "--timeout ran out first",
            Exit::Unreachable => "the cluster cannot be reached",
            Exit::Waiting => "a person is waited for: an approval, or a paused rollout",
            Exit::Inconclusive => "--timeout ran out with no telling whether the new version is healthy",
            Exit::Denied => "rights or --read-only forbid it",
            Exit::HungUp => "ended by SIGHUP",
            Exit::Interrupted => "ended by Ctrl-C",
            Exit::Terminated => "ended by SIGTERM",
        }
    }

    /// All codes, one line each.
    pub fn table() -> String {
        Exit::ALL.iter().map(|e| format!("{:>5}  {}\n", e.code(), e.meaning())).collect()
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
