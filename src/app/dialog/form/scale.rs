//! More or fewer pods for one side.

use crate::app::field::Field;
use crate::domain::command::{self, Command};
use crate::domain::release::Track;
use crate::domain::view::View;

/// Deployments to choose from, and how many pods the chosen one is to have.
#[derive(Clone, Debug)]
pub struct Scale {
    /// Every side that exists.
    pub rows: Vec<ScaleRow>,
    /// The chosen one.
    pub at: usize,
    /// Wanted pods, as typed.
    pub replicas: Field,
}

/// One side of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleRow {
    /// The component.
    pub component: String,
    /// The side.
    pub track: Track,
    /// Its Deployment.
    pub deployment: String,
    /// Ready and wanted pods.
    pub pods: (u32, u32),
    /// The autoscaler that owns them.
    pub scaler: Option<String>,
}

impl Scale {
    /// The sides of a release, the one that serves first.
    pub fn new(view: &View) -> Scale {
        let row = |component: &str, track| {
            let w = view.observed.as_ref()?.workload(component, track)?;
            let (deployment, pods, scaler) = (w.name.clone(), (w.ready, w.replicas), w.hpa.as_ref().map(|h| h.name.clone()));
            Some(ScaleRow { component: component.to_owned(), track, deployment, pods, scaler })
        };
        let sides = |track| view.release.components.iter().filter_map(move |c| row(&c.name, track));
        let rows = sides(Track::Stable).chain(sides(Track::Candidate)).collect();
        Scale { rows, at: 0, replicas: Field::default() }
    }

    /// The command as filled in.
    pub(super) fn command(&self) -> Result<Command, String> {
        let row = self.rows.get(self.at).ok_or("the release has no Deployment")?;
        let text = self.replicas.text().trim();
        let replicas = command::pods(text).ok_or_else(|| format!("`{text}` is no number of pods"))?;
        Ok(Command::Scale { component: Some(row.component.clone()), track: row.track, replicas })
    }
}
