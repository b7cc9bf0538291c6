//! A pseudo-terminal with a program in it and an emulator behind it. Everything is waited for, with one deadline.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Two busy cores can be slow; a test that passes never waits so long.
const SOON: Duration = Duration::from_secs(90);
/// How often a key is pressed again that may have come too early.
const AGAIN: Duration = Duration::from_millis(400);

/// What the emulator shows.
pub struct Screen<'a> {
    shown: &'a vt100::Screen,
    raw: &'a [u8],
}

impl Screen<'_> {
    /// The text, line by line.
    pub fn text(&self) -> String {
        self.shown.contents()
    }

    pub fn has(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// Whether the program holds the screen.
    pub fn is_taken(&self) -> bool {
        self.shown.alternate_screen()
    }

    /// Whether every mode of the terminal is as a shell wants it.
    pub fn is_clean(&self) -> bool {
        let s = self.shown;
        !s.alternate_screen()
            && !s.hide_cursor()
            && !s.bracketed_paste()
            && s.mouse_protocol_mode() == vt100::MouseProtocolMode::None
            && s.fgcolor() == vt100::Color::Default
            && s.bgcolor() == vt100::Color::Default
            && !s.inverse()
    }

    /// Every byte that the program ever wrote.
    pub fn raw(&self) -> &[u8] {
        self.raw
    }
}

struct Written {
    parser: vt100::Parser,
    raw: Vec<u8>,
}

type Shared = Arc<(Mutex<Written>, Condvar)>;

/// A program in a terminal. Dropped, the program is killed.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    /// Held open, so that the terminal's settings can be looked at after the program's end.
    _slave: Box<dyn SlavePty + Send>,
    keys: Mutex<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    written: Shared,
    settings: String,
    home: TempDir,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn whole(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).expect("a terminal has at least one cell")
}

impl Terminal {
    /// The console with arguments, in 80x24.
    pub fn of(args: &[&str]) -> Terminal {
        Terminal::with(env!("CARGO_BIN_EXE_cutover"), args, &[])
    }

    /// A program with arguments and variables on a machine where nothing is configured.
    pub fn with(program: &str, args: &[&str], vars: &[(&str, &str)]) -> Terminal {
        let pair = native_pty_system().openpty(size(80, 24)).expect("a pseudo-terminal");
        let home = tempfile::tempdir().expect("a home");
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env_clear();
        command.cwd(home.path());
        let home_text = home.path().to_str().expect("a plain path");
        let common = [("HOME", home_text), ("TMPDIR", home_text), ("PATH", "/usr/bin:/bin"), ("TERM", "xterm-256color")];
        for (name, value) in common.iter().chain(&[("LANG", "C.UTF-8"), ("USER", "ada")]).chain(vars) {
            command.env(name, value);
        }
        let reader = pair.master.try_clone_reader().expect("a reader");
        let keys = Mutex::new(pair.master.take_writer().expect("a writer"));
        let settings = settings(pair.master.as_ref());
        let child = pair.slave.spawn_command(command).expect("the program starts");
        let written: Shared =
            Arc::new((Mutex::new(Written { parser: vt100::Parser::new(whole(24), whole(80), 0), raw: vec![] }), Condvar::new()));
        follow(reader, Arc::clone(&written));
        Terminal { master: pair.master, _slave: pair.slave, keys, child, written, settings, home }
    }

    /// Types bytes.
    pub fn press(&self, keys: &str) {
        let mut writer = self.keys.lock().unwrap();
        writer.write_all(keys.as_bytes()).expect("the terminal takes keys");
        writer.flush().expect("the terminal takes keys");
    }

    /// Waits until a text is on the screen.
    pub fn see(&self, text: &str) {
        self.until(&format!("`{text}`"), |s| s.has(text));
    }

    /// Waits until a text is no longer on the screen.
    pub fn see_no(&self, text: &str) {
        self.until(&format!("no `{text}`"), |s| !s.has(text));
    }

    /// Waits until the screen is as it should be.
    pub fn until(&self, what: &str, holds: impl Fn(&Screen<'_>) -> bool) {
        let begun = Instant::now();
        assert!(self.within(SOON, &holds), "after {:?} there is still not: {what}\n{}", begun.elapsed(), self.look(|s| s.text()));
    }

    /// Presses a key again and again until a text is there.
    pub fn press_until(&self, key: &str, text: &str) {
        self.press_till(key, &format!("`{text}`"), |s| s.has(text));
    }

    /// Presses a key again and again as long as a text is there.
    pub fn press_while(&self, key: &str, text: &str) {
        self.press_till(key, &format!("no `{text}`"), |s| !s.has(text));
    }

    fn press_till(&self, key: &str, what: &str, holds: impl Fn(&Screen<'_>) -> bool) {
        let begun = Instant::now();
        while begun.elapsed() < SOON {
            self.press(key);
            if self.within(AGAIN, &holds) {
                return;
            }
        }
        panic!("pressing {key:?} does not bring {what}\n{}", self.look(|s| s.text()));
    }

    fn within(&self, time: Duration, holds: &impl Fn(&Screen<'_>) -> bool) -> bool {
        let (lock, changed) = &*self.written;
        let written = lock.lock().unwrap();
        let not_yet = |w: &mut Written| !holds(&Screen { shown: w.parser.screen(), raw: &w.raw });
        let (_written, result) = changed.wait_timeout_while(written, time, not_yet).unwrap();
        !result.timed_out()
    }

    /// Looks at the screen as it is now.
    pub fn look<T>(&self, at: impl FnOnce(&Screen<'_>) -> T) -> T {
        let written = self.written.0.lock().unwrap();
        at(&Screen { shown: written.parser.screen(), raw: &written.raw })
    }

    /// Changes the terminal's size; the program is told by SIGWINCH.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.written.0.lock().unwrap().parser.set_size(whole(rows), whole(columns));
        self.master.resize(size(columns, rows)).expect("the terminal changes its size");
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the signal arrives");
    }

    /// The program's process.
    pub fn pid(&self) -> Pid {
        self.child.process_id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).expect("it runs")
    }

    /// The folder it runs in.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Waits for the program's end: its exit code.
    pub fn code(&mut self) -> u32 {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.child.try_wait().expect("the program can be waited for") {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "it does not end\n{}", self.look(|s| s.text()));
            // What it writes is a sign of life; nothing to hear is looked at again.
            self.within(Duration::from_millis(20), &|_| false);
        }
    }

    /// Waits for the end and checks that the terminal is as it was; gives the exit code.
    pub fn ends_clean(&mut self) -> u32 {
        let code = self.code();
        self.until("a clean terminal", |s| s.is_clean());
        assert_eq!(settings(self.master.as_ref()), self.settings, "the terminal's settings");
        code
    }

    /// Whether the terminal's settings are as they were before the program began.
    pub fn is_settled(&self) -> bool {
        settings(self.master.as_ref()) == self.settings
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("settings"))
}

/// Feeds what the program writes to the emulator until the terminal is closed.
fn follow(mut reader: Box<dyn Read + Send>, written: Shared) {
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(n @ 1..) = reader.read(&mut buffer) {
            let (lock, changed) = &*written;
            let mut written = lock.lock().unwrap();
            written.raw.extend_from_slice(&buffer[..n]);
            written.parser.process(&buffer[..n]);
            changed.notify_all();
        }
    });
}
