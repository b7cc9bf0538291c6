//! See before you press: which objects and fields a command would change.

use std::borrow::Cow;

use crate::domain::action::{Action, Change, Precondition, STAMP};
use crate::domain::command::{Command, Order, Refusal};
use crate::domain::declared::MONITORING;
use crate::domain::observed::{ComponentObserved, Observed};
use crate::domain::owner::{Owner, Reverts};
use crate::domain::release::{Release, Strategy, Track};
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::time::Now;
use crate::domain::verdict::Judgement;
use crate::domain::view::{Driver, View};

use super::choices::choices;
use super::needs::{Need, missing};
use super::start::{self, Birth};
use super::way_back::{WayBack, way_back};
use super::{auto_sync, command, guard, load, orient, ratio, rollback, room, scale};

mod record;

/// What a command would do now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    /// The changes of the first step that follows, in order. Later steps show theirs when they come.
    pub changes: Vec<Change>,
    /// The writes behind them.
    pub actions: Vec<Action>,
    /// What must hold for each of them to land.
    pub preconditions: Vec<Precondition>,
    /// What a person should know before confirming.
    pub remarks: Vec<String>,
    /// Those of them that are about the room for more pods.
    pub room: Vec<String>,
    /// Those of them that are about what weights come to in whole pods, where pods are the weight.
    pub rounding: Vec<String>,
    /// What a rollback would go back to, where that is what is asked.
    pub way_back: Option<WayBack>,
    /// Why it would be refused.
    pub refusal: Option<Refusal>,
}

/// What an order would do, without doing it.
pub fn preview(release: &Release, rollout: Option<&Rollout>, observed: Option<&Observed>, order: &Order, now: Now) -> Preview {
    if order.command == Command::RestoreSync {
        return auto_sync::preview(release, rollout, observed);
    }
    match after(release, rollout, observed, order, now) {
        Err(refusal) => Preview { refusal: Some(refusal), remarks: foreign(rollout, observed, order, now), ..Preview::default() },
        Ok(next) if matches!(order.command, Command::Scale { .. }) => {
            // Where nothing runs, the sides are looked at as they serve.
            let turned = match next.is_over() {
                true => observed.and_then(|o| orient::turned(release, o)).map(|(_, o)| Cow::Owned(o)),
                false => observed.and_then(|o| orient::facing(&next.release, &release.components, o)),
            };
            scale::preview(&next, turned.as_deref().or(observed), order)
        }
        Ok(next) => {
            // A run may have the roles the other way round than the release that was looked at.
            let turned = observed.and_then(|o| orient::facing(&next.release, &release.components, o));
            let observed = turned.as_deref().or(observed);
            let (actions, preconditions): (Vec<Action>, Vec<Precondition>) = writes(&next, observed).into_iter().unzip();
            let changes = actions.iter().flat_map(Action::changes).collect();
            let mut told = foreign(rollout, observed, order, now);
            let back = matches!(next.phase, Phase::RollingBack { .. });
            let way_back = if back { way_back(&next.release, rollout, observed) } else { None };
            told.extend(way_back.iter().flat_map(WayBack::remarks));
            told.extend(remarks(&next.release, rollout, observed, &next));
            let begins = !back && rollout.is_none_or(Rollout::is_over);
            let rounding = if begins { ratio::rounding(&next) } else { Vec::new() };
            told.extend(rounding.iter().cloned());
            let room = observed.map(|o| room::preview(&next, o, &actions)).unwrap_or_default();
            told.extend(room.iter().cloned());
            told.extend(stamps(&actions));
            Preview { changes, actions, preconditions, remarks: told, room, rounding, way_back, refusal: None }
        }
    }
}

impl View {
    /// What an order would do, from what is in memory.
    pub fn preview(&self, order: &Order) -> Preview {
        let mut preview = preview(&self.release, self.rollout.as_ref(), self.observed.as_deref(), order, self.now);
        if let (Command::TakeOver, Driver::Other { holder, seen }) = (&order.command, &self.driver) {
            let who = format!("{holder} drives it, and its Lease was seen renewed {seen} ago");
            preview.remarks.insert(0, format!("{who}: it is told who took over, and stops; its last write may still land"));
        }
        preview.remarks.extend(self.load(order));
        preview
    }
}

impl View {
    /// What an order that gives the candidate more traffic means for each of its pods.
    fn load(&self, order: &Order) -> Vec<String> {
        let Some(observed) = self.observed.as_ref().filter(|_| !matches!(order.command, Command::Scale { .. })) else { return Vec::new() };
        let Ok(next) = after(&self.release, self.rollout.as_ref(), Some(observed), order, self.now) else { return Vec::new() };
        let weight = match &order.command {
            Command::SetWeight(weight) => *weight,
            _ => next.planned_weight(),
        };
        let now = next.release.components.iter().filter_map(|c| observed.route(&c.name)).map(|f| f.percent()).max().unwrap_or(0);
        if next.is_back() || next.is_over() || weight.percent() <= now {
            return Vec::new();
        }
        load::told(&next, observed, &self.judgement, weight)
    }
}

