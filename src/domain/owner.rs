//! Who else manages the objects of a release, and what they would do to a write of ours.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::auto_sync::Application;
use super::object::ObjectRef;
use super::text::SafeText;

/// Another tool that manages an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// What it is.
    pub tool: Tool,
    /// The name of its own object: an Application, a Kustomization, a release, a Canary.
    pub name: SafeText,
    /// What it manages.
    pub object: ObjectRef,
    /// When it would put back what we write.
    pub reverts: Reverts,
    /// Its own object, where it is an Application of Argo CD and could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<Box<Application>>,
}

/// Tools that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // their names are their own
pub enum Tool {
    ArgoCd,
    FluxKustomization,
    FluxHelmRelease,
    Helm,
    Flagger,
    ArgoRollouts,
    Autoscaler,
    Keda,
}

/// When a tool puts back what somebody else wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reverts {
    /// Within seconds.
    AtOnce,
    /// Every so often, in the tool's own words: `10m`.
    Every(SafeText),
    /// With its next change.
    NextChange,
    /// When a person tells it to.
    ByHand,
    /// It owns the number of pods, and nothing else.
    Replicas,
    /// It moves the traffic itself, all the time.
    Fights,
    /// Its own object cannot be read.
    Unknown,
    /// It is being read.
    Unread,
}

impl Tool {
    /// What its object is called.
    pub const fn kind(self) -> &'static str {
        match self {
            Tool::ArgoCd => "Argo CD application",
            Tool::FluxKustomization => "Flux Kustomization",
            Tool::FluxHelmRelease => "Flux HelmRelease",
            Tool::Helm => "Helm release",
            Tool::Flagger => "Flagger Canary",
            Tool::ArgoRollouts => "Argo Rollout",
            Tool::Autoscaler => "HorizontalPodAutoscaler",
            Tool::Keda => "KEDA ScaledObject",
        }
    }

    /// Whether it moves traffic by itself, so that two controllers would fight.
    pub const fn fights(self) -> bool {
        matches!(self, Tool::Flagger | Tool::ArgoRollouts)
    }
}

impl Owner {
    /// Commands that stop it from putting back what a rollback writes, where there are any.
    pub fn how_to_stop(&self) -> Option<String> {
        let (name, ns) = (&self.name, &self.object.namespace);
        match self.tool {
            Tool::ArgoCd => Some(stop_argo(name.as_str())),
            Tool::FluxKustomization => Some(format!("flux suspend kustomization {name}, then take the change back in git (git revert)")),
            Tool::FluxHelmRelease => Some(format!("flux suspend helmrelease {name}, then take the change back in git (git revert)")),
            Tool::Helm => Some(format!("helm -n {ns} rollback {name}")),
            Tool::Flagger | Tool::ArgoRollouts | Tool::Autoscaler | Tool::Keda => None,
        }
    }

    fn effect(&self) -> String {
        if let Some(application) = self.application.as_ref().filter(|a| a.is_suspended()) {
            let since = application.since.map(|at| format!(" since {}", at.strftime("%Y-%m-%d %H:%MZ"))).unwrap_or_default();
            return format!("has its auto-sync off{since} by us, and puts it back when somebody syncs it");
        }
        match &self.reverts {
            Reverts::AtOnce => "puts it back within seconds (selfHeal)".to_owned(),
            Reverts::Every(interval) => format!("puts it back every {interval}"),
            Reverts::NextChange => "puts it back with its next change".to_owned(),
            Reverts::ByHand => "puts it back when somebody syncs it".to_owned(),
            Reverts::Replicas => "sets its replicas".to_owned(),
            Reverts::Fights => "moves this traffic itself".to_owned(),
            Reverts::Unknown if self.tool == Tool::ArgoCd => "may put it back, with selfHeal within seconds (it cannot be read)".to_owned(),
            Reverts::Unread => "may put it back (it is being read)".to_owned(),
            Reverts::Unknown => "may put it back at its interval (it cannot be read)".to_owned(),
        }
    }
}

/// What stops an Application from putting things back, by hand.
pub(super) fn stop_argo(name: &str) -> String {
    format!("argocd app set {name} --sync-policy none, then take the change back in git (git revert)")
}

/// `VirtualService backend: Argo CD application shop puts it back within seconds (selfHeal)`.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {} {}", self.object, self.tool.kind(), self.name, self.effect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::Kind;
    use super::*;

    #[test]
    fn what_will_happen_and_what_stops_it_is_told() {
        let object = ObjectRef::new(Kind::VirtualService, "shop", "backend");
        let mut owner = Owner { tool: Tool::ArgoCd, name: "sh\u{1b}op".into(), object, reverts: Reverts::AtOnce, application: None };
        assert_eq!(owner.to_string(), "VirtualService backend: Argo CD application sh<U+001B>op puts it back within seconds (selfHeal)");
        assert!(owner.how_to_stop().is_some_and(|c| c.starts_with("argocd app set sh<U+001B>op --sync-policy none")));
        (owner.tool, owner.reverts) = (Tool::FluxKustomization, Reverts::Every("10m".into()));
        assert!(owner.to_string().ends_with("puts it back every 10m"));
        owner.tool = Tool::Flagger;
        assert!(owner.tool.fights() && owner.how_to_stop().is_none());
    }
}
