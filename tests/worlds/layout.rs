//! The releases that are asked about: those of the simulation, and canary annotations.

use cutover::domain::release::{CANARY_PREFIX, INGRESS_NGINX, Release, Router};
use serde::Deserialize;

use crate::script::Shape;

/// A release by strategy and router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Nothing but the records: no objects are laid out.
    Bare,
    /// A VirtualService.
    Canary,
    /// A VirtualService that an Application of Argo CD manages.
    Application,
    /// A VirtualService that testers may have a rule of their own in.
    Testers,
    /// Two components, a VirtualService each.
    Pair,
    /// An HTTPRoute.
    Gateway,
    /// Canary annotations of an Ingress.
    Nginx,
    /// The numbers of pods.
    Ratio,
    /// A Service's selector.
    BlueGreen,
    /// One Deployment.
    Rolling,
}

impl Layout {
    /// The release, in a namespace.
    pub fn release(self, namespace: &str) -> Release {
        let shape = match self {
            Layout::Bare | Layout::Canary | Layout::Application | Layout::Nginx => Shape::Canary,
            Layout::Testers => Shape::Testers,
            Layout::Pair => Shape::Pair,
            Layout::Gateway => Shape::Gateway,
            Layout::Ratio => Shape::Ratio,
            Layout::BlueGreen => Shape::BlueGreen,
            Layout::Rolling => Shape::Rolling,
        };
        let mut release = shape.release();
        release.namespace = namespace.to_owned();
        release.prometheus = None;
        if self == Layout::Nginx {
            release.components.iter_mut().for_each(|c| {
                c.router = Router::Nginx {
                    ingress: c.candidate.clone().unwrap_or_default(),
                    prefix: CANARY_PREFIX.into(),
                    controller: INGRESS_NGINX.into(),
                    stable: c.stable.clone(),
                    candidate: c.candidate.clone().unwrap_or_default(),
                };
            });
        }
        release
    }

    /// The labels by which the candidate's pods are told from stable's.
    pub fn version_label(self, candidate: bool) -> &'static str {
        match (self, candidate) {
            (Layout::BlueGreen, false) => "blue",
            (Layout::BlueGreen, true) => "green",
            (_, false) => "stable",
            (_, true) => "canary",
        }
    }
}
