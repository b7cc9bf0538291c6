use serde_json::json;

use crate::sim::kernel::{
    bench::{Bench, NS},
    object::Fields,
    profile::{Crash, Flap, Profile},
    resource::{DEPLOYMENT, NODE, POD},
    usage::Load,
};

fn only_pod(bench: &Bench) -> std::sync::Arc<serde_json::Value> {
    bench.list(&POD).into_iter().next_back().unwrap()
}

fn lines(bench: &Bench, pod: &str, previous: bool) -> Vec<String> {
    let run = bench.kernel.world.logs.run(NS, pod, "app", previous);
    run.map(|run| run.since(0).map(|line| line.text.clone()).collect()).unwrap_or_default()
}

#[test]
fn a_pod_is_bound_pulled_started_and_probed() {
    let mut bench = Bench::with_nodes();
    bench.deploy("web", 1, "reg.io/web:v1");
    let pod = only_pod(&bench);
    assert_eq!(pod.text("/status/phase"), "Pending");
    assert_eq!(pod.text("/status/containerStatuses/0/state/waiting/reason"), "ContainerCreating");
    assert_eq!(bench.condition(&pod, "PodScheduled").0, "True");
    bench.pass(20);
    let pod = only_pod(&bench);
    let node = pod.text("/spec/nodeName");
    assert_eq!((pod.text("/status/phase"), bench.condition(&pod, "Ready").0.as_str()), ("Running", "True"));
    let number = node.strip_prefix("node-").unwrap();
    assert!(pod.text("/status/podIP").starts_with(&format!("10.{number}.")), "{pod}");
    assert!(pod.text("/status/containerStatuses/0/imageID").starts_with("reg.io/web@sha256:"));
    assert!(pod.text("/status/containerStatuses/0/containerID").starts_with("containerd://"));
    assert!(pod.is_true("/status/containerStatuses/0/started"));
    let told = [
        &format!("Scheduled: Successfully assigned {NS}/{} to {node}", pod.name()),
        "Pulling: Pulling image \"reg.io/web:v1\"",
        "Pulled: Successfully pulled image \"reg.io/web:v1\" in 2s",
        "Created: Container created",
        "Started: Container started",
        "Unhealthy: Readiness probe failed: Get \"http://10.",
    ];
    for text in told {
        assert!(bench.told("Pod", text), "{text}\n{:#?}", bench.events("Pod"));
    }
    assert_eq!(lines(&bench, pod.name(), false), ["starting app", "listening on :8080"]);
}

#[test]
fn an_image_that_cannot_be_pulled_backs_off() {
    let mut bench = Bench::with_nodes();
    bench.behave("web:gone", Profile { pull_error: Some("not found".into()), pull_ms: 500, ..Profile::default() });
    bench.deploy("web", 1, "web:gone").pass(2);
    let waiting = |bench: &Bench| only_pod(bench).pointer("/status/containerStatuses/0/state/waiting").unwrap().clone();
    assert_eq!(waiting(&bench), json!({"reason": "ErrImagePull", "message": "not found"}));
    bench.pass(3);
    let expected = "Back-off pulling image \"web:gone\": ErrImagePull: not found";
    assert_eq!(waiting(&bench), json!({"reason": "ImagePullBackOff", "message": expected}));
    assert!(bench.told("Pod", "Failed: Failed to pull image \"web:gone\": not found"));
    assert!(bench.told("Pod", "Failed: Error: ImagePullBackOff"));
    bench.pass(120);
    let pulls = bench.events("Pod").into_iter().find(|(text, _)| text.starts_with("Pulling: ")).unwrap().1;
    assert_eq!(pulls, 4, "at 0, 10, 30 and 70 s");
    bench.behave("web:gone", Profile::default()).pass(300);
    assert_eq!(bench.condition(&only_pod(&bench), "Ready").0, "True");
}

