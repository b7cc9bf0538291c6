//! Stock kubectl says the same of the embedded cluster as of a real one: one script, both worlds, every word compared.
//!
//! The scripts are data, `kubectl/scripts/TOPIC.yaml`; [`script`] says how one is written. Each is played by kubectl
//! 1.36 and 1.32. What is expected is what kubectl prints of the real control plane while the test runs, after the
//! few [`normal`]isations of what differs between any two clusters. kwok stands in for kubelets over there; what only a
//! kubelet tells, the lines of logs, is compared on a real node (`node/logs.rs`, script `kubelets.yaml`).

mod images;
mod normal;
mod schemas;
pub mod script;
mod stage;

use std::collections::BTreeSet;

use super::conformance::metrics_api;
use super::conformance::side::Embedded;
use super::harness::control_plane::ControlPlane;
use cutover::sim::http::Server;
use script::Script;
use stage::{Stage, versions};

/// One test for each script, and the list of all of them.
macro_rules! scripts {
    ($($name:ident),+ $(,)?) => {
        /// The scripts: their names are the names of the files.
        const SCRIPTS: &[&str] = &[MEASURED, KUBELETS, $(stringify!($name)),+];

        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                play(stringify!($name)).await;
            }
        )+
    };
}

scripts! { lists, describes, workloads, rollouts, applies, creates, explains, reviews, events, logs }

/// The script that needs a metrics server, and with it a control plane of its own: who comes and goes among the APIs is seen by all.
const MEASURED: &str = "tops";

/// The script that needs a kubelet: it is played on a real node.
pub const KUBELETS: &str = "kubelets";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tops() {
    let Some(plane) = ControlPlane::another(MEASURED) else { return };
    metrics_api::register(&plane);
    play_on(&Script::read(MEASURED), &plane, true).await;
}

/// Plays a script with every kubectl on both worlds.
async fn play(name: &str) {
    let Some(plane) = ControlPlane::get(name) else { return };
    play_on(&Script::read(name), plane, false).await;
}

async fn play_on(script: &Script, plane: &ControlPlane, measured: bool) {
    let server = Embedded { speed: script.speed, measured, off: None }.start().await;
    compare(script, plane, &server).await;
}

/// Plays it with every kubectl; tells of all lines that differ at once.
///
/// # Panics
/// When some do.
pub async fn compare(script: &Script, plane: &ControlPlane, server: &Server) {
    let name = &script.name;
    let played = futures::future::join_all(versions(plane).into_iter().map(|kubectl| async move {
        let stage = Stage::set(script, plane, server, kubectl).await;
        stage.play(script).await
    }));
    let (lines, differing): (Vec<usize>, Vec<Vec<String>>) = played.await.into_iter().unzip();
    let differing: Vec<String> = differing.into_iter().flatten().collect();
    let count = differing.len();
    assert!(differing.is_empty(), "{count} of {} lines of {name} differ\n\n{}", lines.iter().sum::<usize>(), differing.join("\n"));
}

/// A file that no test plays would make the suite smaller than it looks.
#[test]
fn every_file_is_a_script_and_there_are_many_lines() {
    let files: BTreeSet<String> = script::files().into_iter().collect();
    let scripts: BTreeSet<String> = SCRIPTS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(files, scripts);
    let lines: usize = SCRIPTS.iter().map(|name| Script::read(name).lines.len()).sum();
    assert!(lines >= 150, "only {lines} lines are left");
}
