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
        ("errors", 3),
        ("slow", 3),
        ("crashloop", 3),
        ("image-pull", 3),
        ("no-metrics", 7),
        ("low-traffic", 7),
        ("gitops", 4),
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
