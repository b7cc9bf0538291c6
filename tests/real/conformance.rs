//! The embedded cluster answers as a real one does: every case is played on both, and what a client sees is compared.
//!
//! Every case says what it proves, and has to differ on an embedded cluster that lacks just that: a case that could not fail
//! proves nothing.
//!
//! The cases are data, `conformance/cases/TOPIC.yaml`; [`case`] says how one is written. What is expected is what the real
//! server answers while the test runs, after the few [`normal`]isations of what differs between any two clusters.

mod case;
mod difference;
pub mod metrics_api;
pub mod normal;
pub mod side;

use std::collections::BTreeSet;

use futures::StreamExt;

use super::harness::control_plane::ControlPlane;
use case::{Case, Topic};
use cutover::sim::kernel::Feature;
use side::{Answer, Embedded, Side};

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
    quota at 10.0,
}

/// The topics that need a control plane of their own, because everybody there notices: a compaction is one of the whole
/// store, and who comes and goes among the APIs is seen by all.
const DISTURBING: [&str; 2] = ["expiry", "metered"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiry_and_metered() {
    let Some(plane) = ControlPlane::another("expiry_and_metered") else { return };
    let [expiry, metered] = DISTURBING;
    compare(expiry, &Side::real(&plane).await, Embedded { speed: 1.0, ..Embedded::default() }).await;
    metrics_api::register(&plane);
    compare(metered, &Side::real(&plane).await, Embedded { speed: 10.0, measured: true, off: None }).await;
}

/// Plays all cases of a topic on both sides.
async fn play(topic: &str, speed: f64) {
    let Some(plane) = ControlPlane::get(topic) else { return };
    compare(topic, &Side::real(plane).await, Embedded { speed, ..Embedded::default() }).await;
}

/// Tells of all cases that differ at once.
async fn compare(topic: &str, real: &Side, world: Embedded) {
    let wanted = std::env::var("CUTOVER_CONFORMANCE_CASE").unwrap_or_default();
    let topic = Topic::read(topic);
    let embedded = &Side::embedded(world).await;
    let cases: Vec<(usize, &Case)> = topic.cases.iter().enumerate().filter(|(_, case)| case.name.contains(&wanted)).collect();
    let played = futures::stream::iter(cases.into_iter().map(|(index, case)| {
        let topic = &topic;
        async move {
            let namespace = format!("conf-{}-{index}", topic.name.replace('_', "-"));
            let (real, embedded) = tokio::join!(real.play(topic, case, &namespace, None), embedded.play(topic, case, &namespace, None));
            let mut report = difference::report(case, &real, &embedded).unwrap_or_default();
            if report.is_empty() {
                for off in &case.proves {
                    report += &without(topic, case, &namespace, &real, Embedded { off: Some(*off), ..world }).await;
                }
            }
            (!report.is_empty()).then_some(report)
        }
    }));
    let differing: Vec<String> = played.buffered(AT_ONCE).filter_map(|report| async { report }).collect().await;
    let (count, all) = (differing.len(), topic.cases.len());
    assert!(differing.is_empty(), "{count} of {all} cases about {} differ\n\n{}", topic.name, differing.join("\n"));
}

/// Plays a case on an embedded cluster that lacks what the case proves; tells when nobody could have noticed.
async fn without(topic: &Topic, case: &Case, namespace: &str, real: &[Answer], world: Embedded) -> String {
    let crippled = Side::embedded(world).await.play(topic, case, namespace, Some(real)).await;
    let red = difference::report(case, real, &crippled);
    if std::env::var_os("CUTOVER_CONFORMANCE_SHOW").is_some() {
        println!("{}: without {:?}: {}", topic.name, world.off, red.as_deref().unwrap_or("the same"));
    }
    match red {
        Some(_) => String::new(),
        None => format!("{}\n  stays the same without {:?}, which it says it proves\n", case.name, world.off),
    }
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
    assert!(names.len() >= 120, "only {} cases are left", names.len());
}

/// A case that proves nothing, a feature that no case proves: both would be claims without evidence.
#[test]
fn every_case_proves_something_and_every_feature_is_proved() {
    let cases: Vec<Case> = TOPICS.iter().chain(&DISTURBING).flat_map(|topic| Topic::read(topic).cases).collect();
    let idle: Vec<&str> = cases.iter().filter(|case| case.proves.is_empty()).map(|case| case.name.as_str()).collect();
    assert!(idle.is_empty(), "these cases prove nothing: {idle:#?}");
    let proved: BTreeSet<Feature> = cases.iter().flat_map(|case| case.proves.clone()).collect();
    let unproved: Vec<&Feature> = Feature::ALL.iter().filter(|feature| !proved.contains(feature)).collect();
    assert!(unproved.is_empty(), "no case proves these: {unproved:?}");
}