#[test]
fn a_crashing_container_loops_with_growing_pauses_and_keeps_its_last_log() {
    let mut bench = Bench::with_nodes();
    let crash = Crash { after_ms: 2_000, exit_code: 137, reason: "OOMKilled".into(), times: None };
    let profile =
        Profile { crash: Some(crash), start_ms: 100, ready_ms: 100, crash_lines: vec!["out of heap".into()], ..Profile::default() };
    bench.behave("web:bad", profile).deploy("web", 1, "web:bad").pass(7);
    let status = |bench: &Bench| only_pod(bench).pointer("/status/containerStatuses/0").unwrap().clone();
    assert_eq!(status(&bench).int("/restartCount"), Some(1), "{}", status(&bench));
    assert_eq!(status(&bench).text("/lastState/terminated/reason"), "OOMKilled");
    bench.pass(4);
    let now = status(&bench);
    assert_eq!((now.text("/state/waiting/reason"), now.int("/lastState/terminated/exitCode")), ("CrashLoopBackOff", Some(137)));
    let pod = only_pod(&bench);
    let expected = format!("back-off 10s restarting failed container=app pod={}_{NS}({})", pod.name(), pod.uid());
    assert_eq!(now.text("/state/waiting/message"), expected);
    assert_eq!(pod.text("/status/phase"), "Running");
    assert_eq!(bench.condition(&pod, "Ready"), ("False".into(), "ContainersNotReady".into()));
    assert!(bench.told("Pod", "BackOff: Back-off restarting failed container app in pod "));
    bench.pass(120);
    assert!((4..=6).contains(&status(&bench).int("/restartCount").unwrap()), "{}", status(&bench));
    assert_eq!(lines(&bench, pod.name(), true).last().map(String::as_str), Some("out of heap"));
}

#[test]
fn a_crash_that_heals_ends_ready_with_its_restarts_on_record() {
    let mut bench = Bench::with_nodes();
    let crash = Crash { after_ms: 1_000, exit_code: 1, reason: "Error".into(), times: Some(2) };
    bench.behave("web:v1", Profile { crash: Some(crash), ..Profile::default() }).deploy("web", 1, "web:v1").pass(60);
    let pod = only_pod(&bench);
    assert_eq!(bench.condition(&pod, "Ready").0, "True");
    assert_eq!(pod.int("/status/containerStatuses/0/restartCount"), Some(2));
}

#[test]
fn a_pod_that_flaps_leaves_and_comes_back() {
    let mut bench = Bench::with_nodes();
    let flap = Flap { every_ms: 30_000, for_ms: 10_000 };
    bench.behave("web:v1", Profile { flap: Some(flap), ..Profile::default() }).deploy("web", 1, "web:v1").pass(20);
    let mut seen = Vec::new();
    for _ in 0..80 {
        bench.pass(1);
        let ready = bench.condition(&only_pod(&bench), "Ready").0 == "True";
        if seen.last() != Some(&ready) {
            seen.push(ready);
        }
    }
    assert_eq!(seen, [true, false, true, false, true]);
    assert!(bench.told("Pod", "Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503"));
}

#[test]
fn an_image_that_never_gets_ready_stays_out() {
    let mut bench = Bench::with_nodes();
    bench.behave("web:v1", Profile { never_ready: true, ..Profile::default() }).deploy("web", 1, "web:v1").pass(60);
    let pod = only_pod(&bench);
    assert_eq!((pod.text("/status/phase"), bench.condition(&pod, "Ready").0.as_str()), ("Running", "False"));
    let failures = bench.events("Pod").into_iter().filter(|(text, _)| text.starts_with("Unhealthy")).map(|(_, n)| n).max();
    assert!(failures.unwrap() > 40, "{failures:?}");
}