/// The run as the order would leave it.
///
/// # Errors
/// The refusal that the order would meet.
pub fn after(
    release: &Release,
    rollout: Option<&Rollout>,
    observed: Option<&Observed>,
    order: &Order,
    now: Now,
) -> Result<Rollout, Refusal> {
    let running = rollout.filter(|r| !r.is_over());
    let birth = Birth { id: &order.id, actor: &order.actor, now };
    let need = || observed.ok_or(Refusal::NotNow { what: "the cluster has not been read yet".to_owned() });
    match (&order.command, running) {
        (Command::Start { images, cause }, None) => match orient::turned(release, need()?) {
            Some((release, observed)) => start::start(&release, &observed, images, cause.as_deref(), birth),
            None => start::start(release, need()?, images, cause.as_deref(), birth),
        },
        (Command::Undo { component, revision }, None) => start::undo(release, need()?, component.as_deref(), *revision, birth),
        (Command::Scale { .. }, _) => match observed.filter(|_| running.is_none()).and_then(|o| orient::turned(release, o)) {
            Some((release, observed)) => scale::scale(&release, rollout, Some(&observed), order, now),
            None => scale::scale(release, rollout, observed, order, now),
        },
        (_, Some(running)) => command(running, observed, order, now),
        // A finished run can still be taken back, unless its objects have moved on since.
        (Command::RollBack, None) => match rollout.filter(|r| r.phase == Phase::Completed && !has_moved_on(r, observed)) {
            Some(done) => command(done, observed, order, now),
            None => match orient::turned(release, need()?) {
                Some((release, observed)) => rollback::undeclared(&release, &observed, birth),
                None => rollback::undeclared(release, need()?, birth),
            },
        },
        (_, None) => Err(Refusal::NoRollout),
    }
}

/// Whether what a finished run brought is no longer what runs, or it was none: then its record is not what to go back to.
pub(super) fn has_moved_on(done: &Rollout, observed: Option<&Observed>) -> bool {
    let switched = matches!(done.release.strategy, Strategy::BlueGreen(_));
    let workloads =
        |name: &str| observed.and_then(|o| o.components.get(name)).into_iter().flat_map(|c| c.stable.iter().chain(&c.candidate));
    done.is_blank()
        || done.release.components.iter().any(|c| {
            let serves = if switched { c.candidate.as_ref() } else { Some(&c.stable) };
            let runs = workloads(&c.name).find(|w| Some(&w.name) == serves);
            let brought = done.targets.get(&c.name).map_or(&[][..], |t| &t.images);
            runs.is_some_and(|w| !super::needs::image_changes(w, brought).is_empty())
        })
}

/// What somebody else changed, and what each choice would do, where an order is one of the choices.
fn foreign(rollout: Option<&Rollout>, observed: Option<&Observed>, order: &Order, now: Now) -> Vec<String> {
    let (Some(rollout), Some(observed)) = (rollout, observed) else { return Vec::new() };
    match order.command {
        Command::AcceptDrift | Command::Resume => choices(rollout, observed, order, now),
        _ => Vec::new(),
    }
}

/// The writes of the first step that follows.
pub(super) fn writes(next: &Rollout, observed: Option<&Observed>) -> Vec<(Action, Precondition)> {
    if matches!(next.phase, Phase::RollingBack { .. }) {
        let decided = observed.map(|o| super::decide(next, o, &Default::default(), Now { mono: Default::default(), wall: next.entered }));
        return decided.map_or_else(|| rollback::first_moves(next, None), |d| d.actions);
    }
    let Some(observed) = observed else { return Vec::new() };
    // Steps that end at once are passed over, as they will be: a promotion skips the approval that it was given in.
    let now = Now { mono: Default::default(), wall: next.entered };
    let mut passed = next.clone();
    let needs = super::decide::pass_over(&mut passed, observed, &Judgement::default(), missing(next, observed), now);
    let acts =
        needs.into_iter().filter_map(|n| if let Need::Act(_, action, precondition) = n { Some((action, precondition)) } else { None });
    let acts: Vec<_> = acts.collect();
    // Who would put them back is stopped first.
    let before = if acts.is_empty() { Vec::new() } else { auto_sync::due(&passed, observed) };
    before.into_iter().chain(acts).collect()
}

