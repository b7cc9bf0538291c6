//! Gateway API HTTPRoute: two `backendRefs` weights of one rule. Accepted means: by every parent, at this generation.

use serde_json::Value;

use super::testers::{self, Rules};
use super::{identity, stamp, unfit, weight};
use crate::domain::object::ObjectRef;
use crate::domain::route::{Acceptance, RouteEntry, RouteFacts, RouteProblem};
use crate::domain::testers::Testers;
use crate::domain::text::SafeText;

/// Reads the two weights and what the gateways say.
///
/// # Errors
/// When no rule, or more than one, names both backends, or a weight is no number.
pub fn facts(
    object: &ObjectRef,
    body: &Value,
    rule: Option<&str>,
    (stable, candidate): (&str, &str),
    testers: Option<&Testers>,
) -> Result<RouteFacts, RouteProblem> {
    let rules = body.pointer("/spec/rules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let namespace = object.namespace.as_str();
    let place = |rule: &Value, service: &str| backends(rule).iter().position(|b| is(b, service, namespace));
    let fitting: Vec<usize> = rules
        .iter()
        .enumerate()
        .filter(|(_, r)| rule.is_none_or(|name| r.get("name").and_then(Value::as_str) == Some(name)))
        .filter(|(_, r)| place(r, stable).is_some() && place(r, candidate).is_some())
        .map(|(i, _)| i)
        .collect();
    let [index] = fitting.as_slice() else {
        let have: Vec<&str> = rules.iter().flat_map(backends).filter_map(|b| b.get("name").and_then(Value::as_str)).collect();
        let why = match fitting.len() {
            0 => {
                let which = rule.map(|name| format!(" named `{name}`")).unwrap_or_default();
                format!("no rule{which} sends to both {stable} and {candidate}; it sends to: {}", have.join(", "))
            }
            n => format!("{n} rules send to both {stable} and {candidate}: name one with `rule:`"),
        };
        return Err(unfit(object, why));
    };
    let found = rules.get(*index).unwrap_or(&Value::Null);
    let (Some(s), Some(c)) = (place(found, stable), place(found, candidate)) else { return Err(unfit(object, "its backends moved")) };
    let list = backends(found);
    // Unset means 1.
    let raw = |i: usize| weight(list.get(i).copied().unwrap_or(&Value::Null)).map_err(|why| unfit(object, why));
    let at = |i: usize| raw(i).map(|w| w.unwrap_or(1));
    let foreign: u32 = (0..list.len()).filter(|i| *i != s && *i != c).filter_map(|i| at(i).ok()).sum();
    let backend = list.get(c).copied().unwrap_or(&Value::Null);
    let (testers, own) = testers.map(|t| testers::gateway(Rules { all: rules, weighted: *index }, backend, t)).unzip();
    let own = own.flatten();
    let mut notes: Vec<SafeText> = testers.as_ref().and_then(testers::note).into_iter().collect();
    if foreign > 0 {
        notes.push(SafeText::from(format!("other backends hold {foreign} of the rule's weight: percentages are of the pair")));
    }
    let sends = |r: &Value| sends_to(r, candidate, namespace);
    let beside: Vec<(usize, &Value)> = rules.iter().enumerate().filter(|(i, r)| *i != *index && sends(r)).collect();
    notes.extend(beside.iter().filter(|(i, _)| Some(*i) != own).map(|(_, r)| note(r)));
    let (uid, resource_version) = identity(body);
    let name = found.get("name").and_then(Value::as_str).map(str::to_owned);
    Ok(RouteFacts {
        object: object.clone(),
        uid,
        resource_version,
        entry: RouteEntry::HttpRoute { name, rule: *index, stable: (s, stable.to_owned()), candidate: (c, candidate.to_owned()) },
        stable: at(s)?,
        candidate: at(c)?,
        accepted: accepted(body),
        bypass: !beside.is_empty(),
        notes,
        alone: foreign == 0,
        written: (raw(s)?.is_some(), raw(c)?.is_some()),
        stamp: stamp(body),
        candidate_labels: Default::default(),
        testers: testers.map(Box::new),
    })
}

fn sends_to(rule: &Value, service: &str, namespace: &str) -> bool {
    backends(rule).iter().any(|b| is(b, service, namespace) && weight(b).is_ok_and(|w| w != Some(0)))
}

/// What another object's rules take to a Service, if any does.
pub(super) fn captured(rules: &[Value], service: &str, namespace: &str) -> Option<Vec<String>> {
    let mut sending = rules.iter().filter(|r| sends_to(r, service, namespace)).peekable();
    sending.peek()?;
    Some(sending.flat_map(captures).collect())
}

/// `another rule (path /beta, header x-canary: always) also sends to the candidate`.
fn note(rule: &Value) -> SafeText {
    let of = captures(rule);
    let of = if of.is_empty() { String::new() } else { format!(" ({})", of.join(", ")) };
    SafeText::from(format!("another rule{of} also sends to the candidate"))
}

/// `path /beta`, `header x-canary: always`.
fn captures(rule: &Value) -> Vec<String> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut of: Vec<String> = Vec::new();
    for entry in list(rule, "matches") {
        let path = entry.get("path").map(|path| text(path, "value")).filter(|path| path != "/");
        of.extend(path.map(|path| format!("path {path}")));
        of.extend(list(&entry, "headers").iter().map(|h| format!("header {}: {}", text(h, "name"), text(h, "value"))));
        of.extend(list(&entry, "queryParams").iter().map(|q| format!("query {}={}", text(q, "name"), text(q, "value"))));
    }
    of
}