#[test]
fn stopping_takes_its_grace_and_frees_the_place() {
    let mut bench = Bench::with_nodes();
    bench.deploy("web", 1, "web:v1").pass(20);
    let pod = only_pod(&bench);
    bench.patch(&DEPLOYMENT, "web", json!({"spec": {"replicas": 0}}));
    assert!(bench.get(&POD, pod.name()).is_deleting());
    assert!(bench.told("Pod", "Killing: Stopping container app"));
    bench.pass(1);
    assert_eq!(bench.list(&POD).len(), 1);
    bench.pass(1);
    assert!(bench.list(&POD).is_empty());
    assert!(lines(&bench, pod.name(), false).is_empty());
}

#[test]
fn a_pod_that_fits_nowhere_waits_until_there_is_room() {
    let mut bench = Bench::bare();
    bench.deploy("web", 1, "web:v1").pass(5);
    assert!(bench.told("Pod", "FailedScheduling: no nodes available to schedule pods"));
    assert_eq!(bench.condition(&only_pod(&bench), "PodScheduled"), ("False".into(), "Unschedulable".into()));
    for node in crate::sim::scenario::Nodes::default().objects("2026-02-25T06:13:20Z") {
        bench.kernel.world.create(&NODE, node, "kubelet").unwrap();
    }
    bench.kernel.settle();
    bench.pass(20);
    assert_eq!(bench.condition(&only_pod(&bench), "Ready").0, "True");
}

#[test]
fn init_containers_run_first_and_a_bare_pod_may_end() {
    let mut bench = Bench::with_nodes();
    let crash = Crash { after_ms: 3_000, exit_code: 0, reason: "Completed".into(), times: None };
    bench.behave("job:v1", Profile { crash: Some(crash), ..Profile::default() });
    bench.create(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "job"}, "spec": {"restartPolicy": "Never",
        "initContainers": [{"name": "prepare", "image": "prepare:v1"}], "containers": [{"name": "app", "image": "job:v1"}]}}));
    bench.pass(2);
    let pod = bench.get(&POD, "job");
    assert_eq!(pod.text("/status/containerStatuses/0/state/waiting/reason"), "PodInitializing");
    assert_eq!(bench.condition(&pod, "Initialized").0, "False");
    bench.pass(15);
    let pod = bench.get(&POD, "job");
    assert_eq!(pod.text("/status/initContainerStatuses/0/state/terminated/reason"), "Completed");
    assert_eq!((pod.text("/status/phase"), pod.int("/status/containerStatuses/0/restartCount")), ("Succeeded", Some(0)));
    assert_eq!(bench.condition(&pod, "Ready"), ("False".into(), "PodCompleted".into()));
}

#[test]
fn usage_follows_load_and_access_lines_are_written_for_readers() {
    let mut bench = Bench::with_nodes();
    bench.deploy("web", 1, "web:v1").pass(20);
    let key = (NS.to_owned(), only_pod(&bench).name().to_owned());
    bench.kernel.world.measured.load.insert(key.clone(), Load { per_second: 50.0 });
    bench.pass(30);
    let cpu = bench.kernel.world.measured.pods.get(&key).unwrap().containers.get("app").unwrap().cpu_milli;
    assert!((200..=240).contains(&cpu), "20 + 50 * 4 = 220: {cpu}");
    super::access_log::catch_up(&mut bench.kernel.world, NS, &key.1, "app");
    let lines = lines(&bench, &key.1, false);
    assert_eq!(lines.iter().filter(|line| line.contains("HTTP/1.1\" 200")).count(), lines.len() - 2, "{lines:#?}");
    assert!(lines.len() > 150);
}

#[test]
fn one_seed_repeats_exactly_however_time_is_cut() {
    let world = |cuts: &[u64]| {
        let mut bench = Bench::with_nodes();
        bench.deploy("web", 3, "web:v1").pass(30).image("web", "web:v2");
        for seconds in cuts {
            bench.pass(*seconds);
        }
        bench.list(&POD).iter().map(|pod| pod.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(world(&[60]), world(&[1, 2, 3, 4, 50]));
}
