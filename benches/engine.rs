//! One decision.

use std::hint::black_box;

use criterion::Criterion;
use cutover::domain::command::{Command, Order};
use cutover::domain::time::Millis;
use cutover::engine::{decide, preview};

use crate::fixture::{holding, now};

pub fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine");
    let view = holding(&["backend", "frontend"]);
    let (rollout, observed) = (view.rollout.unwrap(), view.observed.unwrap());
    let mut present = now();
    group.bench_function("decide/hold", |b| {
        b.iter(|| {
            present.mono = present.mono.plus(Millis(1));
            decide(black_box(&rollout), black_box(&*observed), black_box(&view.judgement), present)
        });
    });
    let back = Order { id: "back".into(), command: Command::RollBack, actor: "ada".into(), at: now().wall, mark: None };
    let rolling = preview::after(&view.release, Some(&rollout), Some(&observed), &back, now()).unwrap();
    group.bench_function("decide/rollback", |b| {
        b.iter(|| decide(black_box(&rolling), black_box(&*observed), black_box(&view.judgement), present));
    });
    group.finish();
}
