//! Argo CD's auto-sync: suspended by whoever is about to write what an Application would put back, restored when a person says
//! so. The Application itself keeps what it was, in an annotation: nothing depends on a run, or on what is stored of it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::object::ObjectRef;
use super::patch::{Patch, pointer, replace, set, test};
use super::text::{SafeText, sanitize};

/// The annotation that holds the text of `spec.syncPolicy.automated` while auto-sync is suspended.
pub const AUTO_SYNC: &str = "cutover.dev/auto-sync";
const AUTOMATED: &str = "/spec/syncPolicy/automated";

/// An Application as read, as far as its auto-sync goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// The object.
    pub object: ObjectRef,
    /// Its uid.
    pub uid: String,
    /// Its version as read: what is compared where a map is to be made that is not there.
    pub resource_version: String,
    /// `spec.syncPolicy.automated` as JSON text, where it has one.
    pub automated: Option<String>,
    /// What [`AUTO_SYNC`] holds, unread.
    pub kept: Option<String>,
    /// When that was written, where its managed fields tell.
    pub since: Option<Timestamp>,
    /// Whether it has annotations at all.
    pub annotated: bool,
    /// Whether it has a sync policy at all.
    pub has_policy: bool,
    /// Why it may not be written, where that was asked.
    pub denied: Option<String>,
    /// The ApplicationSet or Application that makes it, and may write it back.
    pub made_by: Option<SafeText>,
    /// What Argo CD says of live against git: `OutOfSync`.
    pub sync: Option<SafeText>,
    /// Objects that it finds to differ from git, some of them.
    pub differs: Vec<SafeText>,
}

/// Why a suspended auto-sync cannot be restored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{application}: the annotation {AUTO_SYNC} holds no sync policy but `{text}`: set it by hand (argocd app set {name} --sync-policy automated --self-heal), then take the annotation away (kubectl -n {namespace} annotate {kind} {name} {AUTO_SYNC}-)",
    text = sanitize(.kept),
    name = sanitize(&.application.name),
    namespace = sanitize(&.application.namespace),
    kind = .application.kind.kubectl()
)]
pub struct Broken {
    /// The Application.
    pub application: ObjectRef,
    /// What stands there.
    pub kept: String,
}

impl Application {
    /// Whether we suspended its auto-sync and nobody restored it since.
    pub fn is_suspended(&self) -> bool {
        self.kept.is_some() && self.automated.is_none()
    }

    /// Whether somebody else switched it on again after it was suspended.
    pub fn is_overruled(&self) -> bool {
        self.kept.is_some() && self.automated.is_some()
    }

    /// What it was before it was suspended.
    ///
    /// # Errors
    /// [`Broken`] when the annotation does not say it.
    pub fn before(&self) -> Result<Option<Map<String, Value>>, Broken> {
        let Some(kept) = &self.kept else { return Ok(None) };
        match serde_json::from_str::<Value>(kept) {
            Ok(Value::Object(policy)) => Ok(Some(policy)),
            _ => Err(Broken { application: self.object.clone(), kept: kept.clone() }),
        }
    }

    /// The write that takes `automated` out and keeps it in the annotation; nothing where there is none.
    pub fn suspend(&self) -> Option<Patch> {
        let text = self.automated.as_ref()?;
        let automated: Value = serde_json::from_str(text).ok()?;
        let mut ops = vec![test("/metadata/uid", self.uid.as_str()), test(AUTOMATED, automated)];
        if !self.annotated {
            ops.push(replace("/metadata/resourceVersion", self.resource_version.as_str()));
            ops.push(set("/metadata/annotations", json!({})));
        }
        ops.push(set(&annotation(), text.as_str()));
        ops.push(json!({"op": "remove", "path": AUTOMATED}));
        Some(Patch::new(self.object.clone(), ops))
    }

    /// The write that puts it back. Where somebody else has switched it on meanwhile, theirs stays.
    ///
    /// # Errors
    /// [`Broken`] when what it was cannot be told; `None` when it is not suspended.
    pub fn restore(&self) -> Result<Option<Patch>, Broken> {
        let (Some(kept), Some(policy)) = (&self.kept, self.before()?) else { return Ok(None) };
        let mut ops = vec![test("/metadata/uid", self.uid.as_str()), test(&annotation(), kept.as_str())];
        if self.automated.is_none() {
            if !self.has_policy {
                ops.push(replace("/metadata/resourceVersion", self.resource_version.as_str()));
                ops.push(set("/spec/syncPolicy", json!({})));
            }
            ops.push(set(AUTOMATED, Value::Object(policy)));
        }
        ops.push(json!({"op": "remove", "path": annotation()}));
        Ok(Some(Patch::new(self.object.clone(), ops)))
    }

    /// In a line, at `now`: `Argo CD app shop: auto-sync off since 14:02Z by us`. None while it is not suspended.
    pub fn told(&self, now: Timestamp) -> Option<String> {
        let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        let form = |at: Timestamp| if day(at) == day(now) { "%H:%MZ" } else { "%Y-%m-%d %H:%MZ" };
        let since = self.since.map(|at| format!(" since {}", at.strftime(form(at)))).unwrap_or_default();
        self.is_suspended().then(|| format!("{self}: auto-sync off{since} by us"))
    }

