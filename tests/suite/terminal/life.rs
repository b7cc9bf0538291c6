//! From the first frame to the last byte: sizes, keys, signals, ends. Whatever happens, the terminal is given back.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::rig::Terminal;
use super::{confirm, rehearsal, start};

/// The console on a rehearsal, drawn once. Nothing is driven.
fn console() -> Terminal {
    console_with(&[])
}

fn console_with(vars: &[(&str, &str)]) -> Terminal {
    let terminal = Terminal::with(env!("CARGO_BIN_EXE_cutover"), &["demo", "healthy"], vars);
    terminal.see("3/3 ready");
    assert!(terminal.look(|s| s.is_taken()), "the console has a screen of its own");
    assert!(!terminal.is_settled(), "raw mode");
    terminal
}

#[test]
fn the_first_frame_does_not_wait_for_the_cluster() {
    // Connections are taken by the system; nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- {{name: c, cluster: {{server: \"http://{}\"}}}}\nusers:\n- {{name: u, user: {{}}}}\n\
         contexts:\n- {{name: silent-eu, context: {{cluster: c, user: u, namespace: shop}}}}\ncurrent-context: silent-eu\n",
        silent.local_addr().unwrap()
    );
    std::fs::write(&path, text).unwrap();
    let mut terminal = Terminal::of(&["--kubeconfig", path.to_str().unwrap()]);
    terminal
        .until("the skeleton", |s| s.is_taken() && s.has("silent-eu ▸ shop") && s.has("connecting to http://127.0.0.1") && s.has("? help"));
    terminal.press("?");
    terminal.see("Keys j k scroll");
    terminal.press("\x03");
    assert_eq!(terminal.ends_clean(), 0);
}

/// Releases are looked for every 30 seconds: whatever else comes in with the first look must not make it wait for the second.
#[test]
fn the_first_look_is_not_lost() {
    for _ in 0..5 {
        let begun = Instant::now();
        let terminal = console();
        assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
        drop(terminal);
    }
}

#[test]
fn it_follows_every_size() {
    let mut terminal = rehearsal("healthy", 1);
    terminal.resize(60, 16);
    terminal.until("60x16", |s| s.has(" err ") && s.has("? help") && s.has("3 Metrics"));
    for (columns, rows) in [(20, 5), (1, 1), (3, 40), (200, 2)] {
        terminal.resize(columns, rows);
        // Drawn for the new size: it says what it needs, as far as that fits.
        terminal.until("too small", |s| s.text().starts_with(if columns < 5 { "n" } else { "needs" }));
    }
    terminal.resize(20, 5);
    terminal.until("both sizes", |s| s.has("needs 40x10") && s.has("20x5"));
    terminal.resize(200, 60);
    terminal.until("200x60", |s| s.has("5 HPAs") && s.has("7 Journal"));
    terminal.resize(80, 24);
    terminal.until("80x24", |s| s.has("6 Events") && s.has("^R") && s.text().lines().count() == 24);
    terminal.press("\x03");
    assert_eq!(terminal.ends_clean(), 0);
}

#[test]
fn keys_go_where_the_table_says() {
    let mut terminal = rehearsal("healthy", 1);
    for (key, seen) in [("1", "1 Steps"), ("2", "2 Traffic"), ("5", "5 HPAs"), ("7", "7 Journal"), ("4", "4 Pods")] {
        terminal.press(key);
        terminal.see(seen);
    }
    // A filter, and the way out of it.
    terminal.press("/no-such-pod\r");
    terminal.see("the filter hides every row");
    terminal.press("\x1b");
    terminal.see_no("the filter hides every row");
    // Logs of a side, and back.
    terminal.press("l");
    terminal.see("8 Logs");
    terminal.see("\"GET ");
    terminal.press("\x1b");
    terminal.see_no("8 Logs");
    // The palette offers by name and takes a weight only where there is a rollout.
    terminal.press(":weight 20\r");
    terminal.see("no rollout");
    terminal.press(":");
    terminal.see(" :");
    terminal.press("redraw\r");
    terminal.press("n");
    terminal.see("kube-system");
    terminal.press("\x1b");
    terminal.see_no("kube-system");
    terminal.press("c");
    terminal.see("cutover-demo  (now)");
    terminal.press("\x1b");
    terminal.see_no("cutover-demo  (now)");
    // Keys that cannot be used say why; those that are not built are refused by name.
    terminal.press("a");
    terminal.see("approve: no rollout");
    terminal.press("t");
    terminal.see("take over: no rollout is under way");
    // A paste never triggers keys.
    terminal.press("\x1b[200~q\x03s\x1b[201~");
    terminal.see("a pasted text does nothing here");
    // There is no shell above it in this terminal.
    terminal.press("\x1a");
    terminal.see("not suspended");
    terminal.press("qq");
    assert_eq!(terminal.ends_clean(), 0);
}

