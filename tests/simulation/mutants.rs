//! Engines that are wrong in one way each. Every one has to break the law that is named for it, within the seeds that a change
//! is tested with: a simulation that misses one could miss the real mistake, too.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use cutover::domain::mutant::{Mutant, set};

use crate::script::Script;
use crate::seeds::play;
use crate::shrink::shrink;

/// Seeds within which each is caught.
fn within() -> u64 {
    std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(200_000)
}

/// Mistakes that come to light late, after thousands of seeds: all others together take seconds (`QUICK=1`, as CI plays them).
const LATE: &[Mutant] = &[Mutant::LateClockBelieved, Mutant::GuardsSleepAtApproval, Mutant::ComponentsApart];

/// The mistakes that are asked for: `ONLY=StaleLook`.
fn wanted(mutant: Mutant) -> bool {
    let quick = std::env::var_os("QUICK").is_some();
    !(quick && LATE.contains(&mutant))
        && std::env::var("ONLY").map_or(true, |only| only.split(',').any(|name| name == format!("{mutant:?}")))
}

/// Each mistake with the laws that may catch it.
///
/// The rules of the protocol that they break: P1 `NoVersion`, P2 `ConflictIsRefusal`, P3 `EpochKept`, P4 `NoStampAtTakeOver`,
/// P5 `NoFenceAfterUnknown`, P6 `StaleLook`, P7 `IntentAfterWrite`, P8 `PodsBeforeTraffic`, P9 `RetiredEarly`, P10 `UnservedStays`,
/// P11 `AllAtOnce`, P12 `DriftOverwritten`.
const ALL: &[(Mutant, &[&str])] = &[
    (Mutant::IntentAfterWrite, &["A1"]),
    (Mutant::WritesWithoutJournal, &["A3", "A1"]),
    (Mutant::OutcomeUnwritten, &["A1"]),
    (Mutant::DoubtIsHealth, &["T5"]),
    (Mutant::LateClockBelieved, &["T5"]),
    (Mutant::UnseenIsBack, &["T4", "V3"]),
    (Mutant::DoubtIsFailure, &["V1"]),
    (Mutant::GuardsSleepAtApproval, &["T5"]),
    (Mutant::SuspendCounts, &["C1"]),
    (Mutant::LeaseIgnored, &["C2"]),
    (Mutant::LeaseForEver, &["C2"]),
    (Mutant::LeaseKept, &["O3"]),
    (Mutant::EpochKept, &["C2"]),
    (Mutant::WatcherWrites, &["R1"]),
    (Mutant::PodsBeforeTraffic, &["T4"]),
    (Mutant::RaiseWithoutPods, &["T2"]),
    (Mutant::NoVersion, &["T3", "T6", "P12"]),
    (Mutant::ConflictIsRefusal, &["P2"]),
    (Mutant::UnknownIsDone, &["P5", "T3", "V3"]),
    (Mutant::NoFenceAfterUnknown, &["P5", "T3", "V3"]),
    (Mutant::NoStampAtTakeOver, &["P4"]),
    (Mutant::NoRollbackWhilePromoting, &["H2"]),
    (Mutant::RollbackForgotten, &["T3"]),
    (Mutant::StaleLook, &["C3"]),
    (Mutant::TargetDerivedAnew, &["V2"]),
    (Mutant::RetiredEarly, &["P9"]),
    (Mutant::StaleOrderActs, &["H1"]),
    (Mutant::DriftOverwritten, &["P12"]),
    (Mutant::AutoscalerFought, &["O2"]),
    (Mutant::ComponentsApart, &["M"]),
    (Mutant::PauseIgnored, &["T7"]),
    (Mutant::RollbackOneByOne, &["L2"]),
    (Mutant::RollbackAfterRecord, &["L2"]),
    (Mutant::RollbackAfterLease, &["L2"]),
    (Mutant::TotalBecomes100, &["T1"]),
    (Mutant::AllAtOnce, &["P11"]),
    (Mutant::NoDeadline, &["L1"]),
    (Mutant::TestersKept, &["V3"]),
    (Mutant::SuspendedAfterwards, &["G1"]),
    (Mutant::ScaledBelowItsShare, &["T4"]),
    (Mutant::NoRevisionCheck, &["T8"]),
    (Mutant::RelativeWeights, &["T1"]),
    (Mutant::UnservedStays, &["P10"]),
    (Mutant::NothingKept, &["K"]),
    (Mutant::KeptForEver, &["K"]),
    (Mutant::NeighboursUnseen, &["T4"]),
    (Mutant::TemplateIgnored, &["T8"]),
    (Mutant::NoRoomMade, &["L2"]),
];

