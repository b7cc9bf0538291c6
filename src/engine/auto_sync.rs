//! Argo CD Applications that would put back within seconds what a run writes: their auto-sync is suspended before the first
//! write, beside the route writes of a rollback, and restored by nobody but a person.

use crate::domain::action::{Action, Precondition, WriteOutcome};
use crate::domain::auto_sync::Application;
use crate::domain::command::Refusal;
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::observed::Observed;
use crate::domain::owner::{Owner, Reverts, Tool};
use crate::domain::release::Release;
use crate::domain::rollout::{Phase, Rollout, Suspension};
use crate::domain::time::{Millis, Now};

use super::decide::SELF;
use super::preview::Preview;

/// How long a rollback waits, once all is back, to know whether somebody puts it forward again.
const OWNER_DEADLINE: Millis = Millis::secs(5);
/// How often a suspension is tried that is answered by nothing, or meets a changed Application.
pub const TRIES: u8 = 3;
/// How long a sync that had begun when its Application was suspended may still land.
const SYNC_LANDS: Millis = Millis::secs(5);
/// What is said of what stays off.
const BACK_ON: &str = "then restore it: S, or `cutover restore-sync`";

/// Applications that own something of the release, each once, with the component that it was met on first.
pub fn applications<'a>(release: &'a Release, observed: &'a Observed) -> Vec<(&'a str, &'a Owner, &'a Application)> {
    let seen = release.components.iter().filter_map(|c| Some((c.name.as_str(), observed.components.get(&c.name)?)));
    let mut all: Vec<(&str, &Owner, &Application)> = Vec::new();
    for (component, owner) in seen.flat_map(|(name, seen)| seen.owners.iter().map(move |o| (name, o))) {
        if let (Tool::ArgoCd, Some(application)) = (owner.tool, owner.application.as_deref())
            && !all.iter().any(|(_, _, known)| known.object == application.object)
        {
            all.push((component, owner, application));
        }
    }
    all
}

/// Those that put back what is written, within seconds.
fn healing<'a>(release: &'a Release, observed: &'a Observed) -> impl Iterator<Item = (&'a str, &'a Application)> {
    let all = applications(release, observed).into_iter();
    all.filter(|(_, owner, _)| owner.reverts == Reverts::AtOnce).map(|(component, _, application)| (component, application))
}

fn key(application: &Application) -> String {
    format!("{}/{}", application.object.namespace, application.object.name)
}

fn note(r: &mut Rollout, text: String, now: Now) {
    r.note(Entry { at: now.wall, kind: EntryKind::Note, actor: SELF.to_owned(), text });
}

/// The suspensions that a run owes: each until it landed, was refused, or was tried often enough.
pub(super) fn due(r: &Rollout, observed: &Observed) -> Vec<(Action, Precondition)> {
    let open = |application: &Application| {
        application.denied.is_none() && matches!(r.suspensions.get(&key(application)), None | Some(Suspension::Tried { .. }))
    };
    let suspend = |(component, application): (&str, &Application)| {
        let (component, application) = (component.to_owned(), Box::new(application.clone()));
        (Action::SuspendSync { component, application }, Precondition::Value)
    };
    healing(&r.release, observed).filter(|(_, application)| open(application)).map(suspend).collect()
}

/// What a rollback waits for once all is back: whether an Application heals itself, or a sync that had begun when it was
/// suspended.
pub(super) fn unsettled(r: &Rollout, observed: &Observed) -> Option<String> {
    let lands = |s: &Suspension| matches!(s, Suspension::Landed { settles, .. } if r.covered < *settles);
    if let Some((name, _)) = r.suspensions.iter().find(|(_, s)| lands(s)) {
        return Some(format!("a sync of Argo CD app {name} that had begun may still put it back"));
    }
    unread(r, observed).filter(|_| r.covered < OWNER_DEADLINE)
}

/// The first Application of which is not known yet whether it heals itself.
fn unread(r: &Rollout, observed: &Observed) -> Option<String> {
    let seen = r.release.components.iter().filter_map(|c| observed.components.get(&c.name));
    let is_settled = |name: &str| r.suspensions.keys().any(|key| key.split('/').next_back() == Some(name));
    let unread = |o: &&Owner| o.tool == Tool::ArgoCd && o.reverts == Reverts::Unread && !is_settled(o.name.as_str());
    let owner = seen.flat_map(|c| &c.owners).find(unread)?;
    Some(format!("Argo CD app {} is being read", owner.name))
}

