//! How often the server is asked one after the other until something is done: what a slow connection multiplies.

use super::*;
use crate::domain::weight::Weight;

/// Rounds until something is so: in each of them everything that is asked at once is answered.
fn rounds(process: &mut Process, cluster: &mut Cluster, done: impl Fn(&mut Cluster) -> bool) -> usize {
    for n in 0..20 {
        if done(cluster) {
            return n;
        }
        let mut asked = std::mem::take(&mut process.wire);
        while let Some(Request { id, call }) = asked.pop_front() {
            let reply = cluster.execute(call);
            process.input(cluster.world.now, Input::Reply { id, reply });
            // The journal is at hand, and asks no server.
            let (lines, rest) = std::mem::take(&mut process.wire).into_iter().partition(|r| matches!(r.call, Call::Journal { .. }));
            asked.extend::<VecDeque<Request>>(lines);
            process.wire = rest;
        }
    }
    panic!("not done after 20 rounds");
}

#[test]
fn a_rollback_takes_one_round_trip_and_a_step_three() {
    let (mut cluster, mut process) = begun(&["backend", "frontend"], 20);
    process.order(&mut cluster, "more", Command::SetWeight(Weight::capped(20)));
    let stands = |weight| move |c: &mut Cluster| c.world.weight("backend") == weight && c.world.weight("frontend") == weight;
    let first = |c: &mut Cluster| c.world.weight("backend") == 20;
    assert_eq!(rounds(&mut process, &mut cluster, first), 3, "a look, the intent on record, the write");
    assert_eq!(rounds(&mut process, &mut cluster, stands(20)), 1, "the other component's is on the same record: one write after the other");
    process.settle(&mut cluster);
    process.order(&mut cluster, "back", Command::RollBack);
    assert_eq!(rounds(&mut process, &mut cluster, stands(0)), 1, "both routes at once, from memory");
}

#[test]
fn a_rollback_by_a_new_process_takes_two_round_trips() {
    let (mut cluster, process) = begun(&["backend", "frontend"], 20);
    drop(process);
    cluster.lease.0 = None;
    let mut other = Process::new("b", &cluster);
    other.order(&mut cluster, "back", Command::RollBack);
    let stands = |c: &mut Cluster| c.world.weight("backend") == 0 && c.world.weight("frontend") == 0;
    assert_eq!(rounds(&mut other, &mut cluster, stands), 2, "the stored run, the writes");
}
