//! Watches: where they start, what they say, when they end.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Output, Target,
    list::{Selectors, invalid_options, revision},
};
use crate::sim::kernel::{
    Change, ChangeKind, Feature, Features, Request, Response, Status, World, object::Fields, resource::api_version, status::Cause,
    streams::Stream,
};

/// Seconds a watch lasts that names no timeout: the real server picks 30 to 60 minutes.
const TIMEOUT: u64 = 2_700;

/// An open watch.
#[derive(Debug)]
pub struct Watch {
    target: Target,
    request: Request,
    selectors: Selectors,
    /// Objects to report as added before anything else.
    initial: Vec<Arc<Value>>,
    /// Say when the initial ones are through.
    announce: bool,
    cursor: u64,
    headers: bool,
}

/// Answers a watch request.
///
/// # Errors
/// As the API server's; a revision that is too old is not an error but the stream's first event.
pub fn start(world: &mut World, request: &Request, target: &Target) -> Result<Response, Status> {
    let features = world.store.features;
    let selectors = Selectors::of(features, request, target)?;
    Output::negotiate(features, request, target)?;
    // Not a bad request but an internal error, over there.
    let asked = revision(features, request).map_err(|wrong| Status::custom(500, "", wrong.message, None))?;
    let initial_events = request.param("sendInitialEvents").map(|value| value != "false");
    if features.has(Feature::WatchOptions) {
        check(request, initial_events)?;
    }
    let bookmarks = request.flag("allowWatchBookmarks");
    let current = world.store.revision();
    let (from_state, cursor) = match (initial_events, asked) {
        (Some(true), _) | (None, None | Some(0)) => (true, current),
        (Some(false), None | Some(0)) => (false, current),
        (_, Some(asked)) if features.has(Feature::WatchHistory) => (false, asked),
        (_, Some(_)) => (false, current),
    };
    let initial = match from_state && features.has(Feature::InitialState) {
        true => world.store.list(target.resource, target.namespace.as_deref()).filter(|o| selectors.matches(o)).cloned().collect(),
        false => Vec::new(),
    };
    let watch = Watch {
        target: target.clone(),
        request: Request { body: Vec::new(), ..request.clone() },
        selectors,
        initial,
        announce: from_state && bookmarks && features.has(Feature::InitialEventsEnd),
        cursor,
        headers: true,
    };
    let id = world.streams.open(Stream::Watch(Box::new(watch)));
    let seconds = request.param("timeoutSeconds").and_then(|seconds| seconds.parse().ok()).filter(|seconds| *seconds > 0);
    let timeout = Some(Duration::from_secs(seconds.unwrap_or(TIMEOUT)));
    Ok(Response::stream("application/json", id, timeout, bookmarks && features.has(Feature::Bookmarks)))
}

fn check(request: &Request, initial_events: Option<bool>) -> Result<(), Status> {
    let matching = request.param("resourceVersionMatch").unwrap_or_default();
    let mut causes = Vec::new();
    if initial_events.is_some() && matching != "NotOlderThan" {
        let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        causes.push(Cause::forbidden("resourceVersionMatch", why));
    }
    if initial_events.is_none() && !matching.is_empty() {
        let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
        causes.push(Cause::forbidden("resourceVersionMatch", why));
    }
    if causes.is_empty() { Ok(()) } else { Err(invalid_options(&causes)) }
}

impl Watch {
    /// Writes what is new; false when the watch has ended.
    pub(in crate::sim::kernel) fn poll(&mut self, world: &World, out: &mut Vec<u8>) -> bool {
        for object in std::mem::take(&mut self.initial) {
            self.say(world, "ADDED", &object, out);
        }
        if std::mem::take(&mut self.announce) {
            line(out, "BOOKMARK", &self.mark(true));
        }
        if self.cursor < world.store.oldest() {
            line(out, "ERROR", &Status::expired(self.cursor, world.store.oldest()).to_value());
            return false;
        }
        for change in world.store.changes_since(self.cursor) {
            self.cursor = change.revision;
            if let Some((kind, object)) = self.translate(world.store.features, &change) {
                self.say(world, kind, &object, out);
            }
        }
        true
    }

    /// Writes a bookmark at the point the watch has reached.
    pub(in crate::sim::kernel) fn bookmark(&self, out: &mut Vec<u8>) {
        line(out, "BOOKMARK", &self.mark(false));
    }

    /// What a change means to this watch: an object that begins or ceases to be selected is added or deleted.
    fn translate(&self, features: Features, change: &Change) -> Option<(&'static str, Arc<Value>)> {
        let here = self.target.namespace.as_deref().is_none_or(|wanted| wanted == change.object.namespace());
        if change.resource != self.target.resource || !here {
            return None;
        }
        let selected = |previous: &Arc<Value>| !features.has(Feature::WatchTransitions) || self.selectors.matches(previous);
        let was = change.previous.as_ref().is_some_and(selected);
        let is = change.kind != ChangeKind::Deleted && self.selectors.matches(&change.object);
        match (was, is) {
            (false, true) => Some(("ADDED", change.object.clone())),
            (true, true) => Some(("MODIFIED", change.object.clone())),
            (true, false) => {
                let mut last = Value::clone(change.previous.as_ref()?);
                last.put("/metadata/resourceVersion", change.revision.to_string());
                Some(("DELETED", Arc::new(last)))
            }
            (false, false) => None,
        }
    }

    fn say(&mut self, world: &World, kind: &str, object: &Value, out: &mut Vec<u8>) {
        let Ok(output) = Output::negotiate(world.store.features, &self.request, &self.target) else { return };
        let headers = std::mem::take(&mut self.headers) || !world.has(Feature::TableHeadersOnce);
        line(out, kind, &output.watched(world, object, headers));
    }

    fn mark(&self, initial_events_end: bool) -> Value {
        let target = &self.target;
        let mut mark = json!({
            "kind": target.resource.kind, "apiVersion": api_version(target.group, target.version),
            "metadata": {"resourceVersion": self.cursor.to_string()},
        });
        if initial_events_end {
            mark.put("/metadata/annotations/k8s.io~1initial-events-end", "true");
        }
        mark
    }
}

fn line(out: &mut Vec<u8>, kind: &str, object: &Value) {
    out.extend_from_slice(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n").as_bytes());
}
