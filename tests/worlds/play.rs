//! Scripts on all worlds that are at hand.

use std::path::PathBuf;
use std::time::Instant;

use futures::StreamExt;

use super::cluster::Cluster;
use super::compact::Compact;
use super::compare::report;
use super::layout::Layout;
use super::run::{Answer, play};
use super::script::{Script, all, wanted};

/// Scripts that are played at a time: of more a busy server answers some after the product's deadlines.
const AT_ONCE: usize = 4;

/// Where everybody else's objects live, in worlds that are one script's own.
const NAMESPACE: &str = "shop";

/// Plays everything; `real` is the kubeconfig of a real API server, where there is one. Tells of all differences at once.
///
/// # Panics
/// When worlds differ, or do not do what a script says.
pub async fn agree(real: Option<PathBuf>) {
    let scripts = all();
    let runs = wanted(&scripts).into_iter().enumerate().map(|(index, (script, layout))| {
        let real = real.clone();
        async move {
            let began = Instant::now();
            let mut sides = Vec::new();
            if let Some(kubeconfig) = real {
                let namespace = format!("worlds-{index}");
                sides.push(("real", of_cluster(script, layout, &namespace, Cluster::real(layout, &namespace, kubeconfig).await).await));
            }
            sides.push(("embedded", of_cluster(script, layout, NAMESPACE, Cluster::embedded(layout, NAMESPACE).await).await));
            sides.push(("compact", play(script, layout, NAMESPACE, &mut Compact::new(layout, NAMESPACE)).await));
            let report = report(script, layout, &sides);
            // A run on real servers is long: who watches sees how far it is.
            println!(
                "{} {} ({layout:?}), {} ms",
                if report.is_some() { "differs:" } else { "alike:" },
                script.name,
                began.elapsed().as_millis()
            );
            report
        }
    });
    let played: Vec<Option<String>> = futures::stream::iter(runs).buffered(AT_ONCE).collect().await;
    let differing: Vec<String> = played.iter().flatten().cloned().collect();
    assert!(!played.is_empty(), "no script has such a name");
    assert!(differing.is_empty(), "{} of {} differ\n\n{}", differing.len(), played.len(), differing.join("\n"));
}

async fn of_cluster(script: &Script, layout: Layout, namespace: &str, cluster: Result<Cluster, String>) -> Vec<Answer> {
    match cluster {
        Ok(mut cluster) => {
            let answers = play(script, layout, namespace, &mut cluster).await;
            cluster.clear().await;
            answers
        }
        Err(why) => vec![Answer { seen: why.clone().into(), slip: Some(why) }],
    }
}
