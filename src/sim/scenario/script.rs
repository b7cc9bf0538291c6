//! `events:` what others do while a release runs, and `approvals:` what people say to it in a headless run.

use serde::Deserialize;
use serde_json::Value;

use super::image::Image;
use super::units::Span;

/// Something that happens at a time of its own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Event {
    /// Virtual time since the start.
    pub at: Span,
    /// Who does it: the field manager of its writes. Default `kubectl-edit`.
    #[serde(default = "somebody")]
    pub by: String,
    /// What is done.
    #[serde(rename = "do")]
    pub action: Happening,
}

fn somebody() -> String {
    "kubectl-edit".into()
}

/// What an event does.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Happening {
    /// Creates an object, or replaces the one of its name.
    Apply(Value),
    /// Changes an object by a merge patch.
    Patch(Patch),
    /// Deletes an object.
    Delete(ObjectName),
    /// Deletes pods, the oldest first.
    KillPods(KillPods),
    /// Images behave differently from now on.
    Behave(Vec<Image>),
    /// A stream of requests changes its rate.
    Rate(Rate),
}

/// `patch: { apiVersion: apps/v1, kind: Deployment, name: web, merge: { spec: { replicas: 2 } } }`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Patch {
    /// `apps/v1`, `networking.istio.io/v1`, ...
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; default: the scenario's.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// The merge patch (RFC 7386).
    pub merge: Value,
}

/// `killPods: { selector: app=web, count: 2 }`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KillPods {
    /// Label selector, as in `kubectl -l`.
    pub selector: String,
    /// How many. Default 1.
    #[serde(default = "one")]
    pub count: usize,
}

/// `rate: { stream: backend, rate: 200 }`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rate {
    /// Name of the stream.
    pub stream: String,
    /// Requests per second from now on.
    pub rate: f64,
}

fn one() -> usize {
    1
}

/// An object of the cluster; the namespace is the scenario's unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ObjectName {
    /// `apps/v1`, `networking.istio.io/v1`, ...
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

/// An answer of a person, given by the script in headless runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Approval {
    /// Label of the approval it answers, or the step's name. Left out: any.
    pub at: Option<String>,
    /// How long the person takes.
    #[serde(default)]
    pub after: Span,
    /// What the person says.
    #[serde(rename = "do")]
    pub answer: Answer,
}

/// What a person can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// Go on.
    Approve,
    /// Take the release back.
    Reject,
}

/// How the release of a scenario ends when nobody interferes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ending {
    /// The new version takes over.
    Promoted,
    /// The old version is back.
    RolledBack,
    /// It waits for an approval that nobody gives.
    Waiting,
    /// It holds, because the data say nothing.
    Inconclusive,
    /// It stands still, and nobody says what is to be done.
    TimedOut,
}
