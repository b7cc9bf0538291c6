//! The console on real servers: walked and taken back by keys, and read-only whatever is pressed.

use super::requests::COUNT;
use super::{BACKEND, COMPONENTS, NEW, OLD, SOON, Shop};
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::{audit, bastion};
use crate::rig::Terminal;

impl Shop {
    /// The console in a terminal of 80x24.
    pub fn console(&self, user: User, args: &[&str]) -> Terminal {
        let environment = self.environment(user);
        let vars: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Terminal::with(&bastion::program().display().to_string(), args, &vars)
    }

    async fn until_weights(&self, percent: u64) {
        eventually(&format!("{percent} % on both routes"), SOON, async || {
            let weights = self.weights().await;
            if weights == [percent, percent] { Ok(()) } else { Err(weights) }
        })
        .await;
    }
}

/// Runs what waits on a terminal beside the gateways, which live on the test's own threads.
pub async fn at<T: Send + 'static>(terminal: Terminal, what: impl FnOnce(&mut Terminal) -> T + Send + 'static) -> (Terminal, T) {
    let work = move || {
        let mut terminal = terminal;
        let result = what(&mut terminal);
        (terminal, result)
    };
    tokio::task::spawn_blocking(work).await.expect("what was waited for came")
}

/// Presses `y` until the dialog is gone: in its first 300 ms it takes none.
fn confirm(terminal: &Terminal, words: &str) {
    terminal.see(words);
    terminal.press_while("y", words);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_walks_by_keys_and_takes_back_with_two() {
    let Some(plane) = ControlPlane::get("a_console_walks_by_keys_and_takes_back_with_two") else { return };
    walked_and_taken_back(&Shop::open(plane, "console").await).await;
}

/// From the first screen to a rollout that was walked by keys and taken back by keys.
pub async fn walked_and_taken_back(shop: &Shop) {
    let terminal = shop.console(User::Operator, &[]);
    let (terminal, ()) = at(terminal, |terminal| {
        terminal.see("storefront");
        terminal.press_until("\r", "4 Pods");
        terminal.until("the release with its pods", |s| s.has("data live") && s.has("Running"));
        terminal.press_until("s", "wanted");
        // The tag of the image in each field is six characters long.
        let tag = format!("{}{NEW}", "\x7f".repeat(OLD.len()));
        terminal.press(&tag);
        terminal.press("\t");
        terminal.press(&tag);
        terminal.press_until("\r", "y start");
        confirm(terminal, "y start");
        terminal.see("25/25/");
    })
    .await;
    // Held for fifteen seconds by itself: `<` is read and pressed in that time; `>` and `<` go where they say.
    let (terminal, ()) = at(terminal, |terminal| {
        terminal.see("50/50/");
        terminal.press_until("<", "y ");
        confirm(terminal, "y step");
        terminal.see("25/25/");
        terminal.press("\x12");
        terminal.see("y roll back now");
        terminal.press_until("y", "is back on stable");
    })
    .await;
    shop.until_weights(0).await;
    let (_, code) = at(terminal, |terminal| {
        terminal.until("the end of the rollback", |s| s.has("rolled back") || s.has("is back on stable"));
        terminal.press("\x03");
        terminal.ends_clean()
    })
    .await;
    assert_eq!(code, 0);
    for component in COMPONENTS {
        assert_eq!(shop.runs(component.stable).await, (component.image(OLD), 3));
    }
    let log = shop.namespace.audit(User::Operator);
    // What all nodes have room for is asked, and need not be told: the right to it is one of its own (`assets/rbac`).
    let lacking = |e: &audit::Entry| e.code == 403 && e.uri != COUNT;
    assert_eq!(audit::lines(&log, lacking), "", "the operator's role lacks something");
}

/// Keys that stop or leave the program; every other one is pressed.
const LEAVING: [char; 4] = ['\x03', '\x1a', 'q', '\x1b'];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_writes_in_read_only_mode() {
    let Some(plane) = ControlPlane::get("no_key_writes_in_read_only_mode") else { return };
    let shop = Shop::open(plane, "no-key").await;
    // Something is under way, so that each key would have something to do.
    let mut driver = shop.run("driver");
    shop.holds(10, &mut driver).await;
    driver.kill();
    let terminal = shop.console(User::Admin, &["--read-only"]);
    let (terminal, ()) = at(terminal, |terminal| {
        terminal.see("storefront");
        terminal.press_until("\r", "4 Pods");
        terminal.see("read-only");
        let keys = (1..0x7f_u8).map(char::from).filter(|key| !LEAVING.contains(key));
        for key in keys {
            terminal.press(&key.to_string());
            // Whatever it opened is answered yes, in all the ways there are, and left.
            terminal.press("y\r");
            terminal.press("\x1b");
            terminal.until("the next frame", |s| s.is_taken());
        }
        // It lives and shows what is there.
        terminal.press_until("\x1b", "10/10/");
        terminal.press("\x12y");
        terminal.see("read-only");
    })
    .await;
    let log = shop.namespace.audit(User::Admin);
    let opens = |e: &audit::Entry| ["exec", "attach", "portforward"].iter().any(|way| e.resource.ends_with(way));
    assert!(log.iter().any(|e| e.resource == "pods"), "it did look");
    assert_eq!(audit::lines(&log, |e| e.writes() || opens(e)), "");
    assert_eq!(shop.weights().await, [10, 10]);
    drop(terminal);

    // The same keys without the flag do write.
    let terminal = shop.console(User::Admin, &[]);
    let (terminal, ()) = at(terminal, |terminal| {
        terminal.see("storefront");
        terminal.press_until("\r", "4 Pods");
        terminal.see("10/10/");
        terminal.press("\x12");
        terminal.press_until("y", "is back on stable");
    })
    .await;
    drop(terminal);
    let log = shop.namespace.audit(User::Admin);
    assert!(
        log.iter().any(|e| e.writes() && e.resource == "virtualservices" && e.name == BACKEND.stable),
        "{}",
        audit::lines(&log, |e| e.writes())
    );
}
