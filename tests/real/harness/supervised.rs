//! Processes that never outlive the test binary, however it ends.
//!
//! Each runs below a small shell that holds the read end of a pipe. When the test ends, panics or is killed, the kernel closes the write end, and the
//! shell kills its child by pid. No destructor has to run for that.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// `wait` and the end of the pipe race; whoever is first ends the other. The program's exit code becomes the shell's.
const SUPERVISOR: &str = r#"
exec 3<&0
"$@" 3<&- </dev/null & child=$!
( read -r _ <&3; kill -9 "$child" ) 2>/dev/null & watcher=$!
wait "$child"; code=$?
kill -9 "$watcher" 2>/dev/null
exit "$code"
"#;

/// Removes a folder when the pipe closes; patient, because dying servers still write into it.
const JANITOR: &str = r#"
read -r _
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  rm -rf "$1" 2>/dev/null && exit 0
  sleep 0.25
done
"#;

/// One running program.
#[derive(Debug)]
pub struct Supervised {
    shell: Child,
    lifeline: Option<ChildStdin>,
    /// Standard output.
    pub out: PathBuf,
    /// Standard error; for servers the same file.
    pub err: PathBuf,
}

impl Supervised {
    /// Starts a server whose both outputs go to `log`.
    pub fn server(program: &Path, args: &[String], log: &Path) -> io::Result<Self> {
        let file = File::create(log)?;
        let mut command = below_a_shell(program.as_os_str(), args.iter().map(OsString::from));
        command.stdout(file.try_clone()?).stderr(file);
        Self::spawn(command, log.to_owned(), log.to_owned())
    }

    /// Starts a program with an environment of its own; its outputs go to `<stem>.out` and `<stem>.err`.
    pub fn program(program: &Path, args: &[String], envs: &[(&str, String)], stem: &Path) -> io::Result<Self> {
        let (out, err) = (stem.with_extension("out"), stem.with_extension("err"));
        let mut command = below_a_shell(program.as_os_str(), args.iter().map(OsString::from));
        command.stdout(File::create(&out)?).stderr(File::create(&err)?);
        command.envs(envs.iter().map(|(key, value)| (key, value)));
        Self::spawn(command, out, err)
    }

    fn spawn(mut command: Command, out: PathBuf, err: PathBuf) -> io::Result<Self> {
        let mut shell = command.stdin(Stdio::piped()).process_group(0).spawn()?;
        let lifeline = shell.stdin.take();
        Ok(Self { shell, lifeline, out, err })
    }

    /// The exit code when it ended by itself (128 + n for signal n), `None` while it runs.
    pub fn ended(&mut self) -> Option<i32> {
        self.shell.try_wait().ok().flatten().and_then(|status| status.code())
    }

    /// Waits for its own end.
    ///
    /// # Panics
    /// When it still runs after `limit`; it is killed then.
    pub fn wait(&mut self, limit: Duration) -> i32 {
        let started = Instant::now();
        loop {
            if let Some(code) = self.ended() {
                return code;
            }
            if started.elapsed() > limit {
                self.kill();
                panic!("still running after {limit:?}\n--- out\n{}\n--- err\n{}", self.read_out(), self.read_err());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// SIGKILL, and gone when this returns.
    pub fn kill(&mut self) {
        drop(self.lifeline.take());
        let _ = self.shell.wait();
    }

    /// What it printed to standard output so far.
    pub fn read_out(&self) -> String {
        read_lossy(&self.out)
    }

    /// What it printed to standard error so far.
    pub fn read_err(&self) -> String {
        read_lossy(&self.err)
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A temporary folder that is removed when the test binary ends, also by a signal. `CUTOVER_KEEP_REAL=1` keeps it, for the logs in it.
///
/// # Errors
/// When the folder cannot be made.
pub fn temporary_folder(prefix: &str) -> io::Result<PathBuf> {
    let dir = tempfile::Builder::new().prefix(prefix).tempdir()?.keep();
    if std::env::var_os("CUTOVER_KEEP_REAL").is_none() {
        at_the_end(JANITOR, &dir)?;
    }
    Ok(dir)
}

/// Leaves a shell behind that carries out `script`, with `what` as its argument, when the test binary has ended. The script's first line must be
/// `read -r _`: its return is the end.
///
/// # Errors
/// When there is no shell.
pub fn at_the_end(script: &str, what: &Path) -> io::Result<()> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg("janitor").arg(what).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut janitor = command.process_group(0).spawn()?;
    // Held open for the life of the process on purpose: its closing is the signal.
    std::mem::forget(janitor.stdin.take());
    Ok(())
}

fn below_a_shell(program: &OsStr, args: impl Iterator<Item = OsString>) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(SUPERVISOR).arg("supervisor").arg(program).args(args);
    command
}

fn read_lossy(path: &Path) -> String {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
