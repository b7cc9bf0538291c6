//! Lists: selectors, pages, and what `resourceVersion` means for them.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{Output, Target, convert, output::ListMeta};
use crate::sim::kernel::{
    Feature, Features, Request, Response, Status, World,
    object::Fields,
    resource::{EVENT, JOB, NAMESPACE, NODE, POD, REPLICA_SET, SECRET, SERVICE},
    selector::{FieldSelector, LabelSelector},
    status::Cause,
    store::Store,
};

/// The selectors of a request.
#[derive(Debug, Default)]
pub struct Selectors {
    /// By label.
    pub labels: LabelSelector,
    /// By field, named as stored.
    pub fields: FieldSelector,
}

impl Selectors {
    /// Reads `labelSelector` and `fieldSelector`.
    ///
    /// # Errors
    /// `BadRequest` for what cannot be parsed or is not supported for the kind.
    pub fn of(features: Features, request: &Request, target: &Target) -> Result<Self, Status> {
        let asked = |name: &str, feature: Feature| request.param(name).filter(|_| features.has(feature)).unwrap_or_default().to_owned();
        let labels = match LabelSelector::parse(&asked("labelSelector", Feature::LabelSelectors)) {
            Err(_) if !features.has(Feature::SelectorSyntax) => LabelSelector::default(),
            labels => labels.map_err(Status::bad_request)?,
        };
        let fields = FieldSelector::parse(&asked("fieldSelector", Feature::FieldSelectors)).map_err(Status::bad_request)?;
        let fields = fields.rename(|field| convert::stored_field(target, field));
        for field in fields.fields() {
            if features.has(Feature::SelectableFields) && !is_selectable(target, field) {
                return Err(Status::bad_request(unsupported(target, field)));
            }
        }
        Ok(Self { labels, fields })
    }

    /// Whether an object is selected.
    pub fn matches(&self, object: &Value) -> bool {
        self.labels.matches(object.labels()) && self.fields.matches(object)
    }

    fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.fields().next().is_none()
    }
}

fn is_selectable(target: &Target, field: &str) -> bool {
    if matches!(field, "metadata.name" | "metadata.namespace") {
        return true;
    }
    let resource = target.resource;
    let more: &[&str] = if *resource == POD {
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ]
    } else if *resource == EVENT {
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ]
    } else if *resource == NODE {
        &["spec.unschedulable"]
    } else if *resource == NAMESPACE {
        &["status.phase"]
    } else if *resource == SECRET {
        &["type"]
    } else if *resource == SERVICE {
        &["spec.clusterIP", "spec.type"]
    } else if *resource == REPLICA_SET {
        &["status.replicas"]
    } else if *resource == JOB {
        &["status.successful"]
    } else {
        &[]
    };
    more.contains(&field)
}

