//! Canary annotations of an Ingress: one weight beside the main Ingress, in the words of ingress-nginx.

use serde_json::{Map, Value, json};

use super::{identity, stamp, testers, unfit};
use crate::domain::object::ObjectRef;
use crate::domain::patch::pointer;
use crate::domain::route::{Acceptance, CANARY, CANARY_WEIGHT, CANARY_WEIGHT_TOTAL, RouteEntry, RouteFacts, RouteProblem};
use crate::domain::testers::{Testers, TestersRule};
use crate::domain::text::SafeText;

/// What a weight is a part of where the Ingress does not say.
const TOTAL: u32 = 100;

/// Reads the weight. An Ingress that is not switched to a canary gives the candidate no share, whatever weight stands there.
///
/// # Errors
/// When the Ingress does not send to the candidate, also sends to another Service, or a number in it is none.
pub fn facts(
    object: &ObjectRef,
    body: &Value,
    prefix: &str,
    candidate: &str,
    testers: Option<&Testers>,
) -> Result<RouteFacts, RouteProblem> {
    let place = place(object, body, candidate)?;
    let annotations = body.pointer("/metadata/annotations").and_then(Value::as_object);
    let get = |name: &str| annotation(annotations, prefix, name);
    let number = |name: &str| {
        let bad = |text: &str| unfit(object, format!("{prefix}/{name} is `{text}`, which is not a whole number"));
        get(name).map(|text| text.parse::<u32>().map_err(|_| bad(text))).transpose()
    };
    let total = number(CANARY_WEIGHT_TOTAL)?.filter(|total| *total > 0).unwrap_or(TOTAL);
    let on = get(CANARY) == Some("true");
    let weight = number(CANARY_WEIGHT)?.filter(|_| on).unwrap_or(0).min(total);
    let captures = captures(annotations, prefix);
    let (uid, resource_version) = identity(body);
    let testers = testers.map(|t| testers_rule(object, annotations, prefix, t)).transpose()?;
    let own = testers.as_ref().filter(|rule| rule.stands).map(|rule| rule.testers.to_string());
    let mut notes: Vec<SafeText> = testers.as_ref().and_then(testers::note).into_iter().collect();
    notes.extend(captures.iter().filter(|what| Some(*what) != own.as_ref()).map(|what| note(what, on)));
    notes.extend(remarks(annotations, prefix, total));
    Ok(RouteFacts {
        object: object.clone(),
        uid,
        resource_version,
        entry: RouteEntry::Ingress {
            prefix: prefix.to_owned(),
            candidate: (place, candidate.to_owned()),
            canary: get(CANARY).map(str::to_owned),
            weight: get(CANARY_WEIGHT).map(str::to_owned),
            annotated: annotations.is_some(),
        },
        stable: total - weight,
        candidate: weight,
        // The controller says nowhere what it took over.
        accepted: Acceptance::Yes,
        bypass: on && !captures.is_empty(),
        notes,
        alone: false,
        written: (true, get(CANARY_WEIGHT).is_some()),
        stamp: stamp(body),
        candidate_labels: Default::default(),
        testers: testers.map(Box::new),
    })
}

/// Where the candidate's Service is named first. The weight is one for the whole Ingress, so nothing else may stand in it.
fn place(object: &ObjectRef, body: &Value, candidate: &str) -> Result<String, RouteProblem> {
    let all = backends(body.get("spec").unwrap_or(&Value::Null));
    if let Some((_, other)) = all.iter().find(|(_, service)| service != candidate) {
        let why = format!(
            "it also sends to Service {other}, whose share the same weight would move: give {candidate} a canary Ingress of its own"
        );
        return Err(unfit(object, why));
    }
    match all.into_iter().next() {
        Some((place, _)) => Ok(place),
        None => Err(unfit(object, format!("it sends to no Service; a canary Ingress sends to {candidate}"))),
    }
}

/// Pointer and Service of every backend of a spec.
fn backends(spec: &Value) -> Vec<(String, String)> {
    let mut places = vec!["/defaultBackend/service/name".to_owned()];
    let rules = spec.get("rules").and_then(Value::as_array).into_iter().flatten();
    for (r, rule) in rules.enumerate() {
        let paths = rule.pointer("/http/paths").and_then(Value::as_array).map_or(0, Vec::len);
        places.extend((0..paths).map(|p| format!("/rules/{r}/http/paths/{p}/backend/service/name")));
    }
    let named = |place: String| {
        let service = spec.pointer(&place)?.as_str()?.to_owned();
        Some((format!("/spec{place}"), service))
    };
    places.into_iter().filter_map(named).collect()
}