fn backends(rule: &Value) -> Vec<&Value> {
    rule.get("backendRefs").and_then(Value::as_array).map(|list| list.iter().collect()).unwrap_or_default()
}

/// Whether a backend is a Service of this name in the route's namespace.
pub(super) fn is(backend: &Value, service: &str, namespace: &str) -> bool {
    let text = |key: &str| backend.get(key).and_then(Value::as_str);
    text("name") == Some(service) && matches!(text("kind"), None | Some("Service")) && text("namespace").is_none_or(|ns| ns == namespace)
}

/// Whether a status speaks of this parent: what is left out has its default on either side.
fn is_parent(told: &Value, wanted: &Value, namespace: &str) -> bool {
    let text = |of: &Value, key: &str, default: &str| of.get(key).and_then(Value::as_str).unwrap_or(default).to_owned();
    let defaults =
        [("group", "gateway.networking.k8s.io"), ("kind", "Gateway"), ("namespace", namespace), ("name", ""), ("sectionName", "")];
    defaults.iter().all(|(key, default)| text(told, key, default) == text(wanted, key, default)) && told.get("port") == wanted.get("port")
}

/// What the route's parents say of the generation that is stored.
fn accepted(body: &Value) -> Acceptance {
    let generation = body.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0);
    let parents = body.pointer("/status/parents").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let wanted = body.pointer("/spec/parentRefs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let namespace = body.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
    let speaks_of = |told: &Value, wanted: &Value| told.get("parentRef").is_some_and(|told| is_parent(told, wanted, namespace));
    // Who is no parent any more has nothing to say: its controller may be gone, and never speak again.
    let parents: Vec<&Value> = parents.iter().filter(|told| wanted.is_empty() || wanted.iter().any(|w| speaks_of(told, w))).collect();
    // Several controllers may speak of one gateway.
    let heard = |wanted: &&Value| parents.iter().any(|told| speaks_of(told, wanted));
    let (heard, of) = if wanted.is_empty() { (parents.len(), 1) } else { (wanted.iter().filter(heard).count(), wanted.len()) };
    if heard < of {
        return Acceptance::Pending(SafeText::from(format!("{heard} of {of} gateways have reported")));
    }
    for parent in parents {
        let name = parent.pointer("/parentRef/name").and_then(Value::as_str).unwrap_or("?");
        for kind in ["Accepted", "ResolvedRefs"] {
            let conditions = parent.get("conditions").and_then(Value::as_array).into_iter().flatten();
            let Some(condition) = conditions.into_iter().find(|c| c.get("type").and_then(Value::as_str) == Some(kind)) else {
                return Acceptance::Pending(SafeText::from(format!("gateway {name} has not reported {kind}")));
            };
            let seen = condition.get("observedGeneration").and_then(Value::as_i64).unwrap_or(0);
            if seen < generation {
                return Acceptance::Pending(SafeText::from(format!("gateway {name} has seen generation {seen} of {generation}")));
            }
            if condition.get("status").and_then(Value::as_str) != Some("True") {
                let text = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default();
                return Acceptance::Refused(SafeText::from(format!("gateway {name}: {kind}: {} {}", text("reason"), text("message"))));
            }
        }
    }
    Acceptance::Yes
}
