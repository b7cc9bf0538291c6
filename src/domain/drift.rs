//! Foreign writes: a field that was seen to hold what a run asked for, and is another now.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::object::ObjectRef;
use super::observed::{ContainerImage, Workload};
use super::release::Track;
use super::text::SafeText;
use super::time::{Millis, Now, hms};

/// The field manager of everything that this program writes.
pub const MANAGER: &str = "cutover";

/// Who set a field last, as the object's `managedFields` tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// The field manager: `argocd-controller`, `kubectl-edit`.
    pub manager: SafeText,
    /// When it last changed what it owns; not every write leaves a time.
    pub at: Option<Timestamp>,
}

impl Writer {
    /// Whether this program wrote it, in whatever process.
    pub fn is_us(&self) -> bool {
        self.manager.as_str() == MANAGER
    }
}

/// One thing that somebody else changed while a run was under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The component.
    pub component: String,
    /// The object.
    pub object: ObjectRef,
    /// What sort of change it is.
    pub sort: Sort,
    /// The field, for people.
    pub field: String,
    /// What the run was last seen to have there.
    pub before: String,
    /// What stands there now.
    pub after: String,
    /// Who wrote it, where that can be told.
    pub by: Option<Writer>,
}

/// Sorts of foreign writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sort {
    /// The weights of a route, or the selector key that stands for them.
    Weight,
    /// The route no longer fits the release, or is gone.
    Route,
    /// The testers' rule was taken away.
    Testers,
    /// The pods of a replica ratio.
    Replicas(Track),
    /// A container's image: another revision.
    Image(Track),
    /// The candidate's pod template, apart from its images: another revision, too.
    Template,
    /// A rolling update that was to stand at its share goes on.
    Resumed,
    /// The Deployment was deleted and made again.
    Remade(Track),
    /// The Deployment was deleted.
    Gone(Track),
}

impl Drift {
    /// Whether two are the same change, whoever and whenever.
    pub fn is_same(&self, other: &Drift) -> bool {
        let key = |d: &Drift| (d.component.clone(), d.object.clone(), d.sort, d.field.clone(), d.after.clone());
        key(self) == key(other)
    }

    /// For a screen: how long ago it was, at `now`.
    pub fn told(&self, now: Now) -> String {
        let when = self.by.as_ref().and_then(|by| by.at).map(|at| format!(" {} ago", whole_seconds(now.since(at))));
        format!("{self:#}{}", when.unwrap_or_default())
    }

    fn what(&self) -> String {
        match self.sort {
            Sort::Remade(_) => "deleted and made again".to_owned(),
            Sort::Gone(_) => "deleted".to_owned(),
            Sort::Route => self.after.clone(),
            Sort::Weight | Sort::Testers | Sort::Replicas(_) | Sort::Image(_) | Sort::Template | Sort::Resumed => {
                format!("{} {} → {}", self.field, self.before, self.after)
            }
        }
    }
}

fn whole_seconds(age: Millis) -> Millis {
    Millis::secs(age.as_secs())
}

/// For a record: `backend: VirtualService backend: candidate 25 → 0 by argocd-controller at 03:12:07Z`; the alternate form
/// leaves out the time.
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.component, self.object, super::text::sanitize(&self.what()))?;
        let Some(by) = &self.by else { return f.write_str(" by somebody else") };
        write!(f, " by {}", by.manager)?;
        match by.at {
            Some(at) if !f.alternate() => write!(f, " at {}", hms(at)),
            _ => Ok(()),
        }
    }
}

/// What a Deployment was last known to be, by a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its uid.
    pub uid: String,
    /// Its images.
    pub images: Vec<ContainerImage>,
    /// The hash of its pod template, once all its pods run that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

impl Known {
    /// A Deployment as it is now.
    pub fn of(workload: &Workload) -> Known {
        Known { uid: workload.uid.clone(), images: workload.containers.clone(), template: None }
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::Kind;
    use super::*;

    #[test]
    fn what_was_changed_is_told_with_who_and_when() {
        let at: Timestamp = "2026-01-01T03:12:07Z".parse().unwrap();
        let mut drift = Drift {
            component: "backend".into(),
            object: ObjectRef::new(Kind::VirtualService, "shop", "backend"),
            sort: Sort::Weight,
            field: "candidate".into(),
            before: "25".into(),
            after: "0".into(),
            by: Some(Writer { manager: "argocd-\u{1b}controller".into(), at: Some(at) }),
        };
        assert_eq!(drift.to_string(), "backend: VirtualService backend: candidate 25 → 0 by argocd-<U+001B>controller at 03:12:07Z");
        let now = Now { mono: Millis::ZERO, wall: "2026-01-01T03:12:10.9Z".parse().unwrap() };
        assert!(drift.told(now).ends_with("by argocd-<U+001B>controller 3s ago"), "{}", drift.told(now));
        (drift.by, drift.sort) = (None, Sort::Gone(Track::Candidate));
        assert_eq!(drift.told(now), "backend: VirtualService backend: deleted by somebody else");
    }
}