/// What another Ingress takes to a Service, if it does: a canary whose weight is 0 only what its header or cookie says.
pub(super) fn captured(annotations: Option<&Map<String, Value>>, spec: &Value, prefix: &str, service: &str) -> Option<Vec<String>> {
    if !backends(spec).iter().any(|(_, to)| to == service) {
        return None;
    }
    let get = |name: &str| annotation(annotations, prefix, name);
    let captures = captures(annotations, prefix);
    let share = get(CANARY_WEIGHT).is_some_and(|weight| weight.parse() != Ok(0));
    let sends = get(CANARY) != Some("true") || share || !captures.is_empty();
    let hosts = spec.get("rules").and_then(Value::as_array).into_iter().flatten().filter_map(|rule| rule.get("host")?.as_str());
    sends.then(|| hosts.map(|host| format!("host {host}")).chain(captures).collect())
}

fn annotation<'a>(annotations: Option<&'a Map<String, Value>>, prefix: &str, name: &str) -> Option<&'a str> {
    annotations?.get(&format!("{prefix}/{name}"))?.as_str()
}

/// Requests that reach the candidate whatever the weight, in the controller's order: header, then cookie.
fn captures(annotations: Option<&Map<String, Value>>, prefix: &str) -> Vec<String> {
    let get = |name: &str| annotation(annotations, prefix, name).filter(|text| !text.is_empty());
    let header = get("canary-by-header").map(|name| match (get("canary-by-header-value"), get("canary-by-header-pattern")) {
        (Some(value), _) => format!("header {name}: {value}"),
        (None, Some(pattern)) => format!("header {name} like {pattern}"),
        (None, None) => format!("header {name}: always"),
    });
    let cookie = get("canary-by-cookie").map(|name| format!("cookie {name}=always"));
    header.into_iter().chain(cookie).collect()
}

fn note(what: &str, on: bool) -> SafeText {
    let verb = if on { "also sends" } else { "also sends, once it is a canary," };
    SafeText::from(format!("{what} {verb} to the candidate"))
}

/// The annotations that send testers to the candidate. An Ingress has room for one header and one cookie.
fn testers_rule(
    object: &ObjectRef,
    annotations: Option<&Map<String, Value>>,
    prefix: &str,
    testers: &Testers,
) -> Result<TestersRule, RouteProblem> {
    let get = |name: &str| annotation(annotations, prefix, name);
    let at = |name: &str| format!("/metadata/annotations/{}", pointer(&format!("{prefix}/{name}")));
    let wanted = match testers {
        Testers::Header { name, value } => vec![("canary-by-header", name), ("canary-by-header-value", value)],
        Testers::Cookie { name, value } if value == "always" => vec![("canary-by-cookie", name)],
        Testers::Cookie { .. } => return Err(unfit(object, "canary annotations know a cookie by the value `always` only")),
    };
    let there = wanted.iter().all(|(key, value)| get(key) == Some(value.as_str()));
    let on = get(CANARY) == Some("true");
    let foreign = wanted.iter().map(|(key, _)| *key).chain(["canary-by-header-pattern"]).find(|key| get(key).is_some());
    if let (false, Some(key)) = (there, foreign) {
        let why = format!("{prefix}/{key} is there already and there is room for one: take it away, or leave `testers` out");
        return Err(unfit(object, why));
    }
    let set = |name: &str, value: &str| json!({"op": "add", "path": at(name), "value": value});
    let turn = if there && on {
        let tests = wanted.iter().map(|(key, value)| json!({"op": "test", "path": at(key), "value": value}));
        tests.chain(wanted.iter().map(|(key, _)| json!({"op": "remove", "path": at(key)}))).collect()
    } else {
        wanted.iter().map(|(key, value)| set(key, value)).chain((!on).then(|| set(CANARY, "true"))).collect()
    };
    Ok(TestersRule { testers: testers.clone(), stands: there && on, turn })
}

/// What makes the share that is measured another than the weight.
fn remarks(annotations: Option<&Map<String, Value>>, prefix: &str, total: u32) -> Vec<SafeText> {
    let sticky = annotation(annotations, prefix, "affinity").is_some_and(|a| !a.is_empty());
    let sticky = sticky.then(|| SafeText::from("sessions are sticky: who has been sent to one side stays there, whatever the weight"));
    let odd = (total != TOTAL).then(|| {
        SafeText::from(format!("{prefix}/{CANARY_WEIGHT_TOTAL} is {total}: some versions of ingress-nginx ignore it and count to 100"))
    });
    sticky.into_iter().chain(odd).collect()
}
