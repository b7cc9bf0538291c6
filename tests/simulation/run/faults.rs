//! What becomes of a request on its way, on the server, and on the way back.

use std::borrow::Cow;
use std::sync::Arc;

use cutover::domain::action::WriteOutcome;
use cutover::domain::port::{Fault as Trouble, FaultKind, Haste, LeaseOutcome, StoreOutcome};
use cutover::domain::time::Millis;
use cutover::driver::core::io::{Call, Reply, Request};
use cutover::engine::orient;

use super::{DEADLINE, Event, Life, Run, unknown};
use crate::laws::Sent;
use crate::script::{Fault, TROUBLE};

impl Run<'_> {
    /// The fault that a request meets, while there is trouble.
    fn fault(&self, number: u64) -> Option<Fault> {
        self.script.faults.get(&number).copied().filter(|_| self.world.now < TROUBLE)
    }

    /// Sends a request on its way.
    pub(super) fn route(&mut self, from: Life, number: u64, request: Request, there: Millis) {
        let down = self.processes.get(from.who()).is_some_and(|p| self.world.now < p.lease_down_until);
        if down && matches!(request.call, Call::Lease { .. }) {
            return self.answer(from, DEADLINE, &request, unanswered(&request.call));
        }
        let fault = self.fault(number);
        // What comes late, or twice, is a matter of what changes something.
        let changes = matches!(request.call, Call::Write { .. } | Call::Store { .. } | Call::Append { .. } | Call::Lease { .. });
        if let Some(fault) = fault.filter(|f| changes || !matches!(f, Fault::Late(_) | Fault::Twice(_))) {
            self.met(fault.class());
        }
        match fault {
            Some(Fault::KilledBefore) => self.kill(from.who, Millis::secs(15)),
            Some(Fault::Slow(by)) => self.after(by, Event::Arrive { to: from, number, request: Box::new(request) }),
            Some(Fault::Never) => self.answer(from, DEADLINE, &request, unanswered(&request.call)),
            Some(Fault::Late(by)) => {
                self.answer(from, DEADLINE, &request, unanswered(&request.call));
                let sent = Box::new(Sent { from, call: request.call, at: self.world.now });
                self.after(by.max(there), Event::Land(sent));
            }
            _ => self.after(there, Event::Arrive { to: from, number, request: Box::new(request) }),
        }
    }

    fn answer(&mut self, to: Life, back: Millis, request: &Request, reply: Reply) {
        self.after(back, Event::Answer { to, id: request.id, reply: Box::new(reply) });
    }

    /// A request reaches the server.
    pub(super) fn arrive(&mut self, to: Life, number: u64, request: Request) {
        let back = Millis(5 + number % 17);
        match self.fault(number) {
            Some(Fault::Refused(code)) => self.answer(to, back, &request, refused(&request.call, code)),
            Some(Fault::Lost) => {
                self.execute(to, &request);
                self.answer(to, DEADLINE, &request, unanswered(&request.call));
            }
            Some(Fault::Twice(by)) => {
                let reply = self.execute(to, &request);
                self.answer(to, back, &request, reply);
                let sent = Box::new(Sent { from: to, call: request.call, at: self.world.now });
                self.after(by, Event::Land(sent));
            }
            Some(Fault::KilledAfter) => {
                self.execute(to, &request);
                self.kill(to.who, Millis::secs(15));
            }
            _ => {
                let reply = self.execute(to, &request);
                self.answer(to, back, &request, reply);
            }
        }
    }

    /// What the server does.
    fn execute(&mut self, from: Life, request: &Request) -> Reply {
        let now = self.world.now;
        match &request.call {
            Call::Load { .. } => Reply::Loaded(self.world.load()),
            Call::Observe { release, haste } => {
                // Numbers begin again with each life.
                if let Some(process) = self.processes.get_mut(from.who()).filter(|p| p.alive == Some(from.life())) {
                    process.looking.push((request.id, now));
                }
                let mut seen = self.world.observe(*haste == Haste::Rising);
                if *haste == Haste::AtOnce {
                    seen.at_once();
                }
                let turned = match orient::facing(release, &self.world.release.components, &seen) {
                    Some(Cow::Owned(turned)) => Some(turned),
                    Some(Cow::Borrowed(_)) => None,
                    None => Some(self.world.looked_up(release, &seen)),
                };
                Reply::Observed(Ok(Arc::new(turned.unwrap_or(seen))))
            }
            Call::Sample { .. } => {
                let asked = self.processes.get(from.who()).map_or(self.world.wall(), |p| p.local(now).wall);
                Reply::Sampled(self.world.sample(asked).ok_or_else(|| "connection refused".into()))
            }
            Call::Lease { holder, ask, .. } => Reply::Leased(self.world.ask_lease(holder, ask)),
            Call::Append { order, .. } => Reply::Appended(self.world.append(order.clone())),
            Call::Store { rollout, expect, spent } => {
                let before = self.world.record.as_ref().and_then(|r| r.rollout.clone());
                let outcome = self.world.store(Arc::clone(rollout), expect.as_deref(), spent);
                if matches!(outcome, StoreOutcome::Stored { .. }) {
                    self.laws.stored(&self.processes[from.who()], (before.as_deref(), rollout), self.sent_at.unwrap_or(now), &self.world);
                }
                Reply::Stored(outcome)
            }
            Call::Write { .. } => {
                let sent = Sent { from, call: request.call.clone(), at: now };
                Reply::Written(self.land(&sent))
            }
            Call::Journal { .. } => Reply::Journaled(Ok(())),
        }
    }

    /// A request that nobody waits for any more, or that comes a second time.
    pub(super) fn land_late(&mut self, sent: &Sent) {
        match &sent.call {
            Call::Write { .. } => {
                self.land(sent);
            }
            Call::Store { .. } | Call::Append { .. } | Call::Lease { .. } => {
                self.sent_at = Some(sent.at);
                self.execute(sent.from, &Request { id: 0, call: sent.call.clone() });
                self.sent_at = None;
            }
            _ => {}
        }
    }
}

