//! Classes of trouble that came later than the first ones. Each has dice of its own: what a seed was known for stays what it
//! was.

use cutover::domain::command::Command;
use cutover::domain::release::Track;
use cutover::domain::time::Millis;
use cutover::sim::kernel::rng::Rng;

use super::draw::TROUBLE;
use super::{Happening, Script, Shape};
use crate::world::argo::Rights;
use crate::world::{Illness, WHOLE, World};

/// All of them.
pub fn later(seed: u64, script: &mut Script) {
    argo(seed, script);
    sizes(seed, script);
    unseen(seed, script);
    script.stands_still = Rng::new(seed).fork("sleep").below(2) == 0;
    shape(seed, script);
    falls(seed, script);
    answers(seed, script);
    neighbours(seed, script);
    dismissals(seed, script);
    illnesses(seed, script);
    restarts(seed, script);
    quotas(seed, script);
    namespace(seed, script);
    script.morning = Rng::new(seed).fork("morning").below(3) == 0;
}

/// GitOps by an Application that is known, and somebody who switches its auto-sync on again. Drawn apart, so that what else
/// happens in a seed stays what it was.
fn argo(seed: u64, script: &mut Script) {
    let mut rng = Rng::new(seed).fork("argo");
    if script.git.is_none() || rng.below(3) == 0 {
        return;
    }
    script.application = Some([Rights::Yes, Rights::Yes, Rights::Refused, Rights::Known][rng.below(4) as usize]);
    if rng.below(3) == 0 {
        let at = Millis(1_000 + rng.below(TROUBLE.0));
        let who = rng.below(1 + u64::from(script.second)) as usize;
        script.happenings.push((at, Happening::Order { who, command: Command::RestoreSync, stale: false }));
    }
}

/// One of the release's components.
fn part(rng: &mut Rng, script: &Script) -> usize {
    rng.below(if script.shape == Shape::Pair { 2 } else { 1 }) as usize
}

/// In every sixth script people scale. They have dice of their own: what other seeds are known for stays where it was.
fn sizes(seed: u64, script: &mut Script) {
    let mut rng = Rng::new(seed).fork("sizes");
    if rng.below(6) > 0 {
        return;
    }
    let names: Vec<String> = script.shape.release().components.iter().map(|c| c.name.clone()).collect();
    for _ in 0..1 + rng.below(3) {
        let at = Millis(1_000 + rng.below(TROUBLE.0));
        let component = names.get(rng.below(names.len() as u64) as usize).cloned();
        let track = if rng.below(3) == 0 { Track::Candidate } else { Track::Stable };
        let command = Command::Scale { component, track, replicas: rng.below(2 * u64::from(WHOLE)) as u32 };
        let who = rng.below(1 + u64::from(script.second)) as usize;
        script.happenings.push((at, Happening::Order { who, command, stale: rng.below(3) == 0 }));
    }
}

/// In every sixth script a route cannot be read for a while. They have dice of their own, too.
fn unseen(seed: u64, script: &mut Script) {
    let mut rng = Rng::new(seed).fork("unseen");
    if rng.below(6) > 0 {
        return;
    }
    for _ in 0..1 + rng.below(2) {
        let (at, for_) = (Millis(1_000 + rng.below(TROUBLE.0)), Millis::secs(1 + rng.below(60)));
        script.happenings.push((at, Happening::Unseen { part: part(&mut rng, script), for_ }));
    }
}

/// In every sixth script pods of the new version fall.
fn falls(seed: u64, script: &mut Script) {
    let mut rng = Rng::new(seed).fork("falls");
    if rng.below(6) > 0 {
        return;
    }
    let at = Millis(1_000 + rng.below(TROUBLE.0));
    script.happenings.push((at, Happening::Fall(1 + rng.below(u64::from(WHOLE)) as u32)));
    script.happenings.push((at.plus(Millis::secs(1 + rng.below(60))), Happening::Fall(0)));
}

/// In every fifth script people order what is rarer: to accept what somebody else did, to take the run over, to undo, to begin
/// another one.
fn answers(seed: u64, script: &mut Script) {
    let mut rng = Rng::new(seed).fork("answers");
    if rng.below(5) > 0 {
        return;
    }
    for _ in 0..1 + rng.below(3) {
        let at = Millis(1_000 + rng.below(TROUBLE.0));
        let command = match rng.below(6) {
            0 | 1 => Command::AcceptDrift,
            2 | 3 => Command::TakeOver,
            4 => Command::Undo { component: None, revision: 0 },
            _ => Command::Start { images: World::all(&script.shape.release(), &World::next()), cause: None },
        };
        let who = rng.below(1 + u64::from(script.second)) as usize;
        script.happenings.push((at, Happening::Order { who, command, stale: rng.below(4) == 0 }));
    }
}

