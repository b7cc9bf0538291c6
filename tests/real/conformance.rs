//! The embedded cluster answers as a real one does: every case is played on both, and what a client sees is compared.
//!
//! The cases are data, `conformance/cases/TOPIC.yaml`; [`case`] says how one is written. What is expected is what the real
//! server answers while the test runs, after the few [`normal`]isations of what differs between any two clusters.

mod case;
mod difference;
mod metrics_api;
pub mod normal;
pub mod side;

use std::collections::BTreeSet;

use futures::StreamExt;

use super::harness::control_plane::ControlPlane;
use case::{Case, Topic};
use side::Side;

/// Cases of one topic that are played at a time.
const AT_ONCE: usize = 6;

/// One test for each topic, and the list of all of them.
macro_rules! topics {
    ($($topic:ident at $speed:literal),+ $(,)?) => {
        /// The topics: their names are the names of the files.
        const TOPICS: &[&str] = &[$(stringify!($topic)),+];

        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $topic() {
                play(stringify!($topic), $speed).await;
            }
        )+
    };
}

// The number is how many times as fast the embedded cluster's time runs: where pods have to start, their seconds are waste.
topics! {
    codes at 1.0,
    versions at 1.0,
    patches at 1.0,
    scale_and_status at 1.0,
    dry_run at 1.0,
    strict at 1.0,
    selectors at 1.0,
    paging at 1.0,
    watches at 1.0,
    apply at 1.0,
    tables at 10.0,
    rollouts at 10.0,
    network at 10.0,
    storage at 1.0,
    autoscaling at 10.0,
}

/// The topics that need a control plane of their own, because everybody there notices: a compaction is one of the whole
/// store, and who comes and goes among the APIs is seen by all.
const DISTURBING: [&str; 2] = ["expiry", "metered"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiry_and_metered() {
    let Some(plane) = ControlPlane::another("expiry_and_metered") else { return };
    let [expiry, metered] = DISTURBING;
    compare(expiry, &Side::real(&plane).await, &Side::embedded(1.0).await).await;
    metrics_api::register(&plane);
    let embedded = Side::embedded(10.0).await;
    embedded.measure();
    compare(metered, &Side::real(&plane).await, &embedded).await;
}

/// Plays all cases of a topic on both sides.
async fn play(topic: &str, speed: f64) {
    let Some(plane) = ControlPlane::get(topic) else { return };
    compare(topic, &Side::real(plane).await, &Side::embedded(speed).await).await;
}

/// Tells of all cases that differ at once.
async fn compare(topic: &str, real: &Side, embedded: &Side) {
    let wanted = std::env::var("CUTOVER_CONFORMANCE_CASE").unwrap_or_default();
    let topic = Topic::read(topic);
    let cases: Vec<(usize, &Case)> = topic.cases.iter().enumerate().filter(|(_, case)| case.name.contains(&wanted)).collect();
    let played = futures::stream::iter(cases.into_iter().map(|(index, case)| {
        let topic = &topic;
        async move {
            let namespace = format!("conf-{}-{index}", topic.name.replace('_', "-"));
            let (real, embedded) = tokio::join!(real.play(topic, case, &namespace), embedded.play(topic, case, &namespace));
            difference::report(case, &real, &embedded)
        }
    }));
    let differing: Vec<String> = played.buffered(AT_ONCE).filter_map(|report| async { report }).collect().await;
    let (count, all) = (differing.len(), topic.cases.len());
    assert!(differing.is_empty(), "{count} of {all} cases about {} differ\n\n{}", topic.name, differing.join("\n"));
}

/// A file that no test plays, a name twice: both would make the suite smaller than it looks.
#[test]
fn every_file_is_a_topic_and_every_case_has_a_name_of_its_own() {
    let files: BTreeSet<String> = case::files().into_iter().collect();
    let all = || TOPICS.iter().chain(&DISTURBING);
    let topics: BTreeSet<String> = all().map(|topic| (*topic).to_owned()).collect();
    assert_eq!(files, topics);
    let names: Vec<String> = all().flat_map(|topic| Topic::read(topic).cases).map(|case| case.name).collect();
    assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "a name is there twice");
    assert!(names.len() >= 80, "only {} cases are left", names.len());
}
