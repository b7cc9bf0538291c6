//! Read-only as a cluster admin: every command, and not one request that could change anything.

use super::{BACKEND, NEW, Shop};
use crate::harness::audit;
use crate::harness::control_plane::{ControlPlane, User};

/// Every command that talks to a cluster, with what makes it act.
fn commands(image: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["status"],
        vec!["status", "-A"],
        vec!["plan"],
        vec!["history"],
        vec!["init"],
        vec!["run", "--yes", "--image", image, "--timeout", "20s"],
        vec!["step", "--yes"],
        vec!["step", "--yes", "--back"],
        vec!["step", "--yes", "--to", "30"],
        vec!["approve", "--yes"],
        vec!["pause"],
        vec!["resume", "--yes"],
        vec!["promote", "--yes"],
        vec!["reject", "--yes"],
        vec!["rollback"],
        vec!["undo", "--yes", "--component", "backend"],
        vec!["restore-sync", "--yes"],
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_command_writes_and_without_the_flag_they_do() {
    let Some(plane) = ControlPlane::get("no_command_writes_and_without_the_flag_they_do") else { return };
    let shop = Shop::open(plane, "read-only").await;
    // Something is under way, so that each command would have something to do.
    let mut driver = shop.run("driver");
    shop.holds(10, &mut driver).await;
    driver.kill();
    let image = format!("backend={}", BACKEND.image(NEW));
    for dry in [&["--read-only"][..], &["--dry-run"], &["--read-only", "--dry-run"]] {
        for command in commands(&image) {
            let args = [command.as_slice(), dry].concat();
            let (code, text) = shop.done(User::Admin, "looking", &args).await;
            assert!(code != 101 && !text.contains("panicked"), "{args:?}: {text}");
            let looks = matches!(command[0], "status" | "plan" | "history" | "init");
            assert_eq!(looks, code == 0 && !dry.contains(&"--dry-run") || looks, "{args:?} ended with {code}: {text}");
            if !looks && dry == ["--read-only"] {
                assert_eq!(code, 8, "denied: {args:?}: {text}");
            }
        }
    }
    let log = shop.namespace.audit(User::Admin);
    assert!(log.len() > 50, "they did look: {}", log.len());
    let opens = |e: &audit::Entry| ["exec", "attach", "portforward"].iter().any(|way| e.resource.ends_with(way));
    assert_eq!(audit::lines(&log, |e| e.writes() || opens(e)), "");
    assert_eq!(shop.weights().await, [10, 10]);

    let (code, text) = shop.done(User::Admin, "acting", &["rollback"]).await;
    assert_eq!(code, 0, "{text}");
    let log = shop.namespace.audit(User::Admin);
    assert!(log.iter().any(|e| e.writes() && e.resource == "virtualservices" && e.code == 200), "the same admin can write");
    shop.assert_is_back().await;
}