fn unsupported(target: &Target, field: &str) -> String {
    let named = [&POD, &EVENT, &NODE, &NAMESPACE, &SECRET, &SERVICE, &REPLICA_SET, &JOB].contains(&target.resource);
    if named || target.resource.custom {
        format!("field label not supported: {field}")
    } else {
        format!("{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
    }
}

/// A `resourceVersion` parameter: missing, or a number.
///
/// # Errors
/// `BadRequest` when it is no number.
pub fn revision(features: Features, request: &Request) -> Result<Option<u64>, Status> {
    let Some(text) = request.param("resourceVersion").filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong =
        || Status::bad_request(format!("resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"));
    match text.parse() {
        Err(_) if !features.has(Feature::VersionParameters) => Ok(None),
        read => read.map(Some).map_err(|_| wrong()),
    }
}

/// An invalid combination of list options.
pub fn invalid_options(causes: &[Cause]) -> Status {
    Status::invalid_kind("meta.k8s.io", "ListOptions", "", causes)
}

/// Answers a list request.
///
/// # Errors
/// As the API server's.
pub fn handle(world: &mut World, request: &Request, target: &Target) -> Result<Response, Status> {
    let output = Output::negotiate(world.store.features, request, target)?;
    let selectors = Selectors::of(world.store.features, request, target)?;
    if request.param("sendInitialEvents").is_some() {
        let matched = request.param("resourceVersionMatch").is_some() && request.param("resourceVersion").is_none_or(str::is_empty);
        let unversioned = Cause::forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided");
        let events = Cause::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        let causes: Vec<Cause> = matched.then_some(unversioned).into_iter().chain([events]).collect();
        return Err(invalid_options(&causes));
    }
    let page = Page::of(world, request)?;
    let objects = at(&world.store, target, page.revision)?;
    let mut selected: Vec<&Arc<Value>> = objects.iter().filter(|object| selectors.matches(object)).collect();
    if target.resource.namespaced && target.namespace.is_none() {
        // In the order of etcd's keys, which is not the order of (namespace, name).
        selected.sort_by_cached_key(|object| position(target, object));
    }
    if let Some(start) = &page.start {
        selected.retain(|object| position(target, object).as_str() > start.as_str());
    }
    let total = selected.len();
    let mut meta = ListMeta { revision: page.revision, ..ListMeta::default() };
    if let Some(limit) = page.limit.filter(|limit| *limit < total) {
        selected.truncate(limit);
        if let Some(last) = selected.last() {
            meta.next = token(Some(page.revision), &position(target, last));
        }
        // The real server counts only what no selector can hide.
        let told = selectors.is_empty() || !world.has(Feature::RemainingUntold);
        meta.remaining = told.then_some(total - limit);
    }
    let list = output.list(world, selected.into_iter().map(|object| &**object), &meta);
    Ok(Response::json(200, &list))
}

/// One page of a list.
struct Page {
    revision: u64,
    start: Option<String>,
    limit: Option<usize>,
}

impl Page {
    fn of(world: &World, request: &Request) -> Result<Self, Status> {
        let current = world.store.revision();
        let limit = request.param("limit").and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0);
        let limit = limit.filter(|_| world.has(Feature::Paging));
        if let Some(text) = request.param("continue").filter(|text| !text.is_empty()) {
            let anything = (!world.has(Feature::ContinueTokens)).then(|| (None, String::new()));
            let (revision, start) = untoken(text)
                .or(anything)
                .ok_or_else(|| Status::bad_request("invalid continue token: continue key is not valid: invalid token"))?;
            let revision = revision.filter(|_| world.has(Feature::ConsistentPages)).unwrap_or(current);
            if revision < world.store.oldest() {
                return Err(Status::expired_continue(token(None, &start)));
            }
            return Ok(Self { revision, start: Some(start), limit });
        }
        let asked = revision(world.store.features, request)
            .map_err(|wrong| Status::bad_request(format!("invalid resource version: {}", wrong.message)))?;
        let matching = request.param("resourceVersionMatch").unwrap_or_default();
        if world.has(Feature::ListOptions) {
            check(matching, asked)?;
        }
        let exact = (matching == "Exact" || (matching.is_empty() && limit.is_some())) && world.has(Feature::ExactLists);
        match asked {
            Some(asked) if asked > current => Err(Status::too_large_version(asked, current)),
            Some(asked) if exact && asked > 0 && asked < world.store.oldest() => {
                Err(Status::custom(410, "Expired", "The resourceVersion for the provided list is too old.", None))
            }
            Some(asked) if exact && asked > 0 => Ok(Self { revision: asked, start: None, limit }),
            _ => Ok(Self { revision: current, start: None, limit }),
        }
    }
}

/// Whether a way of matching goes with the version asked for.
fn check(matching: &str, asked: Option<u64>) -> Result<(), Status> {
    let cause = match (matching, asked) {
        ("", _) | ("Exact", Some(1..)) | ("NotOlderThan", Some(_)) => return Ok(()),
        (_, None) => Cause::forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"),
        ("Exact", Some(0)) => {
            Cause::forbidden("resourceVersionMatch", "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")
        }
        (other, _) => Cause::unsupported("resourceVersionMatch", &other.into(), &["Exact", "NotOlderThan", ""]),
    };
    Err(invalid_options(&[cause]))
}

/// The objects of a target as they were at a revision that the change log still reaches.
fn at(store: &Store, target: &Target, revision: u64) -> Result<Vec<Arc<Value>>, Status> {
    let namespace = target.namespace.as_deref();
    if revision >= store.revision() {
        return Ok(store.list(target.resource, namespace).cloned().collect());
    }
    let key = |object: &Value| (object.namespace().to_owned(), object.name().to_owned());
    let mut objects: BTreeMap<(String, String), Arc<Value>> =
        store.list(target.resource, namespace).map(|object| (key(object), object.clone())).collect();
    for change in store.changes_since(revision).iter().rev() {
        let here = namespace.is_none_or(|wanted| wanted == change.object.namespace());
        if change.resource == target.resource && here {
            match &change.previous {
                Some(previous) => objects.insert(key(previous), previous.clone()),
                None => objects.remove(&key(&change.object)),
            };
        }
    }
    Ok(objects.into_values().collect())
}

/// Where an object stands in the list's order.
fn position(target: &Target, object: &Value) -> String {
    match target.namespace {
        Some(_) => format!("{}\0", object.name()),
        None if target.resource.namespaced => format!("{}/{}\0", object.namespace(), object.name()),
        None => format!("{}\0", object.name()),
    }
}

/// A continue token; without a revision it goes on in whatever is there by then.
fn token(revision: Option<u64>, start: &str) -> String {
    let revision = revision.map_or_else(|| (-1).into(), Value::from);
    let json = json!({"v": "meta.k8s.io/v1", "rv": revision, "start": start}).to_string();
    json.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn untoken(text: &str) -> Option<(Option<u64>, String)> {
    let digits = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let json: Value = serde_json::from_slice(&digits.collect::<Option<Vec<u8>>>()?).ok()?;
    let revision = json.get("rv")?.as_i64()?;
    Some((u64::try_from(revision).ok(), json.get("start")?.as_str()?.to_owned()))
}