/// What is not scaled down when its time is over: whoever owns its replicas says how many there are.
fn kept_by_autoscalers(next: &Rollout, observed: &Observed) -> Vec<String> {
    let left = match next.release.strategy {
        Strategy::Canary(_) => Track::Candidate,
        Strategy::BlueGreen(_) => Track::Stable,
        Strategy::Rolling(_) | Strategy::ArgoRollout => return Vec::new(),
    };
    let one = |name: &String| {
        let w = observed.workload(name, left)?;
        let hpa = w.hpa.as_ref()?;
        Some(format!("{name}: autoscaler {} owns the replicas of {}: its pods stay afterwards", hpa.name, w.name))
    };
    next.targets.keys().filter_map(one).collect()
}

/// Whatever is written to a Deployment leaves the stamp beside it.
fn stamps(actions: &[Action]) -> Option<String> {
    let stamped = |a: &Action| {
        matches!(a, Action::Scale { .. } | Action::SetImages { .. } | Action::SetPaused { .. } | Action::Clone { .. } | Action::Undo { .. })
    };
    actions.iter().any(stamped).then(|| format!("also written to each Deployment: its annotation {STAMP}"))
}

/// Who else manages the objects, each once.
fn owners(observed: Option<&Observed>) -> Vec<&Owner> {
    let mut all: Vec<&Owner> = Vec::new();
    for owner in observed.iter().flat_map(|o| o.components.values()).flat_map(|c| &c.owners) {
        if !all.contains(&owner) {
            all.push(owner);
        }
    }
    all
}

fn remarks(release: &Release, rollout: Option<&Rollout>, observed: Option<&Observed>, next: &Rollout) -> Vec<String> {
    let mut lines = Vec::new();
    if matches!(next.phase, Phase::RollingBack { .. }) {
        // Of one object that turns, what is ready is of both versions.
        if !next.release.strategy.is_in_place() {
            lines.extend(observed.map(|o| guard::stable_can_take(release, rollout, o)).unwrap_or_default());
        }
        if next.release.keep > Default::default() && matches!(next.release.strategy, Strategy::Canary(_)) {
            lines.push(format!("candidate pods stay {} for the post-mortem", next.release.keep));
        }
        let told = owners(observed).into_iter().filter(|o| matches!(o.reverts, Reverts::AtOnce | Reverts::Every(_)));
        let paused = |o: &&Owner| observed.is_some_and(|seen| auto_sync::pauses(next, seen, o));
        let told = told.filter(|o| !paused(o));
        lines.extend(told.filter_map(|o| Some(format!("{o}; to stop that: {}", o.how_to_stop()?))));
        lines.extend(observed.map(|o| auto_sync::remarks(next, o)).unwrap_or_default());
    } else if rollout.is_none_or(Rollout::is_over) {
        // What is written besides the release's own objects comes first.
        lines.extend(observed.map(|o| auto_sync::remarks(next, o)).unwrap_or_default());
        let testers = next.release.components.iter().filter_map(|c| Some((&c.name, c.testers.as_ref()?)));
        lines.extend(testers.map(|(name, t)| format!("{name}: testers ({t}) meet the candidate once it is ready, until it gets 100 %")));
        lines.extend(next.release.notices().into_iter().map(str::to_owned));
        lines.push(format!("plan: {}", next.plan.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ")));
        let argo = observed.iter().flat_map(|o| &o.components).filter_map(|(name, c)| Some((name, c.stable.as_ref()?.argo.as_ref()?)));
        lines.extend(argo.filter_map(|(name, argo)| Some(format!("{name}: Argo Rollouts walks {}", argo.walk()?))));
        lines.extend(owners(observed).iter().map(|o| format!("also managed: {o}")));
        lines.extend(observed.iter().flat_map(|o| &o.unlisted).map(ToString::to_string));
        lines.extend(observed.into_iter().flat_map(|o| kept_by_autoscalers(next, o)));
        if release.gates.is_empty() {
            lines.push("no gates: holds are timers, nothing is judged".to_owned());
        }
        if release.prometheus.is_none() {
            let places: Vec<&str> = std::iter::once(release.namespace.as_str()).chain(MONITORING).collect();
            lines.push(format!("no metrics: no Prometheus is declared, and none was seen in {}", places.join(", ")));
        }
    }
    if let Some(observed) = observed {
        lines.extend(record::behind(observed, next));
        let blind = |c: &ComponentObserved| c.stable.iter().chain(&c.candidate).any(|w| w.hpa_unknown);
        lines
            .extend(observed.components.iter().filter(|(_, c)| blind(c)).map(|(name, _)| format!("{name}: {}", super::needs::HPA_UNKNOWN)));
        lines.extend(observed.notes());
    }
    lines
}
