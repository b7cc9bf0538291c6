//! The candidate's pods after the traffic has left them: which of them go, and why others stay.

use crate::domain::action::{Action, Precondition};
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::observed::Observed;
use crate::domain::release::{Strategy, Track};
use crate::domain::rollout::Rollout;
use crate::domain::route::RouteProblem;
use crate::domain::text::SafeText;

use super::rollback::as_target;

/// Scale-downs of the candidates. Blue-green keeps the other colour: it is where the next release goes.
pub(super) fn leftovers(r: &Rollout, observed: &Observed) -> Vec<(Action, Precondition)> {
    if !matches!(r.release.strategy, Strategy::Canary(_)) {
        return Vec::new();
    }
    let gone = |name: &String| {
        let seen = observed.components.get(name)?;
        let candidate = seen.candidate.as_ref()?;
        let busy = seen.past().is_some() || seen.route.as_ref().map_or_else(RouteProblem::may_send, |f| f.candidate != 0);
        let busy = busy && !mutant(Mutant::PodsBeforeTraffic);
        (candidate.replicas > 0 && candidate.hpa.is_none() && !busy).then(|| {
            let target = as_target(r, Track::Candidate, candidate);
            (Action::Scale { component: name.clone(), target, from: candidate.replicas, to: 0 }, Precondition::Value)
        })
    };
    r.targets.keys().filter_map(gone).collect()
}

/// Why pods do not go yet: something may still send to them, and it will be known.
pub(super) fn unread(actions: &[(Action, Precondition)], observed: &Observed) -> Option<String> {
    actions.iter().find_map(|(action, _)| {
        let name = action.component();
        Some(format!("{name}: {}", observed.components.get(name)?.beside.unread()?))
    })
}

/// Components whose candidate's pods stay after a canary, each with who sends to them.
pub(super) fn kept_for<'a>(r: &'a Rollout, observed: &'a Observed) -> impl Iterator<Item = (&'a String, SafeText)> {
    let canary = matches!(r.release.strategy, Strategy::Canary(_));
    r.targets.keys().filter(move |_| canary).filter_map(|name| {
        let seen = observed.components.get(name)?;
        let past = seen.past().filter(|_| seen.candidate.as_ref().is_some_and(|w| w.replicas > 0))?;
        Some((name, past))
    })
}

/// The same as the end of the last line: `; web: the candidate's pods stay, since … sends to them`.
pub fn stays(r: &Rollout, observed: &Observed) -> String {
    kept_for(r, observed).map(|(name, past)| format!("; {name}: the candidate's pods stay, since {past} sends to them")).collect()
}
