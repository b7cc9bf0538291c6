//! An Application of Argo CD that manages every route: it heals itself while it is automated.

use cutover::domain::action::{Action, WriteOutcome};
use cutover::domain::auto_sync::Application as Read;
use cutover::domain::object::{Kind, ObjectRef};
use cutover::domain::owner::{Owner, Reverts, Tool};

use super::{Part, World};

/// What `automated` is where it is.
const POLICY: &str = r#"{"selfHeal":true}"#;

/// Whether the operators may write to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    Yes,
    /// They may not, and find out when they try.
    Refused,
    /// They may not, and know it.
    Known,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    pub automated: bool,
    pub kept: bool,
    pub rights: Rights,
}

impl Application {
    pub fn healing(rights: Rights) -> Application {
        Application { automated: true, kept: false, rights }
    }

    fn read(&self) -> Read {
        let text = |there: bool| there.then(|| POLICY.to_owned());
        Read {
            object: ObjectRef::new(Kind::Application, "argocd", "shop"),
            uid: "app".into(),
            resource_version: "1".into(),
            automated: text(self.automated),
            kept: text(self.kept),
            since: None,
            annotated: true,
            has_policy: true,
            denied: (self.rights == Rights::Known).then(|| "needs patch on applications".to_owned()),
            made_by: None,
            sync: None,
            differs: vec![],
        }
    }
}

impl World {
    /// Whether what is written to a route is put back.
    pub fn heals(&self) -> bool {
        self.application.as_ref().is_none_or(|a| a.automated)
    }

    pub(super) fn owners(&self, part: &Part) -> Vec<Owner> {
        let Some(application) = &self.application else { return vec![] };
        let reverts = if application.automated { Reverts::AtOnce } else { Reverts::ByHand };
        let object = ObjectRef::new(Kind::VirtualService, "shop", part.declared.name.clone());
        vec![Owner { tool: Tool::ArgoCd, name: "shop".into(), object, reverts, application: Some(Box::new(application.read())) }]
    }

    /// The two patches of an Application, with what they test.
    pub(super) fn write_application(&mut self, action: &Action) -> WriteOutcome {
        let Some(application) = &mut self.application else { return WriteOutcome::Refused { code: 404, why: "not found".into() } };
        if application.rights != Rights::Yes {
            return WriteOutcome::Refused { code: 403, why: "not allowed".into() };
        }
        let conflict = || WriteOutcome::Conflict { why: "the application is another".into() };
        match action {
            Action::SuspendSync { .. } if application.automated => (application.automated, application.kept) = (false, true),
            Action::RestoreSync { application: read, .. } if application.kept => {
                application.automated |= read.automated.is_none();
                application.kept = false;
            }
            _ => return conflict(),
        }
        WriteOutcome::Landed
    }
}
