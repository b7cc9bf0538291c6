//! The compact world behind a driver's requests, with the two objects that drivers keep in it, and what may go wrong.

use std::borrow::Cow;
use std::sync::Arc;

use super::*;

/// The world with the two objects that drivers keep in it.
pub struct Cluster {
    pub world: World,
    pub state: Option<(Rollout, u64)>,
    pub orders: Vec<Order>,
    pub lease: (Option<String>, u64, u64),
    /// Faults to inject, by the write's number.
    pub faults: BTreeMap<usize, WriteOutcome>,
    pub writes: Vec<Action>,
    /// The next route write for this component is refused.
    pub refuse_route_of: Option<String>,
    /// The state cannot be read.
    pub unreadable: bool,
    /// The objects cannot be read.
    pub blind: bool,
    /// What room there is cannot be read.
    pub roomless: bool,
    /// What every write meets.
    pub always: Option<WriteOutcome>,
    /// How many of the next writes the server fails at.
    pub failing: usize,
    pub refuse_store: bool,
    pub refuse_lease: bool,
    /// What is asked of the Lease is not answered.
    pub silent_lease: bool,
    pub refuse_append: bool,
    /// The next write is not answered, and lands later if at all.
    pub late: bool,
    pub delayed: Option<(Action, Precondition)>,
    pub version: u64,
}

impl Cluster {
    pub fn new(release: Release) -> Cluster {
        let mut release = release;
        release.gates.clear(); // judging has tests of its own
        let world = World::new(release);
        Cluster {
            world,
            state: None,
            orders: vec![],
            lease: (None, 0, 0),
            faults: BTreeMap::new(),
            writes: vec![],
            refuse_route_of: None,
            unreadable: false,
            blind: false,
            roomless: false,
            always: None,
            failing: 0,
            refuse_store: false,
            refuse_lease: false,
            silent_lease: false,
            refuse_append: false,
            late: false,
            delayed: None,
            version: 1,
        }
    }

    pub fn execute(&mut self, call: Call) -> Reply {
        match call {
            Call::Load { .. } if self.unreadable => Reply::Loaded(Err(Fault { kind: FaultKind::Unreadable, text: "damaged".into() })),
            Call::Load { .. } => Reply::Loaded(Ok(self.stored())),
            Call::Observe { haste, .. } if self.blind || (self.roomless && haste == Haste::Rising) => {
                Reply::Observed(Err(Fault { kind: FaultKind::Unreachable, text: "no answer".into() }))
            }
            Call::Observe { release, haste } => {
                let mut seen = self.world.observe();
                seen.room = seen.room.filter(|_| haste == Haste::Rising);
                if haste == Haste::AtOnce {
                    seen.at_once();
                }
                let faced = crate::engine::orient::facing(&release, &self.world.release.components, &seen);
                Reply::Observed(Ok(Arc::new(faced.map_or_else(|| seen.clone(), Cow::into_owned))))
            }
            Call::Sample { .. } => Reply::Sampled(Err("none".into())),
            Call::Store { .. } if self.refuse_store => Reply::Stored(StoreOutcome::Refused { why: "configmaps are forbidden".into() }),
            Call::Store { rollout, expect, spent } => Reply::Stored(self.store(Arc::unwrap_or_clone(rollout), expect, &spent)),
            Call::Lease { ask, .. } if self.refuse_lease && ask != LeaseAsk::Read => {
                Reply::Leased(LeaseOutcome::Refused { why: "leases are forbidden".into() })
            }
            Call::Lease { .. } if self.silent_lease => Reply::Leased(LeaseOutcome::Unknown { why: "no answer".into() }),
            Call::Lease { holder, ask, .. } => Reply::Leased(self.lease(holder, ask)),
            Call::Append { .. } if self.refuse_append => {
                Reply::Appended(Err(Fault { kind: FaultKind::Forbidden, text: "configmaps are forbidden".into() }))
            }
            Call::Append { order, .. } => {
                self.orders.push(order);
                self.version += 1;
                Reply::Appended(Ok(()))
            }
            Call::Write { action, precondition, .. } => Reply::Written(self.write(*action, precondition)),
            Call::Journal { .. } => Reply::Journaled(Ok(())),
        }
    }

    pub fn stored(&self) -> Option<Stored> {
        let (rollout, version) = self.state.clone()?;
        Some(Stored { rollout: Some(Arc::new(rollout)), orders: self.orders.clone(), version: format!("{version}.{}", self.version) })
    }

    pub fn store(&mut self, rollout: Rollout, expect: Option<String>, spent: &[String]) -> StoreOutcome {
        if self.stored().map(|s| s.version) != expect {
            return StoreOutcome::Conflict;
        }
        self.orders.retain(|o| !spent.contains(&o.id));
        self.state = Some((rollout, self.state.as_ref().map_or(1, |(_, v)| v + 1)));
        StoreOutcome::Stored { version: self.stored().unwrap().version }
    }

    pub fn lease(&mut self, me: String, ask: LeaseAsk) -> LeaseOutcome {
        let (holder, epoch, version) = &mut self.lease;
        let taken = |holder: &str, epoch, version: u64| LeaseOutcome::Taken {
            holder: holder.to_owned(),
            epoch,
            renewed: None,
            version: version.to_string(),
        };
        match (ask, holder.clone()) {
            (LeaseAsk::Read, None) => LeaseOutcome::Free,
            (LeaseAsk::Read, Some(who)) => taken(&who, *epoch, *version),
            (LeaseAsk::Acquire { expired, after }, who) if who.is_none() || expired == Some(version.to_string()) => {
                (*holder, *epoch, *version) = (Some(me), after.max(*epoch) + 1, *version + 1);
                LeaseOutcome::Held { epoch: *epoch }
            }
            (LeaseAsk::Renew { epoch: mine }, Some(who)) if who == me && mine == *epoch => {
                *version += 1;
                LeaseOutcome::Held { epoch: mine }
            }
            (LeaseAsk::Release { epoch: mine }, Some(who)) if who == me && mine == *epoch => {
                *holder = None;
                LeaseOutcome::Free
            }
            (_, Some(who)) => taken(&who, *epoch, *version),
            (_, None) => LeaseOutcome::Free,
        }
    }

    pub fn write(&mut self, action: Action, precondition: Precondition) -> WriteOutcome {
        let number = self.writes.len();
        self.writes.push(action.clone());
        if let Some(outcome) = &self.always {
            return outcome.clone();
        }
        if self.failing > 0 {
            self.failing -= 1;
            return WriteOutcome::Unknown { why: "the server failed".into() };
        }
        if std::mem::take(&mut self.late) {
            self.delayed = Some((action, precondition));
            return WriteOutcome::Unknown { why: "timeout".into() };
        }
        if matches!(&action, Action::Route { component, .. } if self.refuse_route_of.as_ref() == Some(component)) {
            self.refuse_route_of = None;
            return WriteOutcome::Refused { code: 400, why: "webhook says no".into() };
        }
        match self.faults.remove(&number) {
            // The answer is lost: the write landed all the same.
            Some(WriteOutcome::Unknown { why }) => {
                self.world.apply(&action, precondition);
                WriteOutcome::Unknown { why }
            }
            Some(outcome) => outcome,
            None => self.world.apply(&action, precondition),
        }
    }

    pub fn phase(&self) -> Option<&Phase> {
        self.state.as_ref().map(|(r, _)| &r.phase)
    }
}
