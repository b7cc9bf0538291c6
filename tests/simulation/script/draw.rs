//! A script from a seed: every class of trouble is switched off with probability one half, so that rare ones meet in quiet.

use cutover::domain::command::Command;
use cutover::domain::release::Track;
use cutover::domain::time::Millis;
use cutover::domain::weight::Weight;
use cutover::sim::kernel::rng::Rng;

use super::later::later;
use super::{Fault, Happening, Script, Shape};
use crate::world::{Nature, WHOLE};

/// Until when something may happen.
pub const TROUBLE: Millis = Millis::secs(150);
/// Requests that may meet a fault: about as many as are sent until then.
const REQUESTS: u64 = 600;

impl Script {
    pub fn draw(seed: u64) -> Script {
        let mut rng = Rng::new(seed).fork("script");
        let mut script = Script::quiet(seed, Shape::ALL[rng.below(Shape::FIRST as u64) as usize]);
        script.nature = match rng.below(10) {
            0 => Nature { bad: true, broken: false },
            1 => Nature { bad: false, broken: true },
            _ => Nature::default(),
        };
        script.total = [100, 100, 1000, 50][rng.below(4) as usize];
        script.approver = rng.below(8) > 0;
        script.resumer = rng.below(2) == 0;
        script.second = rng.below(3) == 0;
        script.watcher = rng.below(12) == 0;
        let late = [9_000, 40_000, 90_000][rng.below(3) as usize];
        script.git = (rng.below(5) == 0).then(|| Millis(1_000 + rng.below(late)));
        script.git_holds = [0, 0, 20, 100][rng.below(4) as usize];
        if rng.below(2) == 0 {
            script.skew = [0; 3].map(|_: i64| rng.below(40_001) as i64 - 20_000);
        }
        // Much at once finds one thing, little at a time another: a law is not asked where something excuses what breaks it.
        let calm = [2, 2, 4, 8][rng.below(4) as usize];
        for class in CLASSES {
            let on = rng.below(calm) == 0;
            for _ in 0..if on { 1 + rng.below(2) } else { 0 } {
                let at = Millis(1_000 + rng.below(TROUBLE.0));
                class(&mut Dice { rng: &mut rng, at, script: &mut script });
            }
        }
        later(seed, &mut script);
        script.happenings.sort_by_key(|(at, _)| *at);
        draw_faults(&mut rng, calm, &mut script);
        script
    }

    /// Nothing happens but what people want.
    pub fn quiet(seed: u64, shape: Shape) -> Script {
        Script {
            seed,
            shape,
            nature: Nature::default(),
            total: 100,
            approver: true,
            resumer: false,
            second: false,
            watcher: false,
            git: None,
            git_holds: 0,
            application: None,
            skew: [0; 3],
            stands_still: false,
            morning: false,
            happenings: vec![],
            faults: Default::default(),
        }
    }
}

/// A draw of one happening.
struct Dice<'a> {
    rng: &'a mut Rng,
    at: Millis,
    script: &'a mut Script,
}

impl Dice<'_> {
    fn push(&mut self, what: Happening) {
        self.push_later(Millis::ZERO, what);
    }

    fn push_later(&mut self, later: Millis, what: Happening) {
        self.script.happenings.push((self.at.plus(later), what));
    }

    fn who(&mut self) -> usize {
        let writers = 1 + usize::from(self.script.second);
        self.rng.below(writers as u64) as usize
    }

    fn part(&mut self) -> usize {
        let parts = if self.script.shape == Shape::Pair { 2 } else { 1 };
        self.rng.below(parts) as usize
    }

    fn track(&mut self) -> Track {
        if self.rng.below(2) == 0 { Track::Stable } else { Track::Candidate }
    }

    fn span(&mut self, most: u64) -> Millis {
        Millis::secs(1 + self.rng.below(most))
    }
}