/// Puts on record which Applications may not be suspended, and which were switched on again by somebody else: that is not
/// fought.
pub(super) fn settle(r: &mut Rollout, observed: &Observed, now: Now) {
    let release = r.release.clone();
    for (_, application) in healing(&release, observed) {
        match (&application.denied, r.suspensions.get(&key(application))) {
            (Some(why), None | Some(Suspension::Tried { .. })) => refused(r, application, why, now),
            (_, Some(Suspension::Landed { .. })) if application.is_overruled() => {
                let by = application.made_by.as_ref().map(|by| format!(" ({by} makes it)")).unwrap_or_default();
                let stop = application.how_to_stop();
                note(
                    r,
                    format!("{application}: somebody switched its auto-sync on again{by}: it is left to them; to stop that: {stop}"),
                    now,
                );
                r.suspensions.insert(key(application), Suspension::Overruled);
            }
            _ => {}
        }
    }
}

/// What is sent of a step's writes: nothing that may be put back before its suspension is settled. Traffic that goes down
/// does not wait for it.
pub(super) fn first(
    r: &mut Rollout,
    observed: &Observed,
    mut actions: Vec<(Action, Precondition)>,
    now: Now,
) -> Vec<(Action, Precondition)> {
    if actions.is_empty() {
        return actions;
    }
    settle(r, observed, now);
    let due = due(r, observed);
    let lowers = |(action, _): &(Action, Precondition)| matches!(action, Action::Route { facts, weight, .. } if !facts.rises_to(*weight));
    if due.is_empty() || actions.iter().all(lowers) || mutant(Mutant::SuspendedAfterwards) {
        actions.extend(due);
        return actions;
    }
    r.waiting = due.first().map(|(action, _)| action.to_string());
    due
}

/// What became of a suspension.
pub fn written(r: &mut Rollout, application: &Application, outcome: &WriteOutcome, now: Now) {
    let (key, tried) = (key(application), |times| Suspension::Tried { times });
    let times = if let Some(Suspension::Tried { times }) = r.suspensions.get(&key) { times.saturating_add(1) } else { 1 };
    match outcome {
        WriteOutcome::Landed => {
            let settles = if r.is_back() { r.covered.plus(SYNC_LANDS) } else { Millis::ZERO };
            r.suspensions.insert(key, Suspension::Landed { at: now.wall, settles });
        }
        WriteOutcome::Refused { code, why } if !matches!(code, 401 | 429) => refused(r, application, why, now),
        WriteOutcome::Conflict { why } | WriteOutcome::Unknown { why } | WriteOutcome::Refused { why, .. } if times >= TRIES => {
            refused(r, application, &format!("tried {times} times: {why}"), now);
        }
        _ => {
            r.suspensions.insert(key, tried(times));
        }
    }
}

fn refused(r: &mut Rollout, application: &Application, why: &str, now: Now) {
    let stop = application.how_to_stop();
    note(r, format!("{application} heals itself, and its auto-sync stays on: {why}; what it puts back is told; to stop that: {stop}"), now);
    r.suspensions.insert(key(application), Suspension::Refused { why: why.to_owned() });
}

/// A rollback has begun: what was refused before is asked once more.
pub(super) fn ask_again(r: &mut Rollout) {
    r.suspensions.retain(|_, s| matches!(s, Suspension::Landed { .. } | Suspension::Overruled));
}

/// What a run that is over leaves switched off, and what a person does about it.
pub fn left_off(r: &Rollout, observed: Option<&Observed>) -> Vec<String> {
    let seen: Vec<&Application> = observed.map(|o| applications(&r.release, o)).into_iter().flatten().map(|(_, _, a)| a).collect();
    let (off, on): (Vec<&Application>, Vec<&Application>) = seen.into_iter().partition(|a| a.is_suspended());
    // What could not be looked at since is as this run left it.
    let ours = r.suspensions.iter().filter(|(_, s)| matches!(s, Suspension::Landed { .. })).map(|(key, _)| key);
    let unseen = ours.filter(|k| !off.iter().chain(&on).any(|a| key(a) == **k)).map(|k| k.split('/').next_back().unwrap_or(k).to_owned());
    let names = off.iter().map(|a| a.object.name.clone()).chain(unseen);
    let git = match r.phase {
        Phase::Completed => "commit what runs now to git",
        _ => "take the change back in git (git revert)",
    };
    names.map(|name| format!("Argo CD app {name}: auto-sync stays off: {git}, {BACK_ON}")).collect()
}

