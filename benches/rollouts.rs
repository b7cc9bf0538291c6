//! Whole rollouts by the engine alone: every decision from start to end, pods that are ready at once, holds jumped over.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use cutover::domain::action::Action;
use cutover::domain::command::{Command, Order};
use cutover::domain::observed::{ComponentObserved, Observed, Workload};
use cutover::domain::release::{Release, Stage, Strategy, Track};
use cutover::domain::rollout::{Phase, Rollout};
use cutover::domain::step::Step;
use cutover::domain::time::{Millis, Now};
use cutover::domain::verdict::{Judgement, Verdict};
use cutover::engine::decide::LONGEST_GAP;
use cutover::engine::{decide, preview};

use crate::fixture;

/// More decisions than any of these rollouts takes.
const ENOUGH: usize = 500;

struct Walk {
    release: Release,
    observed: Observed,
    judgement: Judgement,
    now: Now,
}

impl Walk {
    fn new(components: &[&str]) -> Walk {
        let mut release = fixture::release(components);
        if let Strategy::Canary(canary) = &mut release.strategy {
            for stage in &mut canary.steps {
                if let Stage::Weight { hold, .. } = stage {
                    *hold = LONGEST_GAP;
                }
            }
        }
        release.keep = Millis::ZERO;
        let judgement = fixture::judgement(components, Verdict::Healthy);
        Walk { release, observed: fixture::observed(components, 0), judgement, now: fixture::now() }
    }

    fn pass(&mut self, time: Millis) {
        self.now.mono = self.now.mono.plus(time);
        self.now.wall += jiff::SignedDuration::from_millis(time.0 as i64);
        self.observed.at = self.now.wall;
    }

    fn order(&self, run: Option<&Rollout>, command: Command) -> Rollout {
        let order = Order { id: "o".into(), command, actor: "ada".into(), at: self.now.wall, mark: None };
        preview::after(&self.release, run, Some(&self.observed), &order, self.now).unwrap()
    }

    /// From start to end; answers with the decisions it took.
    fn go(mut self) -> usize {
        let mut run = self.order(None, Command::Start { images: Default::default(), cause: None });
        for n in 1..ENOUGH {
            let decision = decide(&run, &self.observed, &self.judgement, self.now);
            run = decision.rollout;
            if matches!(run.phase, Phase::Completed) {
                return n;
            }
            let waits = decision.actions.is_empty();
            decision.actions.iter().for_each(|(action, _)| apply(&mut self.observed, action));
            if waits && matches!(run.step(), Some(Step::Approve(_))) {
                run = self.order(Some(&run), Command::Approve);
            }
            self.pass(if waits { LONGEST_GAP } else { Millis(100) });
        }
        panic!("it does not end: {}, step {:?}, {:?}", run.phase, run.step(), run.waiting);
    }
}

fn apply(observed: &mut Observed, action: &Action) {
    let seen = observed.components.get_mut(action.component()).unwrap();
    match action {
        Action::Route { weight, .. } => {
            let route = seen.route.as_mut().unwrap();
            (route.stable, route.candidate) = route.parts(*weight);
        }
        Action::Scale { target, to, .. } => {
            let w = side(seen, target.track);
            (w.replicas, w.current, w.updated, w.ready, w.available, w.ready_addresses) = (*to, *to, *to, *to, *to, *to);
        }
        Action::SetImages { target, images, .. } => {
            let w = side(seen, target.track);
            images.iter().for_each(|i| w.containers[i.index].image.clone_from(&i.to));
        }
        other => panic!("not a part of this walk: {other}"),
    }
}

fn side(seen: &mut ComponentObserved, track: Track) -> &mut Workload {
    if track == Track::Stable { seen.stable.as_mut().unwrap() } else { seen.candidate.as_mut().unwrap() }
}

pub fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine");
    group.throughput(Throughput::Elements(1));
    for components in [&["backend"][..], &["backend", "frontend"]] {
        let decisions = Walk::new(components).go();
        let name = format!("a rollout of {} component(s), {decisions} decisions", components.len());
        group.bench_function(name, |b| {
            b.iter_batched(|| Walk::new(components), |walk| black_box(walk.go()), criterion::BatchSize::SmallInput)
        });
    }
    group.finish();
}
