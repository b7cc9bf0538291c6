use super::*;
use crate::sim::kernel::Kernel;
use crate::sim::scenario::Scenario;

const SHOP: &str = "name: x\ndescription: y\nnamespace: shop\nmanifests:\n\
    - { apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: { name: users }, spec: { replicas: 5, selector: { matchLabels: { app: users } }, \
    strategy: { canary: { steps: [ { setWeight: 20 }, { pause: {} } ] } }, \
    template: { metadata: { labels: { app: users } }, spec: { containers: [ { name: users, image: 'users:v1' } ] } } } }\n";

fn shop() -> Kernel {
    let mut kernel = Kernel::new(1, Timestamp::UNIX_EPOCH);
    Scenario::parse(SHOP, "x.yaml").unwrap().install(&mut kernel).unwrap();
    kernel.advance(60_000);
    kernel
}

fn users(kernel: &Kernel) -> Arc<Value> {
    kernel.world.store.get(&ROLLOUT, "shop", "users").unwrap().clone()
}

fn told(kernel: &Kernel) -> (String, i64, i64) {
    let r = users(kernel);
    (r.text("/status/phase").to_owned(), r.int("/status/updatedReplicas").unwrap(), r.int("/status/replicas").unwrap())
}

fn change(kernel: &mut Kernel, image: &str) {
    kernel.world.modify(&ROLLOUT, "shop", "users", "kubectl", |r| r.put("/spec/template/spec/containers/0/image", image)).unwrap();
    kernel.settle();
    kernel.advance(kernel.ms() + 60_000);
}

fn status(kernel: &mut Kernel, change: impl FnOnce(&mut Value)) {
    kernel.world.modify_status(&ROLLOUT, "shop", "users", "kubectl-argo-rollouts", change).unwrap();
    kernel.settle();
    kernel.advance(kernel.ms() + 60_000);
}

#[test]
fn a_new_version_waits_in_its_pause_and_goes_on_when_it_is_ended() {
    let mut kernel = shop();
    assert_eq!(told(&kernel), ("Healthy".to_owned(), 5, 5));
    assert_eq!(users(&kernel).text("/status/observedGeneration"), "1", "a text");
    change(&mut kernel, "users:v2");
    assert_eq!(told(&kernel), ("Paused".to_owned(), 1, 5));
    assert_eq!(users(&kernel).text("/status/pauseConditions/0/reason"), "CanaryPauseStep");
    status(&mut kernel, |r| drop(r.cut("/status/pauseConditions")));
    assert_eq!(told(&kernel), ("Healthy".to_owned(), 5, 5));
    assert_eq!(users(&kernel).annotation(REVISION), "2");
}

#[test]
fn aborted_it_is_degraded_until_it_gets_the_old_version_again() {
    let mut kernel = shop();
    change(&mut kernel, "users:v2");
    status(&mut kernel, |r| r.put("/status/abort", true));
    assert_eq!(told(&kernel), ("Degraded".to_owned(), 0, 5));
    change(&mut kernel, "users:v1");
    assert_eq!(told(&kernel), ("Healthy".to_owned(), 5, 5));
    assert_eq!((users(&kernel).annotation(REVISION), users(&kernel).is_true("/status/abort")), ("3", false));
}

#[test]
fn a_version_that_does_not_come_up_is_told_of_after_its_deadline() {
    let mut kernel = shop();
    kernel.world.modify(&ROLLOUT, "shop", "users", "kubectl", |r| r.put("/spec/progressDeadlineSeconds", 90)).unwrap();
    let broken = crate::sim::kernel::profile::Profile { pull_error: Some("not found".into()), ..Default::default() };
    kernel.world.profiles.set("users:v9", broken);
    change(&mut kernel, "users:v9");
    assert_eq!(told(&kernel).0, "Progressing");
    kernel.advance(kernel.ms() + 60_000);
    assert_eq!(told(&kernel).0, "Degraded");
    assert_eq!(users(&kernel).text("/status/conditions/0/reason"), "ProgressDeadlineExceeded");
}
