//! What an action would do now, and whether it can be done: the reason is shown, never a dead key.

use crate::domain::command::{Command, Refusal};
use crate::domain::rollout::Phase;
use crate::domain::step::Step;
use crate::domain::view::{Driver, View};
use crate::domain::weight::Weight;
use crate::engine::auto_sync;
use crate::engine::preview::after;

use super::action::{Action, row};
use super::dialog::{Form, form};
use super::in_place;
use super::model::{Model, ReleaseKey, Screen};
use super::pane::Pane;
use super::words::coarse;

/// Whether an action can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It can.
    Yes,
    /// It cannot: why, and what would help.
    No(String),
}

impl Availability {
    /// The reason, if it cannot.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Availability::Yes => None,
            Availability::No(why) => Some(why),
        }
    }
}

/// Whether an action can be used now.
pub fn availability(model: &Model, action: Action) -> Availability {
    match check(model, action) {
        Ok(()) => Availability::Yes,
        Err(why) => Availability::No(why),
    }
}

fn check(model: &Model, action: Action) -> Result<(), String> {
    let Some(row) = row(action) else { return Err("no such action".to_owned()) };
    if row.planned {
        return Err(format!("{} is not built yet", row.title));
    }
    if row.writes {
        let key = model.release().ok_or("no release is selected")?;
        return check_write(model, key, action);
    }
    match action {
        Action::Logs | Action::PreviousLogs => {
            let view = model.view().ok_or("the release is not known yet")?;
            let live = model.snapshot().ok_or("the pods are not known yet")?;
            let has_pod = live.pods.iter().any(|pod| super::rows::pod_side(view, pod).is_some());
            if has_pod { Ok(()) } else { Err("the release has no pod".to_owned()) }
        }
        Action::Filter if model.list().is_none() => Err(format!("{} has no rows to filter", model.focus.title())),
        _ => Ok(()),
    }
}

fn check_write(model: &Model, key: &ReleaseKey, action: Action) -> Result<(), String> {
    if let Some(why) = &model.scene.read_only {
        return Err(format!("read-only: {why}"));
    }
    // Taking back is tried whatever is missing: old data, rights, a view.
    if action == Action::RollBack {
        return Ok(());
    }
    let view = model.view_of(key).ok_or("the release has not been read yet")?;
    // Who may not drive may still be the one who looks after Argo CD.
    if let Some(needs) = model.denied.get(key).filter(|_| action != Action::RestoreSync) {
        return Err(needs.clone());
    }
    let back = matches!(action, Action::StepBack | Action::Reject | Action::PauseResume);
    if let (Some(age), false) = (model.stale(key), back) {
        return Err(format!("data {} old: going forward is locked until it is fresh", coarse(age)));
    }
    can(model, key, view, action)
}

fn can(model: &Model, key: &ReleaseKey, view: &View, action: Action) -> Result<(), String> {
    let running = view.rollout.as_ref().filter(|r| !r.is_over());
    let attempt = |command| attempt(model, key, view, command);
    match action {
        Action::Start => match running {
            Some(r) => Err(Refusal::AlreadyRunning { id: r.id.clone(), phase: r.phase.word().to_owned() }.to_string()),
            None => Ok(()),
        },
        Action::Undo => match running {
            Some(r) => Err(Refusal::AlreadyRunning { id: r.id.clone(), phase: r.phase.word().to_owned() }.to_string()),
            None if has_revisions(view) => Ok(()),
            None => Err("no revision is kept besides the one that runs".to_owned()),
        },
        Action::Scale if form::Scale::new(view).rows.is_empty() => Err("no Deployment of the release was seen".to_owned()),
        Action::Scale => Ok(()),
        // The guard speaks in the dialog, about the weight that was typed.
        Action::SetWeight => match [Weight::ZERO, Weight::FULL].map(|w| attempt(Command::SetWeight(w))) {
            [Err(why @ Refusal::NotNow { .. }), Err(Refusal::NotNow { .. })] => Err(why.to_string()),
            [Err(why @ (Refusal::NoRollout | Refusal::RollingBack)), _] => Err(why.to_string()),
            _ => Ok(()),
        },
        Action::TakeOver if matches!(view.driver, Driver::Us { .. }) && running.is_some() => {
            Err("this console drives it already".to_owned())
        }
        Action::RestoreSync => {
            let observed = view.observed.as_deref().ok_or("the cluster has not been read yet")?;
            auto_sync::restore(&view.release, observed).map(drop).map_err(|why| why.to_string())
        }
        other => match command(view, other) {
            Some(command) => attempt(command).map(drop).map_err(|why| why.to_string()),
            None => Ok(()),
        },
    }
}

