//! A console that is left, or loses its terminal, while it drives: a driver in the background goes on.

use rustix::process::Signal;

use super::confirm;
use super::rig::Terminal;
use crate::shop::background::Background;
use crate::shop::{NEW, Shop, canary, kubeconfig, until};

/// A console that drives a run which waits for an hour at 10 %.
struct Drive {
    console: Terminal,
    shop: Shop,
    /// Dropped last: nobody starts another one then.
    background: Background,
}

impl Drive {
    /// With variables of the console's environment; it runs below a shell, where one is wanted.
    fn with(vars: &[(&str, &str)], shell: bool) -> Drive {
        let shop = Shop::open("healthy", 20.0);
        shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 100 }"));
        let run = shop.spawn(&["run", "--image", NEW]);
        until("10 %", || shop.weights() == (90, 10));
        until("the hold is on record", || shop.stored().is_some_and(|r| r["cursor"] == 2));
        run.signal("TERM");
        assert_eq!(run.end().code, Some(143));
        // Watches need the cluster itself, not its front.
        let direct = shop.direct_kubeconfig();
        let text = std::fs::read_to_string(&direct).unwrap();
        let port: String = text.split_once("http://127.0.0.1:").unwrap().1.chars().take_while(char::is_ascii_digit).collect();
        shop.file("direct", &kubeconfig(&format!("http://127.0.0.1:{port}"), "{}"));
        let program = env!("CARGO_BIN_EXE_cutover");
        let (path, config) = (direct.to_str().unwrap(), shop.home.path().join("cutover.yaml"));
        let args = ["--kubeconfig", path, "--config", config.to_str().unwrap()];
        let console = if shell {
            let line = format!("{program} {}\r", args.join(" "));
            let terminal = Terminal::with("/bin/sh", &["-i"], &[&[("PS1", "shell> ")], vars].concat());
            terminal.see("shell>");
            terminal.press(&line);
            terminal
        } else {
            Terminal::with(program, &args, vars)
        };
        console.see("storefront");
        console.press_until("\r", "driver you");
        let background = Background::of(console.home());
        Drive { console, shop, background }
    }

    fn new() -> Drive {
        Drive::with(&[], false)
    }

    /// Quits, and hands over.
    fn hand_over(&mut self) {
        self.console.press("\x03");
        self.console.see("Who drives on?");
        confirm(&self.console, "y hand over");
        assert_eq!(self.console.ends_clean(), 0);
    }

    /// The one driver in the background, once it drives.
    fn driver(&self) -> u32 {
        until("a driver in the background", || self.shop.holder().ends_with(" (background)"));
        let processes = self.background.processes();
        assert_eq!(processes.len(), 1, "{processes:?}");
        assert!(self.shop.holder().ends_with(&format!("#{} (background)", processes[0])), "{}", self.shop.holder());
        processes[0]
    }

    /// The run goes to its end, and nobody is left.
    fn goes_to_its_end(&self) {
        self.shop.ends(0, &["step"]);
        until("the new version serves alone", || self.shop.image(crate::shop::STABLE) == NEW && self.shop.weights() == (100, 0));
        until("nobody drives any more", || self.shop.holder().is_empty());
        until("no process is left", || self.background.processes().is_empty());
        assert!(self.background.log().contains("storefront is promoted"), "{}", self.background.log());
    }
}

fn flat(console: &Terminal) -> String {
    console.look(|s| s.text().replace('\n', ""))
}

#[test]
fn a_console_that_quits_leaves_a_driver_which_goes_to_the_end() {
    let mut drive = Drive::new();
    drive.hand_over();
    let pid = drive.driver();
    drive.console.until("who drives now", |s| s.has("(background) drives now") && s.has(&format!("kill {pid}")));
    assert!(drive.console.look(|s| s.has("storefront.log")), "where it writes");
    assert_eq!(drive.shop.status()["driver"], drive.shop.holder());
    let log = drive.shop.stored().unwrap()["log"].to_string();
    assert!(log.contains("(background) drives (epoch 3), handed over by ada@"), "{log}");
    drive.goes_to_its_end();
}

#[test]
fn a_terminal_that_hangs_up_leaves_a_driver() {
    let mut drive = Drive::with(&[], true);
    // The end of a session's leader hangs its terminal up.
    drive.console.signal(Signal::KILL);
    drive.console.code();
    drive.driver();
    drive.background.signal(Signal::HUP);
    drive.goes_to_its_end();
}

#[test]
fn by_setting_a_hang_up_leaves_nobody() {
    let mut drive = Drive::with(&[("CUTOVER_ON_HANGUP", "let-go")], false);
    drive.console.signal(Signal::HUP);
    assert_eq!(drive.console.ends_clean(), 129);
    drive.console.see("nobody drives it now");
    assert_eq!((drive.shop.holder().as_str(), drive.background.processes()), ("", vec![]));
}

#[test]
fn a_person_may_leave_it_without_a_driver() {
    let mut drive = Drive::new();
    drive.console.press("\x03");
    drive.console.see("Who drives on?");
    drive.console.press("\x1b");
    drive.console.see_no("Who drives on?");
    drive.console.press("\x03");
    drive.console.see("n quit without a driver");
    drive.console.press_while("n", "n quit without a driver");
    assert_eq!(drive.console.ends_clean(), 0);
    drive.console.until("what is left behind", |s| s.text().replace('\n', "").contains("nobody will roll it back by itself"));
    assert_eq!((drive.shop.holder().as_str(), drive.background.processes()), ("", vec![]));
}

#[test]
fn a_driver_that_cannot_be_started_is_told_and_nobody_drives() {
    let mut drive = Drive::new();
    std::fs::remove_file(drive.shop.home.path().join("direct")).unwrap();
    drive.hand_over();
    drive.console.until("why", |s| s.has("was not handed over"));
    let told = flat(&drive.console);
    assert!(told.contains("direct") && told.contains("nobody will roll it back by itself"), "{told}");
    assert_eq!((drive.shop.holder().as_str(), drive.background.processes()), ("", vec![]));
}

#[test]
fn a_console_that_is_opened_again_finds_the_driver_and_takes_over() {
    let mut drive = Drive::new();
    drive.hand_over();
    let pid = drive.driver();
    let home = drive.shop.home.path();
    let args =
        ["--kubeconfig", home.join("direct").to_str().unwrap(), "--config", home.join("cutover.yaml").to_str().unwrap()].map(str::to_owned);
    let console = Terminal::of(&args.each_ref().map(String::as_str));
    console.see("storefront");
    console.press_until("\r", &format!("#{pid} (background)"));
    console.press_until("t", "y take over");
    confirm(&console, "y take over");
    console.see("driver you");
    until("the driver in the background ended", || drive.background.processes().is_empty());
    assert!(drive.background.log().contains("took over and drives now; nothing is left to do here"), "{}", drive.background.log());
    let mine = Background::of(console.home());
    drop(console);
    drop(mine);
}
