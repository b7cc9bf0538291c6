//! Leaving while rollouts are driven here: each gets a driver in the background, once our Lease is let go of.

use std::io::Write as _;

use futures::future::join_all;

use crate::app::Model;
use crate::app::model::ReleaseKey;
use crate::cluster::Connection;
use crate::domain::view::Driver;
use crate::driver::handover::{Charge, hand_over};

/// How the console is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parting {
    /// Exit code.
    pub code: i32,
    /// Have what was driven here driven on.
    pub hand_over: bool,
    /// Nobody is there to read anything.
    pub silent: bool,
}

/// What is driven here and is to be driven on.
pub(super) fn charges(model: &Model, connection: &Connection) -> Vec<(ReleaseKey, Charge)> {
    let charge = |key: &ReleaseKey, from: &str| Charge {
        kubeconfig: connection.options.kubeconfig.clone(),
        context: connection.context_to_ask_for().map(str::to_owned),
        namespace: key.namespace.clone(),
        release: key.name.clone(),
        from: from.to_owned(),
    };
    let driven = model.driving().filter_map(|(key, view)| match &view.driver {
        Driver::Us { holder, .. } => Some((key.clone(), charge(key, holder))),
        _ => None,
    });
    driven.collect()
}

/// Hands them over: the lines to leave with. The terminal is given back already.
pub(super) async fn part(model: &Model, charges: Vec<(ReleaseKey, Charge)>, silent: bool) -> Vec<String> {
    for (key, _) in charges.iter().filter(|_| !silent) {
        let name = crate::domain::text::sanitize(&key.to_string()).into_owned();
        let _ = writeln!(std::io::stderr(), "handing {name} over to a driver in the background …");
    }
    let told = join_all(charges.into_iter().map(|(key, charge)| async move { (key, hand_over(&charge).await) })).await;
    let mut handed = Vec::new();
    let mut lines = Vec::new();
    for (key, result) in told {
        match result {
            Ok(said) => {
                lines.push(format!("{key}: {said}"));
                handed.push(key);
            }
            Err(why) => lines.push(format!("{key} was not handed over: {why}")),
        }
    }
    lines.extend(model.farewell(&handed));
    lines
}