/// The same on record, once, when the run has just ended.
pub(super) fn remind(r: &mut Rollout, observed: &Observed, now: Now) {
    for text in left_off(r, Some(observed)) {
        note(r, text, now);
    }
}

/// In words for a confirm: which auto-sync is suspended with it, and which cannot be.
pub(super) fn remarks(r: &Rollout, observed: &Observed) -> Vec<String> {
    let mut lines = Vec::new();
    let due = due(r, observed);
    for (_, application) in healing(&r.release, observed) {
        if due.iter().any(|(action, _)| action.object() == application.object) {
            lines.push(format!(
                "{application} heals itself: its auto-sync is paused with this; a person restores it (S, `cutover restore-sync`)"
            ));
        } else if let Some(why) = &application.denied {
            lines.push(format!("{application} heals itself, and its auto-sync cannot be paused: {why}"));
        }
    }
    lines
}

/// Whether an owner's auto-sync is suspended with what a run writes next.
pub(super) fn pauses(r: &Rollout, observed: &Observed, owner: &Owner) -> bool {
    let Some(application) = &owner.application else { return false };
    due(r, observed).iter().any(|(action, _)| action.object() == application.object)
}

/// Which auto-sync is off by us, a line each.
pub fn told(release: &Release, observed: &Observed, now: Now) -> Vec<String> {
    applications(release, observed).iter().filter_map(|(_, _, application)| application.told(now.wall)).collect()
}

/// The writes that restore what was suspended.
///
/// # Errors
/// When nothing is suspended, or what an annotation holds is no policy.
pub fn restore(release: &Release, observed: &Observed) -> Result<Vec<(Action, Precondition)>, Refusal> {
    let mut all = Vec::new();
    for (component, _, application) in applications(release, observed) {
        if application.restore().map_err(|broken| Refusal::Unfit { what: broken.to_string() })?.is_some() {
            let (component, application) = (component.to_owned(), Box::new(application.clone()));
            all.push((Action::RestoreSync { component, application }, Precondition::Value));
        }
    }
    if all.is_empty() {
        return Err(Refusal::NotNow { what: "no Argo CD app of this release has its auto-sync suspended by cutover".to_owned() });
    }
    Ok(all)
}

/// What restoring would do, and what Argo CD would do then.
pub(super) fn preview(release: &Release, rollout: Option<&Rollout>, observed: Option<&Observed>) -> Preview {
    let unread = || Refusal::NotNow { what: "the cluster has not been read yet".to_owned() };
    let planned = observed.ok_or_else(unread).and_then(|o| restore(release, o));
    let writes = match planned {
        Ok(writes) => writes,
        Err(refusal) => return Preview { refusal: Some(refusal), ..Preview::default() },
    };
    let mut remarks: Vec<String> = Vec::new();
    for (action, _) in &writes {
        if let Action::RestoreSync { application, .. } = action {
            remarks.extend(then(application));
        }
    }
    if rollout.is_some_and(|r| !r.is_over()) {
        remarks.push("a rollout is under way: what it wrote may be put back at once".to_owned());
    }
    let changes = writes.iter().flat_map(|(action, _)| action.changes()).collect();
    let (actions, preconditions) = writes.into_iter().unzip();
    Preview { changes, actions, preconditions, remarks, ..Preview::default() }
}

/// What Argo CD does once its auto-sync is on again.
fn then(application: &Application) -> Vec<String> {
    if application.is_overruled() {
        return vec![format!("{application}: somebody has switched it on already: theirs stays, only what was kept here goes")];
    }
    let name = &application.object.name;
    let differs: Vec<&str> = application.differs.iter().map(|d| d.as_str()).collect();
    let git = match application.sync.as_ref().map(|s| s.as_str()) {
        Some("Synced") => "it says that git agrees with what stands (Synced)".to_owned(),
        Some(said) if differs.is_empty() => format!("it says {said}: what stands is put back to git's, traffic and images too"),
        Some(said) => format!("it says {said}: {} would be put back to git's", differs.join(", ")),
        None => format!("whether git agrees with what stands is not known here: argocd app diff {name}"),
    };
    vec![format!("{application} then sets what git says again, within seconds: traffic and images of this release too"), git]
}
