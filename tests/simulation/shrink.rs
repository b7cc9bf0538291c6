//! A script that breaks a law, cut down to what it takes.

use crate::script::Script;
use crate::seeds::play;

/// Leaves out whatever is not needed to break the same law.
pub fn shrink(script: &Script) -> Script {
    let Some(law) = play(script).1.map(|v| v.law) else { return script.clone() };
    let breaks = |s: &Script| play(s).1.is_some_and(|v| v.law == law);
    let mut best = script.clone();
    loop {
        let before = size(&best);
        without_people(&mut best, &breaks);
        without_happenings(&mut best, &breaks);
        without_faults(&mut best, &breaks);
        if size(&best) == before {
            return best;
        }
    }
}

fn size(s: &Script) -> usize {
    let people = [s.approver, s.resumer, s.second, s.watcher, s.git.is_some(), s.application.is_some(), s.skew != [0; 3]];
    s.happenings.len() + s.faults.len() + people.iter().filter(|p| **p).count()
}

fn attempt(best: &mut Script, breaks: &impl Fn(&Script) -> bool, change: impl FnOnce(&mut Script)) -> bool {
    let mut tried = best.clone();
    change(&mut tried);
    let fits = breaks(&tried);
    if fits {
        *best = tried;
    }
    fits
}

fn without_people(best: &mut Script, breaks: &impl Fn(&Script) -> bool) {
    let changes: [fn(&mut Script); 7] = [
        |s| s.watcher = false,
        |s| s.second = false,
        |s| s.resumer = false,
        |s| s.approver = false,
        |s| s.application = None,
        |s| s.git = None,
        |s| s.skew = [0; 3],
    ];
    for change in changes {
        attempt(best, breaks, change);
    }
}

/// Ever smaller pieces are left out, until none can be.
fn without_happenings(best: &mut Script, breaks: &impl Fn(&Script) -> bool) {
    let mut piece = best.happenings.len().div_ceil(2);
    while piece > 0 {
        let mut at = 0;
        while at < best.happenings.len() {
            let end = (at + piece).min(best.happenings.len());
            if !attempt(best, breaks, |s| drop(s.happenings.drain(at..end))) {
                at = end;
            }
        }
        piece /= 2;
    }
}

fn without_faults(best: &mut Script, breaks: &impl Fn(&Script) -> bool) {
    let mut piece = best.faults.len().div_ceil(2);
    while piece > 0 {
        let mut at = 0;
        while at < best.faults.len() {
            let gone: Vec<u64> = best.faults.keys().skip(at).take(piece).copied().collect();
            if !attempt(best, breaks, |s| s.faults.retain(|n, _| !gone.contains(n))) {
                at += piece;
            }
        }
        piece /= 2;
    }
}
