use serde_json::json;

use super::spec::{DESIRED_REPLICAS, HASH_LABEL, MAX_REPLICAS, REVISION, REVISION_HISTORY};
use crate::sim::kernel::{
    bench::{Bench, NS},
    object::Fields,
    resource::{DEPLOYMENT, POD, REPLICA_SET},
};

fn yes(reason: &str) -> (String, String) {
    ("True".into(), reason.into())
}

#[test]
fn a_new_deployment_gets_a_labelled_numbered_set() {
    let mut bench = Bench::bare();
    bench.deploy("web", 3, "web:v1");
    let [set] = bench.sets().try_into().unwrap();
    let hash = set.label(HASH_LABEL).to_owned();
    assert_eq!(set.name(), format!("web-{hash}"));
    for pointer in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
        assert_eq!(set.map(pointer).get(HASH_LABEL).and_then(|v| v.as_str()), Some(hash.as_str()), "{pointer}");
    }
    let notes = [REVISION, DESIRED_REPLICAS, MAX_REPLICAS].map(|key| set.annotation(key).to_owned());
    assert_eq!(notes, ["1", "3", "4"]);
    let deployment = bench.deployment("web");
    assert_eq!(deployment.annotation(REVISION), "1");
    assert_eq!(deployment.int("/metadata/generation"), Some(1));
    assert_eq!(bench.condition(&deployment, "Progressing"), yes("ReplicaSetUpdated"));
    assert_eq!(bench.condition(&deployment, "Available").0, "False");
    assert_eq!(deployment.int("/status/unavailableReplicas"), Some(3));
    assert!(bench.told("Deployment", &format!("ScalingReplicaSet: Scaled up replica set web-{hash} from 0 to 3")));
    bench.all_ready();
    let deployment = bench.deployment("web");
    assert_eq!(bench.condition(&deployment, "Progressing"), yes("NewReplicaSetAvailable"));
    assert_eq!(bench.condition(&deployment, "Available"), yes("MinimumReplicasAvailable"));
    let counts = ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "observedGeneration"];
    assert_eq!(counts.map(|key| deployment.int(&format!("/status/{key}")).unwrap()), [3, 3, 3, 3, 1]);
    assert_eq!(deployment.int("/status/unavailableReplicas"), None);
}

#[test]
fn rolling_never_has_too_few_available_or_too_many_in_all() {
    let mut bench = Bench::bare();
    bench.deploy("web", 3, "web:v1").all_ready();
    bench.image("web", "web:v2");
    assert_eq!(bench.sizes(), [(3, 3), (1, 0)]);
    let mut rounds = 0;
    while bench.sizes() != [(0, 0), (3, 3)] {
        let unready = bench.list(&POD).into_iter().find(|pod| bench.condition(pod, "Ready").0 != "True").unwrap();
        bench.set_ready(&[unready.name()], true);
        let sizes = bench.sizes();
        assert!(sizes.iter().map(|(size, _)| size).sum::<i64>() <= 4, "{sizes:?}");
        assert!(sizes.iter().map(|(_, ready)| ready).sum::<i64>() >= 3, "{sizes:?}");
        rounds += 1;
        assert!(rounds < 10, "{sizes:?}");
    }
    assert_eq!(rounds, 3);
    let deployment = bench.deployment("web");
    assert_eq!((deployment.annotation(REVISION), deployment.int("/status/observedGeneration")), ("2", Some(2)));
    let told: Vec<_> = bench.events("Deployment").into_iter().filter(|(text, _)| text.contains("Scaled down")).collect();
    assert_eq!(told.len(), 3, "{told:?}");
}

#[test]
fn undo_brings_the_old_set_back_as_the_newest_revision() {
    let mut bench = Bench::bare();
    bench.deploy("web", 1, "web:v1").all_ready();
    bench.image("web", "web:v2").all_ready();
    assert_eq!(bench.sizes(), [(0, 0), (1, 1)]);
    let first = bench.sets().remove(0);
    bench.image("web", "web:v1").all_ready();
    let sets = bench.sets();
    assert_eq!(sets.len(), 2);
    let back = sets.last().unwrap();
    assert_eq!((back.name(), back.annotation(REVISION), back.annotation(REVISION_HISTORY)), (first.name(), "3", "1"));
    assert_eq!(bench.deployment("web").annotation(REVISION), "3");
    bench.image("web", "web:v2").all_ready();
    bench.image("web", "web:v1").all_ready();
    assert_eq!(bench.sets().last().unwrap().annotation(REVISION_HISTORY), "1,3");
}

