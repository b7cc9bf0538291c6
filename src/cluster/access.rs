//! What we may do, asked of the server before it matters: exactly the verbs that a release needs, one review each.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use http::Method;
use kube::Client;
use serde::Deserialize;
use serde_json::json;

use super::call::{UNARY, request, send};
use super::error::{ClusterError, Subject};
use super::{lease, state, traffic};
use crate::domain::action::Action;
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::release::{Release, Router, Strategy};

/// Reviews under way at once.
const AT_ONCE: usize = 8;

/// One thing that is to be allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// RBAC's verb.
    pub verb: &'static str,
    /// The kind.
    pub kind: Kind,
    /// The part of the object that has rights of its own: `status`.
    pub part: Option<&'static str>,
    /// The object; `None` for creating, which rules cannot bind to a name.
    pub name: Option<String>,
}

impl Need {
    fn patch(object: &ObjectRef) -> Need {
        Need { verb: "patch", kind: object.kind, part: None, name: Some(object.name.clone()) }
    }

    fn create(kind: Kind) -> Need {
        Need { verb: "create", kind, part: None, name: None }
    }

    fn status(object: &ObjectRef) -> Need {
        Need { part: Some("status"), ..Need::patch(object) }
    }

    /// What stands in the `resources` of a rule: `virtualservices`, `rollouts/status`.
    fn resource(&self) -> String {
        self.part.map_or_else(|| self.kind.plural().to_owned(), |part| format!("{}/{part}", self.kind.plural()))
    }

    /// The rule to ask for, as it stands in a Role.
    pub fn rule(&self) -> String {
        format!("{{apiGroups: [\"{}\"], resources: [\"{}\"], verbs: [\"{}\"]}}", self.kind.group(), self.resource(), self.verb)
    }
}

/// `patch on virtualservices`.
impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {}", self.verb, self.resource())
    }
}

/// What the server said to each need of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    namespace: String,
    allowed: BTreeMap<Need, bool>,
}

impl Access {
    /// Why an action would be refused, if it would: `needs patch on virtualservices in namespace shop`, with the rule to
    /// ask for. What was not asked counts as allowed: the server has the last word anyway.
    pub fn refusal(&self, action: &Action) -> Option<String> {
        let needs = match action {
            Action::Clone { .. } => vec![Need::create(Kind::Deployment)],
            // The replica ratio is two Deployments; either may be named by a rule alone.
            Action::Route { facts, .. } if facts.object.kind == Kind::Deployment => {
                self.allowed.keys().filter(|n| n.verb == "patch" && n.kind == Kind::Deployment).cloned().collect()
            }
            Action::Steer { target, .. } => vec![Need::status(&target.object)],
            other => vec![Need::patch(&other.object())],
        };
        needs.iter().find(|n| self.allowed.get(n) == Some(&false)).map(|n| self.told(n))
    }

    /// Every need that is denied, for people, each once.
    pub fn missing(&self) -> Vec<String> {
        let mut all: Vec<String> = self.allowed.iter().filter(|(_, allowed)| !**allowed).map(|(n, _)| self.told(n)).collect();
        all.dedup();
        all
    }

    /// Whether a rollout's state could not be kept: then nothing can be driven from here.
    pub fn cannot_drive(&self) -> Option<String> {
        let kept = self.allowed.iter().find(|(n, allowed)| !**allowed && matches!(n.kind, Kind::ConfigMap | Kind::Lease));
        kept.map(|(n, _)| self.told(n))
    }

    /// Whether anything at all may be written. If not, we are read-only.
    pub fn may_write(&self) -> bool {
        self.allowed.is_empty() || self.allowed.values().any(|allowed| *allowed)
    }

    fn told(&self, need: &Need) -> String {
        told(need, &self.namespace)
    }
}

fn told(need: &Need, namespace: &str) -> String {
    format!("needs {need} in namespace {namespace}; ask for the rule {}", need.rule())
}

/// Everything that driving a release may write.
pub fn needs(release: &Release) -> Vec<Need> {
    let argo = release.strategy == Strategy::ArgoRollout;
    let object = |name: &str| ObjectRef::new(release.workload_kind(), release.namespace.clone(), name);
    let deployment = |name: &str| Need::patch(&object(name));
    let mut all = vec![
        Need::create(Kind::ConfigMap),
        Need::patch(&state::object(&release.namespace, &release.name)),
        Need::create(Kind::Lease),
        Need::patch(&lease::object(&release.namespace, &release.name)),
    ];
    for component in &release.components {
        all.push(deployment(&component.stable));
        all.extend(argo.then(|| Need::status(&object(&component.stable))));
        all.extend(component.candidate.as_deref().map(deployment));
        if component.candidate.is_some() && !matches!(component.router, Router::None) {
            all.push(Need::create(Kind::Deployment));
        }
        all.extend(traffic::object(component, &release.namespace).as_ref().map(Need::patch));
    }
    all.sort();
    all.dedup();
    all
}