#[test]
fn signals_end_it_in_order() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let mut terminal = console();
        terminal.signal(signal);
        assert_eq!(terminal.ends_clean(), code, "{signal:?}");
    }
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_reported() {
    for place in ["loop", "task"] {
        let mut terminal = console_with(&[("CUTOVER_PANIC", place)]);
        terminal.signal(Signal::USR1);
        assert_eq!(terminal.ends_clean(), 101, "{place}");
        terminal.until("the report, on the shell's screen", |s| s.has("asked for by CUTOVER_PANIC"));
    }
}

#[test]
fn an_error_before_the_start_leaves_the_terminal_alone() {
    let mut terminal = Terminal::of(&["--kubeconfig", "no-such-file"]);
    assert_ne!(terminal.ends_clean(), 0);
    terminal.see("no-such-file");
    assert!(!terminal.look(|s| s.raw().windows(6).any(|w| w == b"\x1b[?104")), "no other screen was ever opened");
}

/// A shell with job control, and the console in it.
fn in_a_shell() -> Terminal {
    let terminal = Terminal::with("/bin/sh", &["-i"], &[("PS1", "shell> "), ("CUTOVER", env!("CARGO_BIN_EXE_cutover"))]);
    terminal.see("shell>");
    terminal.press("\"$CUTOVER\" demo healthy\r");
    terminal.see("3/3 ready");
    terminal
}

#[test]
fn suspended_it_gives_the_terminal_to_the_shell_and_takes_it_again() {
    let terminal = in_a_shell();
    for _ in 0..2 {
        terminal.press("\x1a");
        terminal.until("the shell's prompt", |s| s.is_clean() && s.text().trim_end().ends_with("shell>"));
        terminal.press("echo still $((40 + 2))\r");
        terminal.see("still 42");
        terminal.press("fg\r");
        terminal.until("the console again", |s| s.is_taken() && s.has("3/3 ready"));
        terminal.press("?");
        terminal.see("Take the release back");
        terminal.press("\x1b");
        terminal.see_no("Take the release back");
    }
    terminal.press("q");
    terminal.until("the shell's prompt", |s| s.is_clean() && s.text().trim_end().ends_with("shell>"));
}

#[test]
fn it_ends_when_the_terminal_hangs_up() {
    let mut terminal = in_a_shell();
    let shell = terminal.pid().as_raw_nonzero();
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    let console = PathBuf::from(format!("/proc/{}", children.split_whitespace().next().expect("the console")));
    // The end of a session's leader hangs its terminal up.
    terminal.signal(Signal::KILL);
    terminal.code();
    let deadline = Instant::now() + Duration::from_secs(60);
    let runs = || std::fs::read_to_string(console.join("stat")).is_ok_and(|s| !s.contains(") Z "));
    while runs() {
        assert!(Instant::now() < deadline, "it goes on without a terminal");
        std::thread::yield_now();
    }
}

#[test]
fn quitting_while_driving_says_that_nobody_will_roll_back() {
    let mut terminal = rehearsal("healthy", 20);
    start(&terminal);
    terminal.see("driver you");
    terminal.press("\x03");
    terminal.see("Nobody will roll back");
    terminal.see("Only this console drives it");
    // Left, it goes on.
    terminal.press("\x1b");
    terminal.see_no("Nobody will roll back");
    terminal.press("\x03");
    confirm(&terminal, "quit all the same");
    assert_eq!(terminal.ends_clean(), 0);
    terminal
        .until("what is left behind, on the shell's screen", |s| s.text().replace('\n', "").contains("nobody will roll it back by itself"));
}
