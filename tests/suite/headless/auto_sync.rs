//! An Application of Argo CD that heals itself: suspended with the first write, restored by a command, and what follows where
//! that is not allowed.

use cutover::sim::kernel::resource::APPLICATION;
use cutover::sim::scenario::Scenario;
use serde_json::{Value, json};

use crate::shop::{NEW, STABLE, Shop, canary, until};

const STEPS: &str = "{ weight: 10, hold: 6s }, { weight: 100, hold: 1s }";
const KEPT: &str = "cutover.dev/auto-sync";

fn application(shop: &Shop) -> Value {
    shop.with(|kernel| Value::clone(kernel.world.store.get(&APPLICATION, "argocd", "storefront").unwrap()))
}

fn automated(shop: &Shop) -> Value {
    application(shop)["spec"]["syncPolicy"]["automated"].clone()
}

fn kept(shop: &Shop) -> Value {
    application(shop)["metadata"]["annotations"][KEPT].clone()
}

fn open() -> Shop {
    let shop = Shop::open("gitops", 20.0);
    shop.file("cutover.yaml", &canary(STEPS));
    shop
}

/// The same shop where git sends a quarter to the candidate.
fn open_with_a_quarter_in_git() -> Shop {
    let text = include_str!("../../../assets/scenarios/gitops.yaml");
    let text =
        text.replacen("weight: 100", "weight: 75", 1).replacen("weight: 0", "weight: 25", 1).replacen("replicas: 0", "replicas: 1", 1);
    let shop = Shop::of(&Scenario::parse(&text, "quarter.yaml").unwrap(), 20.0);
    shop.file("cutover.yaml", &canary(STEPS));
    assert_eq!(shop.weights(), (75, 25));
    shop
}

#[test]
fn a_run_suspends_it_first_and_a_person_restores_it() {
    let shop = open();
    let policy = json!({ "prune": true, "selfHeal": true });
    let change = "Application storefront: auto-sync on (prune, selfHeal) → off";
    let plan = shop.ends(0, &["plan", "--image", NEW]);
    assert!(plan.out.contains(change), "{plan:?}");
    let asked = shop.ends(0, &["run", "--image", NEW, "--dry-run"]);
    assert!(asked.out.starts_with(change), "{asked:?}");
    assert!(asked.out.contains("Argo CD app storefront heals itself: its auto-sync is paused with this"), "{asked:?}");
    assert_eq!(automated(&shop), policy, "so far nothing is written");

    let run = shop.ends(0, &["run", "--image", NEW]);
    let line = |what: &str| run.out.lines().position(|l| l.contains(what)).unwrap_or_else(|| panic!("{what}: {run:?}"));
    assert!(line(change) < line("write        #2"), "{run:?}");
    assert!(!run.out.contains("argocd-controller"), "nothing is put back: {run:?}");
    let then = "Argo CD app storefront: auto-sync stays off: commit what runs now to git, then restore it: S, or `cutover restore-sync`";
    assert!(run.out.contains(then) && run.err.contains(then), "{run:?}");
    assert_eq!((automated(&shop), kept(&shop)), (Value::Null, json!(policy.to_string())));

    let status = shop.status();
    let off = status["autoSyncOff"][0].as_str().unwrap();
    assert!(off.starts_with("Argo CD app storefront: auto-sync off since ") && off.ends_with("Z by us"), "{off}");
    assert!(shop.ends(0, &["status"]).out.contains(off));

    until("Argo CD has compared what stands", || application(&shop)["status"]["sync"]["status"] == "Synced");
    let denied = shop.ends(8, &["restore-sync", "--read-only"]);
    assert!(denied.err.contains("read-only"), "{denied:?}");
    let shown = shop.ends(0, &["restore-sync", "--dry-run"]);
    for words in [
        "Application storefront: auto-sync off → on (prune, selfHeal)",
        "then sets what git says again",
        "git agrees with what stands (Synced)",
    ] {
        assert!(shown.out.contains(words), "{words}: {shown:?}");
    }
    assert_eq!(automated(&shop), Value::Null, "so far nothing is written");
    let restored = shop.ends(0, &["restore-sync", "-o", "json"]);
    assert!(restored.lines().last().unwrap()["text"].as_str().unwrap().contains("auto-sync is on again"), "{restored:?}");
    assert_eq!((automated(&shop), kept(&shop)), (policy, Value::Null));
    assert_eq!(shop.status()["autoSyncOff"], json!([]));
    let again = shop.ends(1, &["restore-sync"]);
    assert!(again.err.contains("no Argo CD app of this release has its auto-sync suspended"), "{again:?}");
}