const SAID: &str = "nothing within 5 s";

fn trouble(kind: FaultKind) -> Trouble {
    Trouble { kind, text: SAID.into() }
}

/// What the client says where nothing was answered.
fn unanswered(call: &Call) -> Reply {
    let why = || SAID.to_owned();
    match call {
        Call::Load { .. } => Reply::Loaded(Err(trouble(FaultKind::Unreachable))),
        Call::Observe { .. } => Reply::Observed(Err(trouble(FaultKind::Unreachable))),
        Call::Sample { .. } => Reply::Sampled(Err(why())),
        Call::Store { .. } => Reply::Stored(StoreOutcome::Unknown { why: why() }),
        Call::Lease { .. } => Reply::Leased(LeaseOutcome::Unknown { why: why() }),
        Call::Append { .. } => Reply::Appended(Err(trouble(FaultKind::Unreachable))),
        Call::Write { .. } => Reply::Written(unknown()),
        Call::Journal { .. } => Reply::Journaled(Err(why())),
    }
}

/// What the client says of a status code. A server error may hide that the write was done, so it is no refusal.
fn refused(call: &Call, code: u16) -> Reply {
    let kind = match code {
        401 => FaultKind::Unauthorized,
        403 => FaultKind::Forbidden,
        _ => FaultKind::Unreachable,
    };
    let why = || format!("refused ({code})");
    let fault = || Trouble { kind, text: why() };
    match (call, code) {
        (Call::Load { .. }, _) => Reply::Loaded(Err(fault())),
        (Call::Observe { .. }, _) => Reply::Observed(Err(fault())),
        (Call::Append { .. }, _) => Reply::Appended(Err(fault())),
        (Call::Store { .. }, 409) => Reply::Stored(StoreOutcome::Conflict),
        (Call::Store { .. }, 403 | 422) => Reply::Stored(StoreOutcome::Refused { why: why() }),
        (Call::Lease { .. }, 403) => Reply::Leased(LeaseOutcome::Refused { why: why() }),
        (Call::Write { .. }, 409 | 422) => Reply::Written(WriteOutcome::Conflict { why: why() }),
        (Call::Write { .. }, 401 | 403 | 429) => Reply::Written(WriteOutcome::Refused { code, why: why() }),
        _ => unanswered(call),
    }
}