/// What caught a mistake: the first seed with one of its laws, and what else was broken on the way.
#[derive(Clone, Debug, Default)]
struct Caught {
    seed: Option<u64>,
    law: &'static str,
    others: Vec<&'static str>,
}

fn hunt(mutant: Mutant, laws: &[&str]) -> Caught {
    set(Some(mutant));
    let mut caught = Caught::default();
    for seed in 0..within() {
        let Some(violation) = play(&Script::draw(seed)).1 else { continue };
        if laws.contains(&violation.law) {
            (caught.seed, caught.law) = (Some(seed), violation.law);
            break;
        }
        if !caught.others.contains(&violation.law) {
            caught.others.push(violation.law);
        }
    }
    set(None);
    caught
}

#[test]
fn every_mistake_is_caught_by_its_law() {
    let all: Vec<_> = ALL.iter().filter(|(mutant, _)| wanted(*mutant)).collect();
    let next = AtomicUsize::new(0);
    let played = AtomicU64::new(0);
    let table = Mutex::new(vec![None; all.len()]);
    let work = || {
        while let Some((mutant, laws)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let caught = hunt(*mutant, laws);
            played.fetch_add(caught.seed.unwrap_or_else(within), Ordering::Relaxed);
            let seed = caught.seed.map_or_else(|| "MISSED".to_owned(), |s| format!("seed {s}"));
            println!("{:<26}{:<14}{:<4} of {laws:?}, before it {:?}", format!("{mutant:?}"), seed, caught.law, caught.others);
            let place = all.iter().position(|(m, _)| m == mutant).unwrap();
            table.lock().unwrap()[place] = Some(caught);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let table = table.into_inner().unwrap();
    let missed: Vec<_> = all.iter().zip(&table).filter(|(_, c)| c.as_ref().is_none_or(|c| c.seed.is_none())).map(|((m, _), _)| m).collect();
    assert!(missed.is_empty(), "not caught within {} seeds: {missed:?}", within());
}

/// What is left of a script breaks the same law, and without any one of its parts it would not.
#[test]
fn a_script_that_breaks_a_law_is_cut_down_to_what_it_takes() {
    let some = [Mutant::PodsBeforeTraffic, Mutant::RelativeWeights, Mutant::UnservedStays];
    for (mutant, laws) in ALL.iter().filter(|(mutant, _)| some.contains(mutant)) {
        let seed = hunt(*mutant, laws).seed.unwrap();
        set(Some(*mutant));
        let script = Script::draw(seed);
        let law = play(&script).1.map(|v| v.law);
        let breaks = |s: &Script| play(s).1.map(|v| v.law) == law;
        let short = shrink(&script);
        assert!(breaks(&short), "{mutant:?}: {short}");
        let parts = short.happenings.len() + short.faults.len();
        assert!(parts < 8, "{mutant:?}: a person can read it: {short}");
        for n in 0..short.happenings.len() {
            let mut without = short.clone();
            without.happenings.remove(n);
            assert!(!breaks(&without), "{mutant:?}, happening {n}: {short}");
        }
        for number in short.faults.keys() {
            let mut without = short.clone();
            without.faults.remove(number);
            assert!(!breaks(&without), "{mutant:?}, request {number}: {short}");
        }
        set(None);
    }
}