fn has_revisions(view: &View) -> bool {
    matches!(Form::undo(view, None), Form::Undo(form::Undo { rows, .. }) if !rows.is_empty())
}

fn attempt(model: &Model, key: &ReleaseKey, view: &View, command: Command) -> Result<crate::domain::rollout::Rollout, Refusal> {
    let order = model.draft(key, command);
    after(&view.release, view.rollout.as_ref(), view.observed.as_deref(), &order, view.now)
}

/// The command that a key gives without asking anything.
pub fn command(view: &View, action: Action) -> Option<Command> {
    let paused = view.rollout.as_ref().is_some_and(|r| matches!(r.phase, Phase::Paused { .. }));
    Some(match action {
        Action::Next => Command::Advance,
        Action::StepBack => Command::StepBack,
        Action::PauseResume if paused => Command::Resume,
        Action::PauseResume => Command::Pause,
        Action::Approve => Command::Approve,
        Action::Reject => Command::Reject,
        Action::Promote => Command::Promote,
        Action::AcceptDrift => Command::AcceptDrift,
        Action::TakeOver => Command::TakeOver,
        Action::RestoreSync => Command::RestoreSync,
        Action::RollBack => Command::RollBack,
        _ => return None,
    })
}

/// What a key would do now, for the footer: `50 %`, `resume`, `ROLL BACK 25→0 %`.
pub fn label(model: &Model, action: Action) -> String {
    let title = row(action).map_or("", |row| row.title).to_owned();
    let Some((key, view)) = model.release().and_then(|key| Some((key, model.view_of(key)?))) else { return title };
    let result = |action| command(view, action).and_then(|c| attempt(model, key, view, c).ok());
    match action {
        Action::Next => result(action).map_or(title, |r| match r.step() {
            Some(Step::Hold(_) | Step::Shift(_)) | None => r.asked.to_string(),
            Some(Step::Follow) => "go on".to_owned(),
            Some(step) => step.to_string(),
        }),
        Action::StepBack => result(action).map_or("back".to_owned(), |r| r.asked.to_string()),
        Action::PauseResume => command(view, action).map_or(title, |c| c.word().to_owned()),
        Action::RollBack => rollback_label(model, key, view),
        _ => title,
    }
}

fn rollback_label(model: &Model, key: &ReleaseKey, view: &View) -> String {
    let name = if model.screen == Screen::Fleet { format!(" {}", key.name) } else { String::new() };
    match view.rollout.as_ref().map(|r| &r.phase) {
        Some(Phase::RollingBack { .. }) => format!("follow the rollback{name}"),
        Some(Phase::RolledBack) if is_taken_back(view) => format!("see the rollback{name}"),
        _ => match largest_share(view) {
            0 => format!("roll back{name}"),
            percent => format!("ROLL BACK{name} {percent}→0 %"),
        },
    }
}

/// Whether the release is being taken back, or was and nothing has gone to a candidate since.
pub fn is_taken_back(view: &View) -> bool {
    match view.rollout.as_ref().map(|r| &r.phase) {
        Some(Phase::RollingBack { .. }) => true,
        Some(Phase::RolledBack) => view.checklist.is_some() && largest_share(view) == 0,
        _ => false,
    }
}

/// The largest share that any route sends to a candidate, as read, in percent.
pub fn largest_share(view: &View) -> u8 {
    if view.release.strategy.is_in_place() {
        return view.release.components.iter().filter_map(|c| in_place::share(view, &c.name)).max().unwrap_or(0);
    }
    let routes = view.observed.iter().flat_map(|o| o.components.values()).filter_map(|c| c.route.as_ref().ok());
    routes.map(|f| f.percent()).max().or(view.rollout.as_ref().map(|r| r.asked.percent())).unwrap_or(0)
}

/// Whether a pane can be shown beside the others, or only alone.
pub fn is_alone(pane: Pane) -> bool {
    pane == Pane::Logs
}