#[test]
fn a_rollback_stays_where_it_went_and_restoring_warns_of_what_git_holds() {
    let shop = open_with_a_quarter_in_git();
    let shown = shop.ends(0, &["rollback", "--dry-run"]);
    let lines: Vec<&str> = shown.out.lines().filter(|l| !l.starts_with('·')).collect();
    let change = "Application storefront: auto-sync on (prune, selfHeal) → off";
    assert!(lines[0].starts_with("VirtualService") && lines.last() == Some(&change), "traffic first: {shown:?}");
    assert!(shown.out.contains("its auto-sync is paused with this") && !shown.out.contains("to stop that"), "{shown:?}");
    let back = shop.ends(0, &["rollback"]);
    assert!(back.err.contains("auto-sync stays off: take the change back in git (git revert), then restore it"), "{back:?}");
    assert_eq!((shop.weights(), automated(&shop)), ((100, 0), Value::Null));
    until("Argo CD says what differs", || application(&shop)["status"]["sync"]["status"] == "OutOfSync");
    assert_eq!(shop.weights(), (100, 0), "and puts nothing back");
    let shown = shop.ends(0, &["restore-sync", "--dry-run"]);
    assert!(shown.out.contains(&format!("it says OutOfSync: VirtualService {STABLE} would be put back to git's")), "{shown:?}");
    shop.ends(0, &["restore-sync"]);
    until("git's weights stand again, as was said", || shop.weights() == (75, 25));
}

#[test]
fn without_the_right_it_is_told_and_what_is_put_back_is_as_ever() {
    let shop = open();
    shop.deny("patch", "argoproj.io", "applications");
    let asked = shop.ends(0, &["run", "--image", NEW, "--dry-run"]);
    assert!(!asked.out.contains("auto-sync on"), "{asked:?}");
    let rule = "needs patch on applications in namespace argocd; ask for the rule {apiGroups: [\"argoproj.io\"], resources: [\"applications\"], verbs: [\"patch\"]}";
    assert!(asked.out.contains(&format!("and its auto-sync cannot be paused: {rule}")), "{asked:?}");
    let run = shop.ends(6, &["run", "--image", NEW, "--no-wait"]);
    assert!(run.err.contains("candidate 10 → 0 by argocd-controller"), "{run:?}");
    let note = format!(
        "note         Argo CD app storefront heals itself, and its auto-sync stays on: {rule}; what it puts back is told; to stop that: argocd app set"
    );
    assert_eq!(run.out.matches(&note).count(), 1, "{run:?}");
    assert!(shop.front.take_writes().iter().all(|w| !format!("{w:?}").contains("applications")), "it is not tried");
    shop.ends(0, &["rollback"]);
    assert_eq!((shop.weights(), kept(&shop)), ((100, 0), Value::Null));
}

#[test]
fn what_cannot_be_read_as_a_policy_is_told_as_it_stands() {
    let shop = open();
    shop.with(|kernel| {
        let change = |app: &mut Value| {
            app["spec"]["syncPolicy"] = json!({});
            app["metadata"]["annotations"] = json!({ KEPT: "yes please" });
        };
        kernel.world.modify(&APPLICATION, "argocd", "storefront", "kubectl-edit", change).unwrap();
    });
    let told = shop.ends(1, &["restore-sync"]);
    assert!(
        told.err.contains(
            "the annotation cutover.dev/auto-sync holds no sync policy but `yes please`: set it by hand (argocd app set storefront"
        ),
        "{told:?}"
    );
    assert_eq!(kept(&shop), "yes please");
}
