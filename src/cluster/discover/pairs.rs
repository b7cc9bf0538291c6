//! Deployments that are two versions of one thing, by name suffix or track label.

use super::routers;
use super::wire::{Deployment, Objects};
use crate::domain::release::Router;

/// Suffixes of a candidate, with the suffixes its stable may have, likeliest first.
const SUFFIXES: [(&str, &[&str]); 5] = [
    ("-canary", &["", "-stable", "-primary"]),
    ("-candidate", &["", "-stable", "-primary"]),
    ("-preview", &["", "-active", "-stable"]),
    ("-green", &["-blue"]),
    ("-v2", &["-v1"]),
];

/// Pod labels that tell tracks apart.
const KEYS: [&str; 8] = ["track", "version", "role", "deployment", "color", "slot", "release", "app.kubernetes.io/version"];

/// Values of those labels on stable and on the candidate.
const VALUES: [(&str, &str); 6] =
    [("stable", "canary"), ("primary", "canary"), ("blue", "green"), ("active", "preview"), ("a", "b"), ("v1", "v2")];

/// Labels that say which app a Deployment is.
const APP: [&str; 3] = ["app", "app.kubernetes.io/name", "name"];
/// Labels that say which larger thing a Deployment is a part of.
const PART_OF: [&str; 2] = ["app.kubernetes.io/part-of", "app.kubernetes.io/instance"];

/// Two versions of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The name without what tells the two apart.
    pub base: String,
    /// The Deployment that serves.
    pub stable: String,
    /// The Deployment that is to take over.
    pub candidate: String,
    /// What decides where requests go.
    pub router: Router,
    /// The larger thing both are a part of.
    pub group: Option<String>,
}

/// All pairs of a namespace for which a router is found.
pub fn find(objects: &Objects) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    let taken = |pairs: &[Pair], name: &str| pairs.iter().any(|p| p.stable == name || p.candidate == name);
    for candidate in &objects.deployments {
        let name = candidate.metadata.name.as_str();
        if taken(&pairs, name) {
            continue;
        }
        let found = by_name(objects, name).or_else(|| by_label(objects, candidate));
        if let Some((base, stable)) = found.filter(|(_, stable)| !taken(&pairs, &stable.metadata.name))
            && let Some((stable, candidate, router)) = routers::infer(objects, stable, candidate)
        {
            let group = group(stable).filter(|g| Some(g) == group(candidate).as_ref());
            pairs.push(Pair { base, stable: stable.metadata.name.clone(), candidate: candidate.metadata.name.clone(), router, group });
        }
    }
    pairs.sort_by(|a, b| a.base.cmp(&b.base));
    pairs
}

fn by_name<'a>(objects: &'a Objects, candidate: &str) -> Option<(String, &'a Deployment)> {
    SUFFIXES.iter().find_map(|(suffix, partners)| {
        let base = candidate.strip_suffix(suffix)?;
        let partner = |p: &&str| objects.deployments.iter().find(|d| d.metadata.name.strip_suffix(p) == Some(base));
        Some((base.to_owned(), partners.iter().find_map(partner)?))
    })
}

/// The Deployment with the same app label whose track label is the other one's partner.
fn by_label<'a>(objects: &'a Objects, candidate: &Deployment) -> Option<(String, &'a Deployment)> {
    let app = app(candidate)?;
    for key in KEYS {
        let Some(mine) = candidate.pods().get(key) else { continue };
        let Some((stable, _)) = VALUES.iter().find(|(_, c)| c == mine) else { continue };
        let fits = |d: &&Deployment| d.pods().get(key).map(String::as_str) == Some(stable) && self::app(d).as_ref() == Some(&app);
        if let Some(found) = objects.deployments.iter().find(fits) {
            return Some((app, found));
        }
    }
    None
}

fn app(d: &Deployment) -> Option<String> {
    APP.iter().find_map(|key| d.pods().get(*key).or_else(|| d.metadata.labels.get(*key))).cloned()
}

fn group(d: &Deployment) -> Option<String> {
    PART_OF.iter().find_map(|key| d.metadata.labels.get(*key)).cloned()
}

/// Pairs that are released together: parts of one thing, by the same kind of strategy.
pub fn grouped(pairs: &[Pair]) -> Vec<Vec<&Pair>> {
    let mut groups: Vec<Vec<&Pair>> = Vec::new();
    for pair in pairs {
        let switch = |p: &Pair| matches!(p.router, Router::Service { .. });
        let together =
            |g: &&mut Vec<&Pair>| g.first().is_some_and(|f| pair.group.is_some() && f.group == pair.group && switch(f) == switch(pair));
        match groups.iter_mut().find(together) {
            Some(group) => group.push(pair),
            None => groups.push(vec![pair]),
        }
    }
    groups
}

/// What several names begin with, up to and with a dash.
pub fn common_prefix<'a>(names: &[&'a str]) -> Option<&'a str> {
    let (first, rest) = names.split_first()?;
    let shared = |prefix: &str| rest.iter().all(|n| n.starts_with(prefix));
    first.match_indices('-').map(|(i, _)| first.get(..=i).unwrap_or_default()).rfind(|p| shared(p))
}
