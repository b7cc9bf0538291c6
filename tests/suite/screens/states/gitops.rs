//! A GitOps controller beside a rollout: what it sets back, and the Application that makes it do so.

use std::sync::Arc;

use cutover::domain::auto_sync::Application;
use cutover::domain::drift::Writer;
use cutover::domain::object::{Kind, ObjectRef};
use cutover::domain::owner::{Owner, Reverts, Tool};
use cutover::domain::rollout::Phase;
use cutover::domain::view::View;
use cutover::domain::weight::Weight;

use super::BOTH;
use crate::fixture::{ago, holding};

/// A GitOps controller set one component's weights back.
pub fn reverted() -> View {
    let mut view = holding(&["backend"]);
    let r = view.rollout.as_mut().unwrap();
    std::sync::Arc::make_mut(r.targets.get_mut("backend").unwrap()).held = Some(Weight::capped(25));
    let seen = Arc::make_mut(view.observed.as_mut().unwrap()).components.get_mut("backend").unwrap();
    seen.route = Ok(crate::fixture::route("backend", 0));
    seen.route_by = Some(Writer { manager: "argocd-controller".into(), at: Some(ago(3)) });
    r.drifts = cutover::engine::drift::find(r, view.observed.as_ref().unwrap());
    let why = format!("{}; resume to set ours again, accept it, or roll back", r.drifts[0]);
    r.phase = Phase::Paused { why, by: "cutover".into() };
    view
}

/// A release whose routes an Application of Argo CD manages; suspended so many minutes ago, or healing itself.
pub fn argo(suspended: Option<i64>) -> View {
    let mut view = holding(BOTH);
    let policy = Some(r#"{"prune":true,"selfHeal":true}"#.to_owned());
    let (automated, kept) = if suspended.is_some() { (None, policy) } else { (policy, None) };
    let application = Application {
        object: ObjectRef::new(Kind::Application, "argocd", "storefront"),
        uid: "uid-app".into(),
        resource_version: "300".into(),
        automated,
        kept,
        since: suspended.map(|minutes| ago(60 * minutes)),
        annotated: true,
        has_policy: true,
        denied: None,
        made_by: None,
        sync: Some("OutOfSync".into()),
        differs: vec!["VirtualService backend".into(), "VirtualService frontend".into()],
    };
    let seen = Arc::make_mut(view.observed.as_mut().unwrap());
    for (name, component) in &mut seen.components {
        component.owners = vec![Owner {
            tool: Tool::ArgoCd,
            name: "storefront".into(),
            object: ObjectRef::new(Kind::VirtualService, "fusion-ecommerce", name.clone()),
            reverts: if suspended.is_some() { Reverts::ByHand } else { Reverts::AtOnce },
            application: Some(Box::new(application.clone())),
        }];
    }
    view
}