type Class = fn(&mut Dice<'_>);

/// The classes of what other people, clocks, pods and Prometheus do.
const CLASSES: &[Class] = &[
    orders,
    rollback,
    kill,
    leave,
    sleep,
    jump,
    disk,
    lease,
    meddle,
    churn,
    drop_route,
    drop_candidate,
    scale,
    scaler,
    image,
    record,
    limp,
    metrics,
    goes_bad,
];

fn orders(d: &mut Dice<'_>) {
    for _ in 0..2 {
        let command = match d.rng.below(9) {
            0 | 1 => Command::Advance,
            2 => Command::StepBack,
            3 => Command::SetWeight(Weight::capped([5, 20, 40, 60, 80][d.rng.below(5) as usize])),
            4 => Command::Pause,
            5 | 6 => Command::Resume,
            7 => Command::Promote,
            _ => Command::Approve,
        };
        let (who, stale) = (d.who(), d.rng.below(3) == 0);
        let later = Millis(d.rng.below(20_000));
        d.push_later(later, Happening::Order { who, command: command.clone(), stale });
        if d.rng.below(4) == 0 {
            // A key that repeats.
            d.push_later(later.plus(Millis(80)), Happening::Order { who, command, stale: true });
        }
    }
}

fn rollback(d: &mut Dice<'_>) {
    if d.rng.below(2) == 0 {
        let (who, command) = (d.who(), if d.rng.below(4) == 0 { Command::Reject } else { Command::RollBack });
        let stale = d.rng.below(2) == 0;
        d.push(Happening::Order { who, command, stale });
    }
}

fn kill(d: &mut Dice<'_>) {
    let (who, for_) = (d.who(), d.span(40));
    d.push(Happening::Kill { who, for_ });
}

fn leave(d: &mut Dice<'_>) {
    let (who, for_) = (d.who(), d.span(40));
    d.push(Happening::Leave { who, for_ });
}

fn sleep(d: &mut Dice<'_>) {
    let (who, for_) = (d.who(), d.span(60));
    d.push(Happening::Sleep { who, for_ });
}

fn jump(d: &mut Dice<'_>) {
    let (who, by) = (d.who(), [-3_600_000, -20_000, 20_000, 3_600_000][d.rng.below(4) as usize]);
    d.push(Happening::Jump { who, by });
}

fn disk(d: &mut Dice<'_>) {
    let (who, for_) = (d.who(), d.span(30));
    d.push(Happening::DiskFull { who, for_ });
}

fn lease(d: &mut Dice<'_>) {
    if d.rng.below(3) == 0 {
        let (who, for_) = (d.who(), d.span(60));
        d.push(Happening::LeaseDown { who, for_ });
    }
}

fn meddle(d: &mut Dice<'_>) {
    if d.rng.below(3) == 0 {
        let (part, weight) = (d.part(), [0, 5, 30, 100][d.rng.below(4) as usize]);
        d.push(Happening::Meddle { part, weight });
    }
}

fn churn(d: &mut Dice<'_>) {
    let part = d.part();
    for _ in 0..5 {
        let later = Millis(d.rng.below(10_000));
        d.push_later(later, Happening::Churn { part });
    }
}

fn drop_route(d: &mut Dice<'_>) {
    if d.rng.below(3) == 0 {
        let (part, later) = (d.part(), d.span(30));
        d.push(Happening::DropRoute { part });
        d.push_later(later, Happening::RestoreRoute { part });
    }
}

fn drop_candidate(d: &mut Dice<'_>) {
    if d.rng.below(6) == 0 {
        let part = d.part();
        d.push(Happening::DropCandidate { part });
    }
}

fn scale(d: &mut Dice<'_>) {
    if d.rng.below(3) == 0 {
        let (part, track, to) = (d.part(), d.track(), 1 + d.rng.below(u64::from(WHOLE)) as u32);
        d.push(Happening::Scale { part, track, to });
    }
}

fn scaler(d: &mut Dice<'_>) {
    if d.rng.below(4) == 0 {
        let (part, track) = (d.part(), d.track());
        d.push(Happening::Scaler { part, track });
    }
}

fn image(d: &mut Dice<'_>) {
    if d.rng.below(5) == 0 {
        let (part, track) = (d.part(), d.track());
        let what = if d.rng.below(3) == 0 { Happening::Unpause { part } } else { Happening::Image { part, track } };
        d.push(what);
    }
}

fn record(d: &mut Dice<'_>) {
    if d.rng.below(5) == 0 {
        let what = if d.rng.below(3) > 0 { Happening::DropRecord } else { Happening::DamageRecord };
        d.push(what);
    }
}

fn limp(d: &mut Dice<'_>) {
    let (n, later) = (1 + d.rng.below(u64::from(WHOLE)) as u32, d.span(20));
    d.push(Happening::Limp(n));
    d.push_later(later, Happening::Limp(0));
}

fn metrics(d: &mut Dice<'_>) {
    let later = d.span(60);
    match d.rng.below(3) {
        0 => {
            d.push(Happening::MetricsDown(true));
            d.push_later(later, Happening::MetricsDown(false));
        }
        1 => {
            d.push(Happening::OneArm(true));
            d.push_later(later, Happening::OneArm(false));
        }
        _ => d.push(Happening::CountersReset),
    }
}

fn goes_bad(d: &mut Dice<'_>) {
    if d.rng.below(4) == 0 {
        d.push(Happening::GoesBad);
    }
}

/// One in so many requests of a class meets its fault.
fn draw_faults(rng: &mut Rng, calm: u64, script: &mut Script) {
    let classes: [fn(&mut Rng) -> Fault; 9] = [
        |_| Fault::Refused(409),
        |rng| Fault::Refused([429, 429, 500, 503][rng.below(4) as usize]),
        |rng| Fault::Refused([401, 403, 422][rng.below(3) as usize]),
        |_| Fault::Never,
        |_| Fault::Lost,
        |rng| Fault::Late(Millis(1_000 + rng.below(59_000))),
        |rng| Fault::Twice(Millis(50 + rng.below(8_000))),
        |rng| Fault::Slow(Millis(500 + rng.below(4_400))),
        |rng| if rng.below(2) == 0 { Fault::KilledBefore } else { Fault::KilledAfter },
    ];
    for (n, class) in classes.iter().enumerate() {
        if rng.below(calm) > 0 {
            continue;
        }
        // Up to one request in ten; deaths are rarer.
        let every = if n == 8 { 150 + rng.below(300) } else { 10 + rng.below(120) };
        let mut at = rng.below(every * 2);
        while at < REQUESTS {
            let fault = class(rng);
            script.faults.insert(at, fault);
            at += 1 + rng.below(every * 2);
        }
    }
}