#[test]
fn change_causes_travel_to_the_set_and_last_applied_does_not() {
    let mut bench = Bench::bare();
    bench.deploy("web", 1, "web:v1");
    let notes = json!({"metadata": {"annotations": {
        "kubernetes.io/change-cause": "release v1", "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }}});
    bench.patch(&DEPLOYMENT, "web", notes);
    let [set] = bench.sets().try_into().unwrap();
    assert_eq!(set.annotation("kubernetes.io/change-cause"), "release v1");
    assert_eq!(set.annotation("kubectl.kubernetes.io/last-applied-configuration"), "");
}

#[test]
fn a_paused_deployment_scales_in_proportion_and_does_not_roll() {
    let mut bench = Bench::bare();
    bench.deploy("web", 4, "web:v1").all_ready();
    bench.patch(&DEPLOYMENT, "web", json!({"spec": {"paused": true}}));
    assert_eq!(bench.condition(&bench.deployment("web"), "Progressing"), ("Unknown".into(), "DeploymentPaused".into()));
    bench.image("web", "web:v2");
    assert_eq!(bench.sizes(), [(4, 4)]);
    bench.patch(&DEPLOYMENT, "web", json!({"spec": {"paused": false}}));
    assert_eq!(bench.sizes(), [(4, 4), (1, 0)]);
    bench.all_ready();
    assert_eq!(bench.sizes(), [(3, 3), (2, 1)]);
    bench.patch(&DEPLOYMENT, "web", json!({"spec": {"paused": true}}));
    bench.all_ready();
    assert_eq!(bench.sizes(), [(3, 3), (2, 2)]);
    // 4 + 1 surge becomes 9 + 1: both sets double.
    bench.patch(&DEPLOYMENT, "web", json!({"spec": {"replicas": 9}}));
    assert_eq!(bench.sizes().iter().map(|(size, _)| *size).collect::<Vec<_>>(), [6, 4]);
}

#[test]
fn recreate_waits_for_the_last_old_pod() {
    let mut bench = Bench::bare();
    bench.deploy("web", 2, "web:v1").all_ready();
    bench.patch(&DEPLOYMENT, "web", json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}));
    // A finalizer keeps one old pod from going.
    let held = bench.list(&POD).remove(0);
    bench.patch(&POD, held.name(), json!({"metadata": {"finalizers": ["test/hold"]}}));
    bench.image("web", "web:v2");
    assert_eq!(bench.sizes().len(), 1);
    bench.patch(&POD, held.name(), json!({"metadata": {"finalizers": null}}));
    assert_eq!(bench.sizes(), [(0, 0), (2, 0)]);
}

#[test]
fn a_rollout_that_stands_still_exceeds_its_deadline_and_recovers() {
    let mut bench = Bench::bare();
    bench.deploy("web", 1, "web:v1").all_ready();
    bench.patch(&DEPLOYMENT, "web", json!({"spec": {"progressDeadlineSeconds": 60}}));
    bench.image("web", "web:bad").pass(59);
    assert_eq!(bench.condition(&bench.deployment("web"), "Progressing"), yes("ReplicaSetUpdated"));
    bench.pass(5);
    let stuck = bench.deployment("web");
    assert_eq!(bench.condition(&stuck, "Progressing"), ("False".into(), "ProgressDeadlineExceeded".into()));
    let message = stuck.items("/status/conditions").iter().find(|c| c.text("/type") == "Progressing").unwrap();
    assert!(message.text("/message").ends_with("has timed out progressing."), "{message}");
    assert_eq!(bench.condition(&stuck, "Available"), yes("MinimumReplicasAvailable"));
    bench.image("web", "web:v1");
    assert_eq!(bench.condition(&bench.deployment("web"), "Progressing"), yes("NewReplicaSetAvailable"));
}

#[test]
fn old_sets_beyond_the_history_limit_go() {
    let mut bench = Bench::bare();
    bench.deploy("web", 1, "web:v0").patch(&DEPLOYMENT, "web", json!({"spec": {"revisionHistoryLimit": 2}})).all_ready();
    for n in 1..6 {
        bench.image("web", &format!("web:v{n}")).all_ready();
    }
    let revisions: Vec<_> = bench.sets().iter().map(|rs| rs.annotation(REVISION).to_owned()).collect();
    assert_eq!(revisions, ["4", "5", "6"]);
}

#[test]
fn deleting_a_deployment_takes_sets_and_pods_along_and_orphans_are_adopted_again() {
    let mut bench = Bench::bare();
    bench.deploy("web", 2, "web:v1").all_ready();
    let options =
        crate::sim::kernel::store::DeleteOptions { propagation: crate::sim::kernel::store::Propagation::Orphan, ..Default::default() };
    bench.kernel.world.delete_with(&DEPLOYMENT, NS, "web", "test", &options).unwrap();
    bench.kernel.settle();
    let before = bench.sets();
    assert_eq!((before.len(), before[0].controller()), (1, None));
    bench.deploy("web", 2, "web:v1");
    let after = bench.sets();
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].controller().unwrap().text("/uid"), bench.deployment("web").uid());
    bench.kernel.world.delete(&DEPLOYMENT, NS, "web", "test");
    bench.kernel.settle();
    assert_eq!((bench.list(&REPLICA_SET).len(), bench.list(&POD).len()), (0, 0));
}
