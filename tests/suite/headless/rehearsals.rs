//! Rehearsals without a console: one seed, one story, and the exit code that a pipeline would see.

use std::process::{Command, Stdio};

use crate::shop::{Running, Told};

fn demo(args: &[&str]) -> Running {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    command.arg("demo").args(args).arg("--headless").env_clear().env("HOME", home.path()).current_dir(home.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running::of(command)
}

fn ends(code: i32, args: &[&str]) -> Told {
    let told = demo(args).end();
    assert_eq!(told.code, Some(code), "demo {}\n{told:?}", args.join(" "));
    told
}

#[test]
fn every_scenario_ends_as_it_says() {
    let scenarios = [
        ("healthy", 0),
        ("blue-green", 0),
        ("two-components", 0),
        ("ingress", 0),
        ("argo-rollout", 0),
        ("errors", 3),
        ("slow", 3),
        ("crashloop", 3),
        ("image-pull", 3),
        ("no-metrics", 7),
        ("low-traffic", 7),
        ("gitops", 0),
        ("gitops-sync", 4),
    ];
    for (name, code) in scenarios {
        // Where nothing can be told, half an hour without a verdict is as good as two.
        let patience: &[&str] = if matches!(code, 4 | 7) { &["--timeout", "30m"] } else { &[] };
        let told = ends(code, &[&[name, "--speed", "60", "-o", "json"], patience].concat());
        let lines = told.lines();
        let end = lines.last().unwrap();
        assert_eq!((&end["kind"], &end["exit"]), (&"end".into(), &code.into()), "{name}");
        let healthy_at = lines.iter().filter(|l| l["verdict"] == "healthy").count();
        // Without metrics nothing is ever healthy, and nothing goes further than its first weight.
        if code == 7 {
            let top = lines.iter().filter_map(|l| l["weight"].as_u64()).max().unwrap();
            assert_eq!((healthy_at, top), (0, 10), "{name}");
        }
    }
}

/// The controller counts what a canary Ingress took, and the gate takes it back: the annotation is 0 again.
#[test]
fn a_bad_canary_behind_an_ingress_is_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("bad.yaml");
    let good = include_str!("../../../assets/scenarios/ingress.yaml");
    let at = good.find("backend:v1.5").unwrap();
    let bad = good[at..].replacen("errors: 0.2%", "errors: 30%", 1);
    std::fs::write(&path, format!("{}{bad}", &good[..at])).unwrap();
    let told = ends(3, &[path.to_str().unwrap(), "--speed", "60"]);
    let annotation = "Ingress fusion-electronics-backend-canary: nginx.ingress.kubernetes.io/canary-weight";
    assert!(told.out.contains(&format!("{annotation} 0 → 10")) && told.out.contains(&format!("{annotation} 10 → 0")), "{told:?}");
    assert!(told.out.contains("errors"), "{told:?}");
}

/// Testers are let in before the first weight, and their rule goes in the write that sends everybody.
#[test]
fn testers_come_first_and_go_with_everybody() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("testers.yaml");
    let text = include_str!("../../../assets/scenarios/two-components.yaml");
    let at = text.find("release:").unwrap();
    let testers = |closing: &str| format!("{closing}, testers: {{ header: {{ name: x-canary, value: always }} }} }}");
    let mut release = text[at..].to_owned();
    for route in ["virtualService: fusion-electronics-backend }", "httpRoute: fusion-electronics-frontend }"] {
        assert!(release.contains(&format!("{route} }}")));
        release = release.replacen(&format!("{route} }}"), &testers(route), 1);
    }
    std::fs::write(&path, format!("{}{release}", &text[..at])).unwrap();
    let told = ends(0, &[path.to_str().unwrap(), "--speed", "60"]);
    let line = |what: &str| told.out.lines().position(|l| l.contains(what)).unwrap_or_else(|| panic!("{what}: {told:?}"));
    for object in ["VirtualService fusion-electronics-backend", "HTTPRoute fusion-electronics-frontend"] {
        let admitted = line(&format!("{object}: testers – → header x-canary: always"));
        assert!(admitted < line(&format!("{object}: stable 100 → 90, candidate 0 → 10")), "{told:?}");
        line(&format!("{object}: stable 25 → 0, candidate 75 → 100, testers header x-canary: always → –"));
    }
}

#[test]
fn one_seed_repeats_and_another_does_not() {
    let story = |seed: &str| ends(3, &["errors", "--seed", seed]).out;
    let first = story("7");
    assert_eq!(first, story("7"));
    assert_ne!(first, story("8"));
    assert!(first.contains("rollback") && first.contains("errors"), "{first}");
}

#[test]
fn a_file_of_ones_own_is_played_and_a_faulty_one_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("mine.yaml");
    let text = include_str!("../../../assets/scenarios/crashloop.yaml").replace("name: crashloop", "name: mine");
    std::fs::write(&path, &text).unwrap();
    ends(3, &[path.to_str().unwrap()]);
    std::fs::write(&path, text.replace("manifests:", "manifest:")).unwrap();
    let told = ends(2, &[path.to_str().unwrap()]);
    assert!(told.err.contains("manifest"), "{told:?}");
    ends(1, &["./nowhere.yaml"]);
    ends(2, &["nosuch"]);
}
