//! File structs to the vocabulary: defaults filled in, impossible combinations refused.

mod components;
mod gates;
mod prometheus;
mod strategy;

pub use gates::automatic_name;
pub use prometheus::PRESETS;

use crate::domain::declared::{Declared, KEEP};

use super::check::Check;
use super::error::Fault;
use super::read::Document;

/// Makes a declared release of a document.
///
/// # Errors
/// Everything that is wrong with it, in order.
pub fn lower(document: &Document, source: &str) -> Result<Declared, Vec<Fault>> {
    let file = &document.file;
    let mut check = Check::new(&document.tree);
    check.object_name("name", &file.name);
    if file.name.len() > 200 {
        check.fault("name", "longer than 200 characters: it becomes part of a ConfigMap's name");
    }
    if let Some(namespace) = &file.namespace {
        check.object_name("namespace", namespace);
    }
    let components = components::lower(&mut check, &file.components);
    let strategy = strategy::lower(&mut check, &file.strategy);
    if let Some(strategy) = &strategy {
        components::fit(&mut check, &components, strategy);
    }
    let prometheus = file.prometheus.as_ref().and_then(|p| prometheus::lower(&mut check, p));
    let gates = file.gates.as_ref().map(|gates| gates::lower(&mut check, gates));
    let faults = check.into_faults();
    match strategy {
        Some(strategy) if faults.is_empty() => Ok(Declared {
            name: file.name.clone(),
            namespace: file.namespace.clone(),
            components,
            strategy,
            prometheus,
            gates,
            watch: file.watch.map(|s| s.0),
            keep: file.keep.map_or(KEEP, |s| s.0),
            contacts: file.contacts.clone(),
            production: file.production,
            source: source.to_owned(),
        }),
        _ => Err(faults),
    }
}
