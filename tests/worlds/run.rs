//! One script on one world.

use cutover::domain::observed::{Observed, Workload};
use cutover::domain::port::{Haste, LeaseOutcome, StoreOutcome};
use cutover::domain::route::Acceptance;
use cutover::driver::core::io::{Call, Reply};
use serde_json::Value;

use super::hand::Hand;
use super::layout::Layout;
use super::normal::Normal;
use super::plan::{Deed, Told};
use super::script::{Script, Step};

/// A world that takes requests.
pub trait Side {
    /// Answers.
    async fn ask(&mut self, call: Call) -> Reply;
    /// Somebody else does something.
    async fn hand(&mut self, hand: &Hand, component: &str, seen: Option<&Observed>) -> Result<(), String>;
    /// Lets a little time pass; `false` when patience is at its end.
    async fn pass(&mut self) -> bool;
}

/// What was answered to one step.
#[derive(Debug)]
pub struct Answer {
    /// In words.
    pub seen: Value,
    /// Why it is not what the script says.
    pub slip: Option<String>,
}

/// Plays a script. Where a world cannot go on, its last answer says why.
pub async fn play(script: &Script, layout: Layout, namespace: &str, side: &mut impl Side) -> Vec<Answer> {
    let mut told = Told::new(layout, layout.release(namespace));
    let (mut normal, mut answers) = (Normal::default(), Vec::new());
    for step in &script.steps {
        match act(step, &mut told, side).await {
            Ok((reply, at_rest)) => {
                let seen = reply.map_or(Value::Null, |reply| normal.reply(&reply, at_rest));
                let slip = step.then.as_ref().filter(|then| seen.as_str() != Some(then)).map(|then| format!("{seen} instead of {then}"));
                answers.push(Answer { seen, slip });
            }
            Err(why) => {
                answers.push(Answer { seen: format!("stuck: {why}").into(), slip: Some(why) });
                break;
            }
        }
    }
    answers
}

async fn act(step: &Step, told: &mut Told, side: &mut impl Side) -> Result<(Option<Reply>, bool), String> {
    let (reply, at_rest) = match told.deed(step)? {
        Deed::Hand(hand) => {
            side.hand(&hand, step.component(), told.newest.as_ref()).await?;
            return Ok((None, false));
        }
        Deed::Turn => {
            told.turn()?;
            return Ok((None, false));
        }
        Deed::Call(call) => (side.ask(*call).await, false),
        Deed::Look { at_rest: true, .. } => (rest(told, side).await?, true),
        Deed::Look { at_rest: false, haste } => (side.ask(told.observe(haste)).await, false),
    };
    remember(step, told, &reply);
    Ok((Some(reply), at_rest))
}

fn remember(step: &Step, told: &mut Told, reply: &Reply) {
    let version = match reply {
        Reply::Observed(Ok(seen)) => {
            told.newest = Some(Observed::clone(seen));
            told.looks.extend(step.name.iter().map(|name| (name.clone(), Observed::clone(seen))));
            None
        }
        Reply::Stored(StoreOutcome::Stored { version }) => told.record.insert(version.clone()).clone().into(),
        Reply::Loaded(Ok(Some(stored))) => told.record.insert(stored.version.clone()).clone().into(),
        Reply::Leased(LeaseOutcome::Taken { version, .. }) => Some(version.clone()),
        _ => None,
    };
    told.versions.extend(step.name.clone().zip(version));
}

/// Waits until the controllers have nothing left to do, and nothing moved between two looks.
pub async fn rest(told: &Told, side: &mut impl Side) -> Result<Reply, String> {
    let mut before: Option<Observed> = None;
    loop {
        let reply = side.ask(told.observe(Haste::Waited)).await;
        let Reply::Observed(Ok(seen)) = &reply else {
            // A busy machine may answer late.
            if side.pass().await {
                continue;
            }
            return Ok(reply);
        };
        let same = before.as_ref().is_some_and(|before| before.components == seen.components);
        if same && is_at_rest(seen) {
            return Ok(reply);
        }
        let now = Observed::clone(seen);
        if !side.pass().await {
            return Err(format!("it did not come to rest: {now:?}"));
        }
        before = Some(now);
    }
}

fn is_at_rest(seen: &Observed) -> bool {
    let calm = |w: &Workload| {
        let counts = w.current == w.replicas && w.ready == w.replicas && w.available == w.replicas && w.ready_addresses == w.ready;
        let turned = w.paused || (w.updated == w.replicas && w.revisions.len() <= 4);
        let scaled = w.hpa.as_ref().is_none_or(|h| w.replicas == 0 || (h.current == w.replicas && (h.min..=h.max).contains(&w.replicas)));
        w.observed_generation >= w.generation && counts && turned && scaled && w.template_hash.is_some()
    };
    seen.components.values().all(|part| {
        let taken = !matches!(part.route.as_ref().map(|facts| &facts.accepted), Ok(Acceptance::Pending(_)));
        taken && [&part.stable, &part.candidate].into_iter().flatten().all(calm)
    })
}