    /// Commands that stop it from putting things back.
    pub fn how_to_stop(&self) -> String {
        super::owner::stop_argo(&sanitize(&self.object.name))
    }

    /// What it is now, for people: `on (prune, selfHeal)`.
    pub fn now(&self) -> String {
        self.automated.as_deref().map_or_else(|| "off".to_owned(), policy)
    }

    /// What it was, for people.
    pub fn was(&self) -> String {
        self.kept.as_deref().map_or_else(|| "off".to_owned(), policy)
    }
}

/// `Argo CD app shop`.
impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Argo CD app {}", sanitize(&self.object.name))
    }
}

fn annotation() -> String {
    format!("/metadata/annotations/{}", pointer(AUTO_SYNC))
}

/// A policy's text in few words: what it has switched on.
fn policy(text: &str) -> String {
    let Ok(Value::Object(policy)) = serde_json::from_str(text) else { return sanitize(text).into_owned() };
    let on: Vec<&str> = policy.iter().filter(|(_, value)| **value == json!(true)).map(|(name, _)| name.as_str()).collect();
    if on.is_empty() { "on".to_owned() } else { format!("on ({})", sanitize(&on.join(", "))) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::object::Kind;
    use super::*;

    /// One that heals itself.
    pub(crate) fn healing() -> Application {
        Application {
            object: ObjectRef::new(Kind::Application, "argocd", "shop"),
            uid: "u9".into(),
            resource_version: "12".into(),
            automated: Some(r#"{"prune":true,"selfHeal":true}"#.into()),
            kept: None,
            since: None,
            annotated: true,
            has_policy: true,
            denied: None,
            made_by: None,
            sync: None,
            differs: vec![],
        }
    }

    /// The same after [`Application::suspend`].
    pub(crate) fn suspended() -> Application {
        let healing = healing();
        Application { kept: healing.automated.clone(), automated: None, since: Some("2026-01-01T14:02:07Z".parse().unwrap()), ..healing }
    }

    #[test]
    fn suspending_tests_what_was_read_and_keeps_its_text() {
        let patch = healing().suspend().unwrap();
        let text = r#"{"prune":true,"selfHeal":true}"#;
        assert_eq!(
            serde_json::to_value(&patch.ops).unwrap(),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u9"},
                {"op": "test", "path": "/spec/syncPolicy/automated", "value": {"prune": true, "selfHeal": true}},
                {"op": "add", "path": "/metadata/annotations/cutover.dev~1auto-sync", "value": text},
                {"op": "remove", "path": "/spec/syncPolicy/automated"},
            ])
        );
        let bare = Application { annotated: false, ..healing() }.suspend().unwrap();
        assert_eq!(
            bare.ops[2..4],
            [json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "12"}), set("/metadata/annotations", json!({}))]
        );
        assert_eq!(suspended().suspend(), None);
    }

    #[test]
    fn restoring_is_the_reverse_and_leaves_what_somebody_else_switched_on() {
        let patch = suspended().restore().unwrap().unwrap();
        let kept =
            json!({"op": "test", "path": "/metadata/annotations/cutover.dev~1auto-sync", "value": r#"{"prune":true,"selfHeal":true}"#});
        let gone = json!({"op": "remove", "path": "/metadata/annotations/cutover.dev~1auto-sync"});
        let back = set("/spec/syncPolicy/automated", json!({"prune": true, "selfHeal": true}));
        assert_eq!(patch.ops[1..], [kept.clone(), back, gone.clone()]);
        let theirs = Application { automated: Some("{}".into()), ..suspended() };
        assert_eq!(theirs.restore().unwrap().unwrap().ops[1..], [kept, gone]);
        let no_policy = Application { has_policy: false, ..suspended() }.restore().unwrap().unwrap();
        assert_eq!(no_policy.ops[3], set("/spec/syncPolicy", json!({})), "{:?}", no_policy.ops);
        assert_eq!(healing().restore(), Ok(None));
    }

    #[test]
    fn an_annotation_that_says_nothing_is_told_as_it_stands() {
        for kept in ["", "{", "true", "null", "[]", "\u{1b}[2J"] {
            let why = Application { kept: Some(kept.into()), ..suspended() }.restore().unwrap_err().to_string();
            assert!(why.contains(&format!("holds no sync policy but `{}`", sanitize(kept))) && why.contains("annotate"), "{why}");
        }
    }

    #[test]
    fn it_is_told_in_few_words() {
        let at = |text: &str| text.parse().unwrap();
        assert_eq!(suspended().told(at("2026-01-01T20:00:00Z")).unwrap(), "Argo CD app shop: auto-sync off since 14:02Z by us");
        let later = suspended().told(at("2026-01-03T20:00:00Z")).unwrap();
        assert_eq!(later, "Argo CD app shop: auto-sync off since 2026-01-01 14:02Z by us");
        assert_eq!(
            (healing().told(at("2026-01-01T20:00:00Z")), healing().now(), suspended().now()),
            (None, "on (prune, selfHeal)".into(), "off".into())
        );
        assert_eq!(policy("{}"), "on");
    }
}
