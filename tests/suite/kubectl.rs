//! The stock kubectl against the embedded cluster: what an operator types while looking at a rehearsal.

use std::io::BufRead;
use std::process::{Command, Stdio};

use cutover::sim::kernel::resource::DEPLOYMENT;
use serde_json::Value;

use crate::shop::{CANARY, NEW, OLD, Running, STABLE, Shop, until};

/// kubectl with its cluster; `None`, loudly, where it is not installed.
struct Kubectl {
    shop: Shop,
    config: std::path::PathBuf,
}

impl Kubectl {
    fn find(scenario: &str) -> Option<Kubectl> {
        if Command::new("kubectl").arg("version").arg("--client").output().is_err() {
            eprintln!("SKIPPED: no kubectl on the PATH, so the embedded cluster is not tried with it");
            return None;
        }
        let shop = Shop::open(scenario, 10.0);
        let config = shop.direct_kubeconfig();
        Some(Kubectl { shop, config })
    }

    fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(&self.config).args(line).env("HOME", self.shop.home.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a line of words that must succeed; answers what it says.
    fn says(&self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let told = Running::of(self.command(&words)).end();
        assert_eq!(told.code, Some(0), "kubectl {line}: {told:?}");
        told.out
    }
}

/// Whether each part stands in a text, in this order.
fn has(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("no {part:?} (in this order {parts:?}) in\n{text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn it_lists_describes_and_reads_logs() {
    let Some(k) = Kubectl::find("healthy") else { return };
    let wide = k.says("get deployments,replicasets,pods,services,hpa,virtualservices -o wide");
    has(&wide, &["READY", "UP-TO-DATE", "CONTAINERS", "IMAGES", "SELECTOR", STABLE, "3/3", OLD, CANARY, "0/0"]);
    has(&wide, &["DESIRED", "NODE", "NOMINATED NODE", "1/1", "Running", "node-", "CLUSTER-IP", "MINPODS", "HOSTS"]);
    let yaml = k.says(&format!("get deployment {STABLE} -o yaml"));
    has(&yaml, &["apiVersion: apps/v1", "kind: Deployment", "generation: 1", &format!("name: {STABLE}"), "readyReplicas: 3"]);
    let pods: Value = serde_json::from_str(&k.says("get pods -l version=stable -o json")).unwrap();
    assert_eq!(pods["items"].as_array().unwrap().len(), 3);
    let path = k.says("get pods -l version=stable -o jsonpath={.items[*].status.phase}");
    assert_eq!(path, "Running Running Running");

    has(
        &k.says(&format!("describe deployment {STABLE}")),
        &["Replicas:", "3 desired | 3 updated | 3 total | 3 available", "Events:", "ScalingReplicaSet"],
    );
    let pod = pods["items"][0]["metadata"]["name"].as_str().unwrap();
    has(
        &k.says(&format!("describe pod {pod}")),
        &["Controlled By:", "ReplicaSet/", OLD, "Readiness:", "Ready", "True", "Scheduled", "Started"],
    );
    has(&k.says("describe hpa"), &["Reference:", "resource cpu on pods", "Conditions:", "AbleToScale"]);
    has(&k.says(&format!("describe virtualservice {STABLE}")), &["Weight:", "100", "Weight:", "0"]);

    assert_eq!(k.says(&format!("logs {pod} --tail 3")).lines().count(), 3);
    has(&k.says(&format!("logs deployment/{STABLE} --tail 1")), &["HTTP/1.1"]);
    let stamped = k.says(&format!("logs {pod} --tail 1 --timestamps"));
    assert!(stamped.split(' ').next().unwrap().parse::<jiff::Timestamp>().is_ok(), "{stamped}");
    has(&k.says("get events --sort-by .lastTimestamp"), &["LAST SEEN", "ScalingReplicaSet"]);
    has(&k.says("top pods"), &["CPU(cores)", "MEMORY(bytes)"]);
    assert_eq!(k.says("auth can-i patch deployments"), "yes\n");
}

#[test]
fn it_watches() {
    let Some(k) = Kubectl::find("healthy") else { return };
    let mut child = k.command(&["get", "pods", "-w", "-l", "version=canary", "-o", "name"]).spawn().unwrap();
    let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| said.send(line)));
    k.says(&format!("scale deployment {CANARY} --replicas 2"));
    for _ in 0..2 {
        let line = heard.recv_timeout(crate::shop::SOON).unwrap();
        assert!(line.starts_with(&format!("pod/{CANARY}-")), "{line}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn it_scales_sets_images_and_walks_revisions() {
    let Some(k) = Kubectl::find("healthy") else { return };
    let canary = format!("deployment/{CANARY}");
    let status = || k.says(&format!("rollout status {canary} --timeout 60s"));
    k.says(&format!("scale {canary} --replicas 2"));
    has(&status(), &["successfully rolled out"]);
    assert_eq!(k.shop.replicas(CANARY), 2);
    k.says(&format!("set image {canary} backend={NEW}"));
    has(&status(), &["Waiting for deployment", "successfully rolled out"]);
    assert_eq!(k.shop.image(CANARY), NEW);
    k.says(&format!("annotate {canary} kubernetes.io/change-cause=v1.5.0"));
    until("the revision knows why", || k.says(&format!("rollout history {canary}")).contains("v1.5.0"));
    has(&k.says(&format!("rollout history {canary}")), &["REVISION", "CHANGE-CAUSE", "1", "2", "v1.5.0"]);
    has(&k.says(&format!("rollout history {canary} --revision 1")), &["revision #1", OLD]);

    k.says(&format!("rollout undo {canary}"));
    has(&status(), &["successfully rolled out"]);
    assert_eq!(k.shop.image(CANARY), OLD);
    k.says(&format!("rollout undo {canary} --to-revision 2"));
    assert_eq!(k.shop.image(CANARY), NEW);
    has(&status(), &["successfully rolled out"]);

    k.says(&format!("rollout pause {canary}"));
    assert_eq!(k.shop.object(&DEPLOYMENT, CANARY).unwrap()["spec"]["paused"], true);
    let sets = || k.says("get replicasets -l version=canary -o name").lines().count();
    let before = sets();
    k.says(&format!("set image {canary} backend=registry.io/fusion-electronics-backend:v1.5.2"));
    assert_eq!(sets(), before, "a paused Deployment makes no new ReplicaSet");
    k.says(&format!("rollout resume {canary}"));
    until("the new ReplicaSet", || sets() == before + 1);
    has(&status(), &["successfully rolled out"]);
    k.says(&format!("rollout restart {canary}"));
    has(&status(), &["successfully rolled out"]);
}

#[test]
fn it_patches_in_three_ways_and_deletes() {
    let Some(k) = Kubectl::find("healthy") else { return };
    let json = r#"[{"op":"replace","path":"/spec/http/0/route/0/weight","value":80},{"op":"replace","path":"/spec/http/0/route/1/weight","value":20}]"#;
    k.says(&format!("patch virtualservice {STABLE} --type json -p {json}"));
    assert_eq!(k.shop.weights(), (80, 20));
    let stale = k.command(&[
        "patch",
        "virtualservice",
        STABLE,
        "--type",
        "json",
        "-p",
        r#"[{"op":"test","path":"/spec/http/0/route/0/weight","value":100}]"#,
    ]);
    assert_ne!(Running::of(stale).end().code, Some(0));
    // A strategic patch merges containers by name, a merge patch replaces the list.
    let strategic =
        r#"{"spec":{"template":{"spec":{"containers":[{"name":"backend","image":"registry.io/fusion-electronics-backend:v1.4.3"}]}}}}"#;
    k.says(&format!("patch deployment {STABLE} -p {strategic}"));
    let container = k.shop.object(&DEPLOYMENT, STABLE).unwrap()["spec"]["template"]["spec"]["containers"][0].clone();
    assert!(container["image"].as_str().unwrap().ends_with(":v1.4.3") && container["readinessProbe"].is_object(), "{container}");
    k.says(&format!(r#"patch deployment {STABLE} --type merge -p {{"metadata":{{"labels":{{"x":"y"}}}}}}"#));
    assert_eq!(k.shop.object(&DEPLOYMENT, STABLE).unwrap()["metadata"]["labels"]["x"], "y");
    has(&k.says(&format!("rollout status deployment/{STABLE} --timeout 60s")), &["successfully rolled out"]);

    // The youngest one: the oldest may still be on its way out.
    let pod = k.says("get pods -l version=stable --sort-by .metadata.creationTimestamp -o jsonpath={.items[-1:].metadata.name}");
    has(&k.says(&format!("delete pod {pod}")), &[&pod, "deleted"]);
    until("another pod takes its place", || {
        k.says("get pods -l version=stable --field-selector status.phase=Running -o name").lines().filter(|l| !l.ends_with(&pod)).count()
            == 3
    });
    k.says(&format!("delete deployment {CANARY}"));
    let gone = Running::of(k.command(&["get", "deployment", CANARY])).end();
    assert!(gone.code == Some(1) && gone.err.contains("NotFound"), "{gone:?}");
}
