//! A cluster that means ill, or only says no: nothing it says reaches the terminal as anything but text, and what it refuses
//! is left with the command that does it by hand.

use cutover::sim::kernel::resource::{DEPLOYMENT, EVENT, POD, VIRTUAL_SERVICE};
use cutover::sim::kernel::world::Denial;
use serde_json::{Value, json};

use super::{Cluster, NAMESPACE, confirm};

/// Clears the screen, names the window, rings, turns the text round.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;OWNED\u{7}\u{9b}31m\u{202e}evil";

#[tokio::test(flavor = "multi_thread")]
async fn escape_sequences_stay_text() {
    let cluster = Cluster::of("healthy").await;
    let backend = "fusion-electronics-backend";
    cluster.modify(&DEPLOYMENT, backend, |d| d["metadata"]["annotations"]["kubernetes.io/change-cause"] = json!(format!("cause {EVIL}")));
    cluster.server.handle().with(|kernel| {
        let pod = kernel.world.store.list(&POD, Some(NAMESPACE)).find(|p| p["metadata"]["name"].as_str().unwrap().starts_with(backend));
        let mut copy = Value::clone(pod.unwrap());
        let about = copy.clone();
        kernel.world.event(&about, "Warning", "Odd", &format!("message {EVIL}"), "kubelet");
        // No API server takes such a name; a console must not rely on that.
        copy["metadata"] = json!({
            "name": format!("{backend}-{EVIL}-pod"), "namespace": NAMESPACE, "uid": "evil-1",
            "labels": copy["metadata"]["labels"], "ownerReferences": copy["metadata"]["ownerReferences"],
            // The oldest is kept when there is one too many.
            "creationTimestamp": "2020-01-01T00:00:00Z",
        });
        copy["metadata"]["labels"]["release"] = json!(format!("release {EVIL}"));
        kernel.world.store.insert(&POD, copy).unwrap();
        assert!(kernel.world.store.list(&EVENT, Some(NAMESPACE)).count() > 0);
    });
    let terminal = cluster.console();
    terminal.press("\r");
    terminal.see("evil");
    // Pods, then events, at full size; the change-cause in the start dialog.
    terminal.press("4z");
    terminal.see("evil-pod");
    terminal.press("z6z");
    terminal.see("message");
    terminal.press("zs");
    terminal.see("wanted");
    terminal.see("cause");
    terminal.look(|s| {
        let holds = |needle: &[u8]| s.raw().windows(needle.len()).any(|w| w == needle);
        assert!(holds(b"OWNED"), "shown as text");
        assert!(!holds(b"\x1b]0;OWNED") && !holds(b"\x07"), "the window's name and the bell");
        assert!(!holds("\u{9b}".as_bytes()) && !holds("\u{202e}".as_bytes()), "C1 and direction marks");
    });
    cluster.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sticks_is_printed_with_its_command() {
    let cluster = Cluster::of("healthy").await;
    cluster.modify(&VIRTUAL_SERVICE, "fusion-electronics-backend", |vs| {
        vs["spec"]["http"][0]["route"][0]["weight"] = json!(75);
        vs["spec"]["http"][0]["route"][1]["weight"] = json!(25);
    });
    let deny =
        Denial { verb: "patch".into(), group: "networking.istio.io".into(), resource: "virtualservices".into(), namespace: String::new() };
    cluster.server.handle().with(|kernel| kernel.world.denied.push(deny));
    let mut terminal = cluster.console();
    terminal.press("\r");
    terminal.see("ROLL BACK 25→0 %");
    terminal.press("\x12");
    terminal.see("stable 75 → 100");
    // The server is asked, and says no; the way back stays open.
    terminal.press("d");
    terminal.see("dry run: refused");
    confirm(&terminal, "y roll back now");
    terminal.until("the line that sticks", |s| s.has("stuck") && s.has("By hand:") && s.has("kubectl -n fusion-ecommerce patch"));
    terminal.press("\x1b");
    terminal.see_no("By hand:");
    terminal.press("\x03");
    terminal.see("n quit without a driver");
    terminal.press_while("n", "n quit without a driver");
    assert_eq!(terminal.ends_clean(), 0);
    terminal.until("the command, on the shell's screen", |s| {
        let text = s.text().replace('\n', "");
        text.contains("is still being rolled back")
            && text.contains("By hand:")
            && text.contains("kubectl -n fusion-ecommerce patch virtualservice")
    });
    cluster.server.stop().await;
}
