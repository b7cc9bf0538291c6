//! What must be filled in before a command can be shown.

mod scale;

use std::collections::BTreeMap;

use crossterm::event::KeyEvent;

use crate::app::field::Field;
use crate::domain::command::Command;
use crate::domain::image::Image;
use crate::domain::live::{RevisionRow, Snapshot};
use crate::domain::observed::Workload;
use crate::domain::release::Track;
use crate::domain::view::View;
use crate::domain::weight::Weight;

pub use scale::{Scale, ScaleRow};

/// A form.
#[derive(Clone, Debug)]
pub enum Form {
    /// Images of a new rollout.
    Start(Start),
    /// A weight.
    Weight {
        /// Percent, as typed.
        percent: Field,
    },
    /// A kept revision.
    Undo(Undo),
    /// A side's pods.
    Scale(Scale),
}

/// Images of a new rollout.
#[derive(Clone, Debug)]
pub struct Start {
    /// One row a component.
    pub rows: Vec<StartRow>,
    /// Why, for the change-cause.
    pub cause: Field,
    /// The field that is typed into; after the last row comes the cause.
    pub at: usize,
}

/// One component's images.
#[derive(Clone, Debug)]
pub struct StartRow {
    /// The component.
    pub component: String,
    /// What is known of each side.
    pub sides: BTreeMap<Track, Side>,
    /// The wanted image.
    pub wanted: Field,
}

/// What runs on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The image as written in the Deployment.
    pub image: String,
    /// Digest of what runs, where a pod reports it.
    pub digest: Option<String>,
    /// When this revision came.
    pub since: Option<jiff::Timestamp>,
    /// Change-cause.
    pub cause: Option<String>,
}

/// Kept revisions to choose from.
#[derive(Clone, Debug)]
pub struct Undo {
    /// Newest first by component.
    pub rows: Vec<UndoRow>,
    /// The chosen one.
    pub at: usize,
}

/// A kept revision of a component's serving Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoRow {
    /// The component.
    pub component: String,
    /// The Deployment.
    pub deployment: String,
    /// The revision.
    pub revision: u64,
    /// What it ran, and since when.
    pub side: Side,
}

impl Form {
    /// The command as filled in.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn command(&self) -> Result<Command, String> {
        match self {
            Form::Start(start) => start.command(),
            Form::Weight { percent } => {
                let text = percent.text().trim().trim_end_matches('%').trim();
                let weight = text.parse::<u8>().ok().and_then(Weight::new);
                weight.map(Command::SetWeight).ok_or_else(|| format!("`{text}` is no weight: type a whole number from 0 to 100"))
            }
            Form::Scale(scale) => scale.command(),
            Form::Undo(undo) => undo
                .rows
                .get(undo.at)
                .map(|row| Command::Undo { component: Some(row.component.clone()), revision: row.revision })
                .ok_or_else(|| "no revision is kept besides the one that runs".to_owned()),
        }
    }

    /// Goes to another field or row.
    pub fn step(&mut self, by: isize) {
        let (at, len) = match self {
            Form::Start(start) => (&mut start.at, start.rows.len() + 1),
            Form::Undo(undo) => (&mut undo.at, undo.rows.len()),
            Form::Scale(scale) => (&mut scale.at, scale.rows.len()),
            Form::Weight { .. } => return,
        };
        *at = at.saturating_add_signed(by).min(len.saturating_sub(1));
    }

    /// The field that is typed into.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self {
            Form::Start(start) => match start.rows.get_mut(start.at) {
                Some(row) => Some(&mut row.wanted),
                None => Some(&mut start.cause),
            },
            Form::Weight { percent } => Some(percent),
            Form::Scale(scale) => Some(&mut scale.replicas),
            Form::Undo(_) => None,
        }
    }

    /// Types a key.
    pub fn key(&mut self, event: &KeyEvent) {
        if let Some(field) = self.field() {
            field.key(event);
        }
    }

    /// The form of a start: wanted is what the candidate has, where it differs, else what runs, to be edited.
    pub fn start(view: &View, live: Option<&Snapshot>) -> Form {
        let rows = view.release.components.iter().map(|c| {
            let side = |track| {
                let workload = view.observed.as_ref().and_then(|o| o.workload(&c.name, track))?;
                let image = workload.image(c.container.as_deref())?.image.clone();
                Some((track, Side { image, digest: workload.digest.clone(), since: since(workload, live), cause: cause(workload) }))
            };
            let sides: BTreeMap<Track, Side> = [Track::Stable, Track::Candidate].into_iter().filter_map(side).collect();
            let wanted = sides.get(&Track::Candidate).or_else(|| sides.get(&Track::Stable)).map_or("", |s| s.image.as_str());
            StartRow { component: c.name.clone(), wanted: Field::new(wanted), sides }
        });
        Form::Start(Start { rows: rows.collect(), cause: Field::default(), at: 0 })
    }

    /// The form of an undo: what is kept of every component's serving Deployment, the one that runs left out.
    pub fn undo(view: &View, live: Option<&Snapshot>) -> Form {
        let mut rows = Vec::new();
        for c in &view.release.components {
            let Some(stable) = view.observed.as_ref().and_then(|o| o.workload(&c.name, Track::Stable)) else { continue };
            let mut kept: Vec<_> = stable.revisions.iter().filter(|r| Some(r.revision) != stable.revision).collect();
            kept.sort_by_key(|r| std::cmp::Reverse(r.revision));
            rows.extend(kept.into_iter().map(|r| {
                let row = live.and_then(|s| s.revisions.iter().find(|row| row.replica_set == r.replica_set));
                let images: Vec<&str> = r.images.iter().map(|i| i.image.as_str()).collect();
                let side = Side {
                    image: images.join(", "),
                    digest: None,
                    since: row.and_then(|row| row.created),
                    cause: row.and_then(|row| row.change_cause.as_ref()).map(|c| c.as_str().to_owned()),
                };
                UndoRow { component: c.name.clone(), deployment: stable.name.clone(), revision: r.revision, side }
            }));
        }
        Form::Undo(Undo { rows, at: 0 })
    }
}

impl Start {
    fn command(&self) -> Result<Command, String> {
        let mut images = BTreeMap::new();
        for row in &self.rows {
            let text = row.wanted.text().trim();
            if text.is_empty() {
                continue;
            }
            let image = Image::parse(text).map_err(|e| format!("{}: {e}", row.component))?;
            // What the candidate carries already needs no naming.
            if row.sides.get(&Track::Candidate).is_none_or(|s| s.image != text) {
                images.insert(row.component.clone(), image);
            }
        }
        let cause = self.cause.text().trim();
        Ok(Command::Start { images, cause: (!cause.is_empty()).then(|| cause.to_owned()) })
    }
}

fn cause(workload: &Workload) -> Option<String> {
    workload.change_cause.as_ref().map(|c| c.as_str().to_owned())
}

fn since(workload: &Workload, live: Option<&Snapshot>) -> Option<jiff::Timestamp> {
    let kept = |r: &&RevisionRow| r.deployment == workload.name && Some(r.revision) == workload.revision;
    live?.revisions.iter().find(kept).and_then(|r| r.created)
}