/// Asks what we may do for a release.
///
/// # Errors
/// When the server cannot be asked. A server that answers but will not review counts as allowing.
pub async fn access(client: &Client, release: &Release) -> Result<Access, ClusterError> {
    let namespace = release.namespace.as_str();
    let reviews = needs(release).into_iter().map(|need| async move {
        let allowed = review(client, namespace, &need).await;
        allowed.map(|allowed| (need, allowed))
    });
    let mut reviews = stream::iter(reviews).buffer_unordered(AT_ONCE);
    let mut allowed = BTreeMap::new();
    while let Some(answer) = reviews.next().await {
        let (need, yes) = answer?;
        allowed.insert(need, yes);
    }
    Ok(Access { namespace: namespace.to_owned(), allowed })
}

/// Whether one object may be patched.
///
/// # Errors
/// When the server cannot be asked.
pub(super) async fn may_patch(client: &Client, object: &ObjectRef) -> Result<bool, ClusterError> {
    review(client, &object.namespace, &Need::patch(object)).await
}

/// What to ask for where it may not.
pub(super) fn wanted(object: &ObjectRef) -> String {
    told(&Need::patch(object), &object.namespace)
}

/// Whether anything that releases are made of may be changed in a namespace. For the automatic read-only mode, before
/// a release is known.
///
/// # Errors
/// When the server cannot be asked.
pub async fn may_write(client: &Client, namespace: &str) -> Result<bool, ClusterError> {
    let kinds = [Kind::Deployment, Kind::Service, Kind::VirtualService, Kind::HttpRoute, Kind::Ingress, Kind::Rollout];
    let needs = kinds.map(|kind| Need { verb: "patch", kind, part: None, name: None });
    let answers = futures::future::try_join_all(needs.iter().map(|need| review(client, namespace, need))).await?;
    Ok(answers.into_iter().any(|yes| yes))
}

#[derive(Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Deserialize)]
struct ReviewStatus {
    allowed: bool,
}

async fn review(client: &Client, namespace: &str, need: &Need) -> Result<bool, ClusterError> {
    let subject = Subject::global("create", "authorization.k8s.io", "selfsubjectaccessreviews");
    let (group, resource) = (need.kind.group(), need.kind.plural());
    let mut attributes = json!({ "namespace": namespace, "verb": need.verb, "group": group, "resource": resource, "name": need.name });
    if let (Some(part), Some(attributes)) = (need.part, attributes.as_object_mut()) {
        attributes.insert("subresource".to_owned(), part.into());
    }
    let body =
        json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": { "resourceAttributes": attributes } });
    let target = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let ask = request(&subject, Method::POST, target, Some(("application/json", body.to_string().into_bytes())))?;
    match send(client, &subject, ask, UNARY).await {
        Ok(answer) => Ok(serde_json::from_slice::<Review>(&answer).map_err(|e| subject.garbage(e))?.status.allowed),
        Err(ClusterError::Forbidden { .. } | ClusterError::NotFound { .. }) => Ok(true),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::action::Target;
    use crate::domain::release::{BlueGreen, Component, Destination, Source, Strategy, Track};
    use crate::domain::time::Millis;

    fn release() -> Release {
        let to = |host: &str| Destination { host: host.into(), subset: None };
        Release {
            name: "shop".into(),
            namespace: "ns".into(),
            components: vec![Component {
                name: "backend".into(),
                stable: "backend".into(),
                candidate: Some("backend-canary".into()),
                container: None,
                router: Router::Istio { virtual_service: "vs".into(), route: None, stable: to("backend"), candidate: to("backend-canary") },
                testers: None,
            }],
            strategy: Strategy::BlueGreen(BlueGreen { approve: true, hold: Millis::ZERO, retire: None }),
            prometheus: None,
            gates: vec![],
            watch: None,
            keep: Millis::ZERO,
            contacts: vec![],
            production: false,
            source: Source::Discovered,
        }
    }

    #[test]
    fn a_release_needs_exactly_what_it_writes() {
        let all: Vec<String> = needs(&release()).iter().map(|n| format!("{n} {}", n.name.as_deref().unwrap_or("*"))).collect();
        assert_eq!(
            all,
            [
                "create on deployments *",
                "create on configmaps *",
                "create on leases *",
                "patch on deployments backend",
                "patch on deployments backend-canary",
                "patch on configmaps cutover-shop",
                "patch on leases cutover-shop",
                "patch on virtualservices vs"
            ]
        );
    }

    #[test]
    fn a_denied_action_names_the_rule() {
        let object = ObjectRef::new(Kind::Deployment, "ns", "backend-canary");
        let target = Target { track: Track::Candidate, object: object.clone(), uid: "u".into(), stamp: None, resource_version: None };
        let scale = Action::Scale { component: "backend".into(), target, from: 1, to: 2 };
        let mut access = Access { namespace: "ns".into(), allowed: needs(&release()).into_iter().map(|n| (n, true)).collect() };
        assert_eq!((access.refusal(&scale), access.may_write()), (None, true));
        access.allowed.insert(Need::patch(&object), false);
        let said = access.refusal(&scale).unwrap();
        assert_eq!(
            said,
            "needs patch on deployments in namespace ns; ask for the rule {apiGroups: [\"apps\"], resources: [\"deployments\"], verbs: [\"patch\"]}"
        );
        assert_eq!(access.missing(), [said]);
        assert_eq!(access.cannot_drive(), None);
        access.allowed.values_mut().for_each(|allowed| *allowed = false);
        assert!(!access.may_write() && access.cannot_drive().unwrap().contains("configmaps"));
    }
}
