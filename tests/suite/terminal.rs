//! The console as its user meets it: the real binary in a pseudo-terminal, its screen read by a terminal emulator.

mod contexts;
mod handover;
mod hostile;
mod life;
mod rig;
mod walks;

use cutover::sim::http::{Clock, Options, Server};
use cutover::sim::kernel::Kernel;
use cutover::sim::kernel::resource::Resource;
use cutover::sim::scenario::Scenario;
use serde_json::Value;
use tempfile::TempDir;

use rig::Terminal;

/// The namespace of the scenarios.
const NAMESPACE: &str = "fusion-ecommerce";

/// A rehearsal in a terminal of 80x24, its release opened; time runs so many times as fast.
fn rehearsal(scenario: &str, speed: u32) -> Terminal {
    let terminal = Terminal::of(&["demo", scenario, "--speed", &speed.to_string()]);
    terminal.see("storefront");
    terminal.press("\r");
    // Its objects, its pods and its counters were read.
    terminal.until("the release with its pods and figures", |s| s.has("data live") && s.has("3/3") && s.has("Running"));
    terminal
}

/// Starts a rollout of v1.5.0 by the start dialog.
fn start(terminal: &Terminal) {
    terminal.press("s");
    terminal.see("wanted");
    // The tag of the image in the field is six characters long.
    terminal.press(&format!("{}v1.5.0", "\x7f".repeat(6)));
    terminal.see("backend:v1.5.0");
    // A fresh form ignores Enter for 300 ms: it is pressed until it is heard.
    terminal.press_until("\r", "y start");
    confirm(terminal, "y start");
}

/// Presses `y` until the dialog is gone: in its first 300 ms it takes none.
fn confirm(terminal: &Terminal, words: &str) {
    terminal.see(words);
    terminal.press_while("y", words);
}

/// An embedded cluster in this process, its time frozen after its pods came up, with a kubeconfig on disk.
struct Cluster {
    server: Server,
    dir: TempDir,
}

impl Cluster {
    async fn of(scenario: &str) -> Cluster {
        let mut kernel = Kernel::new(1, jiff::Timestamp::now() - jiff::SignedDuration::from_secs(90));
        Scenario::built_in(scenario).unwrap().install(&mut kernel).unwrap();
        let server = Server::start(kernel, Options { clock: Clock::LockStep, ..Options::default() }).await.unwrap();
        server.handle().advance_to(90_000);
        let dir = tempfile::tempdir().unwrap();
        server.write_kubeconfig(&dir.path().join("kubeconfig"), NAMESPACE).unwrap();
        Cluster { server, dir }
    }

    /// The console on it, by what is found there.
    fn console(&self) -> Terminal {
        let terminal = Terminal::of(&["--kubeconfig", self.dir.path().join("kubeconfig").to_str().unwrap()]);
        terminal.until("the release", |s| s.has("v1.4.2") && s.has("ROLL BACK") || s.has("/3 ready"));
        terminal
    }

    /// Changes an object as somebody else would.
    fn modify(&self, resource: &'static Resource, name: &str, change: impl FnOnce(&mut Value)) {
        self.server.handle().with(|kernel| {
            kernel.world.modify(resource, NAMESPACE, name, "somebody", change).unwrap();
            kernel.settle();
        });
    }
}