/// In every sixth script somebody has a route of their own to the candidate for a while, or other routes cannot be listed.
fn neighbours(seed: u64, script: &mut Script) {
    let mut rng = Rng::new(seed).fork("neighbours");
    if rng.below(6) > 0 {
        return;
    }
    let part = part(&mut rng, script);
    let at = Millis(1_000 + rng.below(TROUBLE.0));
    script.happenings.push((at, Happening::Neighbour { part, stands: true }));
    if rng.below(2) == 0 {
        script.happenings.push((at.plus(Millis::secs(1 + rng.below(60))), Happening::Neighbour { part, stands: false }));
    }
    if rng.below(2) == 0 {
        let (at, for_) = (Millis(1_000 + rng.below(TROUBLE.0)), Millis::secs(1 + rng.below(60)));
        script.happenings.push((at, Happening::Unlisted { part, for_ }));
    }
}

/// In every sixth script something is wrong with the candidate's series for a while.
fn illnesses(seed: u64, script: &mut Script) {
    let mut rng = Rng::new(seed).fork("illnesses");
    if rng.below(6) > 0 {
        return;
    }
    let illness = [Illness::NotANumber, Illness::Stops, Illness::Twice][rng.below(3) as usize];
    let at = Millis(1_000 + rng.below(TROUBLE.0));
    script.happenings.push((at, Happening::Ill(Some(illness))));
    script.happenings.push((at.plus(Millis::secs(1 + rng.below(60))), Happening::Ill(None)));
}

/// In every sixth script somebody restarts the candidate.
fn restarts(seed: u64, script: &mut Script) {
    let mut rng = Rng::new(seed).fork("restarts");
    if rng.below(6) == 0 {
        script.happenings.push((Millis(1_000 + rng.below(TROUBLE.0)), Happening::Restart { part: part(&mut rng, script) }));
    }
}

/// In every sixth script a quota leaves room for few more pods, or for none; mostly for a while.
fn quotas(seed: u64, script: &mut Script) {
    let mut rng = Rng::new(seed).fork("quotas");
    if rng.below(6) > 0 {
        return;
    }
    let parts = script.shape.release().components.len() as u32;
    let (at, hard) = (Millis(1_000 + rng.below(TROUBLE.0)), parts * WHOLE + rng.below(u64::from(parts * WHOLE)) as u32);
    script.happenings.push((at, Happening::Quota(Some(hard))));
    if rng.below(4) > 0 {
        script.happenings.push((at.plus(Millis::secs(1 + rng.below(60))), Happening::Quota(None)));
    } else if rng.below(2) == 0 {
        // What is to be taken back then needs pods that the candidate's leave no room for.
        let part = part(&mut rng, script);
        let (deployed, back) = (at.plus(Millis::secs(1 + rng.below(30))), at.plus(Millis::secs(31 + rng.below(30))));
        script.happenings.push((deployed, Happening::Image { part, track: Track::Stable }));
        script.happenings.push((back, Happening::Order { who: 0, command: Command::RollBack, stale: false }));
    }
}

/// In every sixteenth script somebody deletes the namespace.
fn namespace(seed: u64, script: &mut Script) {
    let mut rng = Rng::new(seed).fork("namespace");
    if rng.below(16) == 0 {
        script.happenings.push((Millis(1_000 + rng.below(TROUBLE.0)), Happening::Namespace));
    }
}

/// In every third script with testers somebody takes their rule away, and in every third rolling one somebody resumes it.
fn dismissals(seed: u64, script: &mut Script) {
    let mut rng = Rng::new(seed).fork("dismissals");
    let what = match script.shape {
        Shape::Testers => Happening::Dismiss { part: 0 },
        Shape::Rolling => Happening::Unpause { part: 0 },
        _ => return,
    };
    for _ in 0..if rng.below(3) == 0 { 1 + rng.below(2) } else { 0 } {
        script.happenings.push((Millis(1_000 + rng.below(TROUBLE.0)), what.clone()));
    }
}

/// Every fourth script is of a shape that the first dice do not know.
fn shape(seed: u64, script: &mut Script) {
    let mut rng = Rng::new(seed).fork("shape");
    if rng.below(4) == 0 {
        let more = Shape::ALL.get(Shape::FIRST..).unwrap_or_default();
        script.shape = more.get(rng.below(more.len() as u64) as usize).copied().unwrap_or(script.shape);
    }
}
