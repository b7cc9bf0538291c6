//! An Application of Argo CD in the compact world.

use super::World;
use crate::domain::action::{Action, WriteOutcome};
use crate::domain::auto_sync::Application;
use crate::domain::object::ObjectRef;
use crate::domain::owner::{Owner, Reverts, Tool};

impl World {
    /// From now on this Application manages an object of every component.
    pub fn managed_by(&mut self, application: Application, object: ObjectRef) {
        let name = application.object.name.as_str().into();
        self.owners.push(Owner { tool: Tool::ArgoCd, name, object, reverts: Reverts::AtOnce, application: Some(Box::new(application)) });
        self.compare();
    }

    /// The Application.
    pub fn application(&mut self) -> &mut Application {
        self.owners.iter_mut().find_map(|o| o.application.as_deref_mut()).unwrap()
    }

    /// What it does follows from what it says.
    pub fn compare(&mut self) {
        for owner in &mut self.owners {
            let Some(application) = &owner.application else { continue };
            owner.reverts = match application.automated.as_deref() {
                None => Reverts::ByHand,
                Some(policy) if policy.contains(r#""selfHeal":true"#) => Reverts::AtOnce,
                Some(_) => Reverts::NextChange,
            };
        }
    }

    pub(super) fn write_application(&mut self, action: &Action) -> WriteOutcome {
        let conflict = || WriteOutcome::Conflict { why: "the application changed".into() };
        let now = self.now.wall;
        let (Action::SuspendSync { application: read, .. } | Action::RestoreSync { application: read, .. }) = action else {
            return conflict();
        };
        let Some(application) = self.owners.iter_mut().filter_map(|o| o.application.as_deref_mut()).find(|a| a.object == read.object)
        else {
            return WriteOutcome::Refused { code: 404, why: "not found".into() };
        };
        let suspends = matches!(action, Action::SuspendSync { .. });
        if application.uid != read.uid
            || (suspends && application.automated != read.automated)
            || (!suspends && application.kept != read.kept)
        {
            return conflict();
        }
        if suspends {
            (application.kept, application.since) = (application.automated.take(), Some(now));
        } else {
            let kept = application.kept.take();
            application.automated = application.automated.take().or(kept);
            application.since = None;
        }
        self.compare();
        WriteOutcome::Landed
    }
}
