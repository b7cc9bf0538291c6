//! The two objects that drivers keep: the stored run and the Lease.

use std::sync::Arc;

use cutover::domain::command::Order;
use cutover::domain::port::{Fault, FaultKind, LeaseAsk, LeaseOutcome, StoreOutcome, Stored};
use cutover::domain::rollout::Rollout;

use super::{Record, World};

/// What a server says of whatever is to be made where there is no namespace.
const GONE: &str = "namespaces \"shop\" not found";

impl World {
    pub fn load(&self) -> Result<Option<Stored>, Fault> {
        let Some(record) = &self.record else { return Ok(None) };
        if record.damaged {
            return Err(Fault { kind: FaultKind::Unreadable, text: "ConfigMap cutover-shop is damaged".into() });
        }
        Ok(Some(Stored { rollout: record.rollout.clone(), orders: record.orders.clone(), version: record.version.to_string() }))
    }

    pub fn store(&mut self, rollout: Arc<Rollout>, expect: Option<&str>, spent: &[String]) -> StoreOutcome {
        if self.gone {
            return if expect.is_some() { StoreOutcome::Conflict } else { StoreOutcome::Refused { why: GONE.into() } };
        }
        let version = self.record.as_ref().map(|r| r.version.to_string());
        if version.as_deref() != expect {
            return StoreOutcome::Conflict;
        }
        let mut new = self.version();
        let before = self.record.take();
        let mut orders = before.as_ref().map_or_else(Vec::new, |r| r.orders.clone());
        orders.retain(|o| !spent.contains(&o.id));
        // What changes nothing leaves no version behind, as on a real server.
        if let Some(same) = before.filter(|r| !r.damaged && r.rollout.as_ref() == Some(&rollout) && r.orders == orders) {
            new = same.version;
        }
        self.record = Some(Record { rollout: Some(rollout), orders, version: new, damaged: false });
        StoreOutcome::Stored { version: new.to_string() }
    }

    pub fn append(&mut self, order: Order) -> Result<(), Fault> {
        if self.gone {
            return Err(Fault { kind: FaultKind::Other, text: GONE.into() });
        }
        let version = self.version();
        match &mut self.record {
            Some(record) => {
                if !record.orders.contains(&order) {
                    record.orders.retain(|o| o.id != order.id);
                    record.orders.push(order);
                    record.orders.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
                    record.version = version;
                }
            }
            None => self.record = Some(Record { rollout: None, orders: vec![order], version, damaged: false }),
        }
        Ok(())
    }

    pub fn ask_lease(&mut self, me: &str, ask: &LeaseAsk) -> LeaseOutcome {
        if self.gone && matches!(ask, LeaseAsk::Acquire { .. }) {
            return LeaseOutcome::Refused { why: GONE.into() };
        }
        let version = self.version();
        let lease = &mut self.lease;
        let taken = |holder: &str, epoch: u64, version: u64| LeaseOutcome::Taken {
            holder: holder.to_owned(),
            epoch,
            renewed: None,
            version: version.to_string(),
        };
        match (ask, lease.holder.clone()) {
            (LeaseAsk::Read, None) => LeaseOutcome::Free,
            (LeaseAsk::Read, Some(who)) if who == me => LeaseOutcome::Held { epoch: lease.epoch },
            (LeaseAsk::Read, Some(who)) => taken(&who, lease.epoch, lease.version),
            (LeaseAsk::Acquire { expired, after }, who)
                if who.is_none() || who.as_deref() == Some(me) || *expired == Some(lease.version.to_string()) =>
            {
                (lease.holder, lease.epoch, lease.version) = (Some(me.to_owned()), lease.epoch.max(*after) + 1, version);
                LeaseOutcome::Held { epoch: lease.epoch }
            }
            (LeaseAsk::Renew { epoch }, Some(who)) if who == me && *epoch == lease.epoch => {
                lease.version = version;
                LeaseOutcome::Held { epoch: *epoch }
            }
            (LeaseAsk::Release { epoch }, Some(who)) if who == me && *epoch == lease.epoch => {
                (lease.holder, lease.version) = (None, version);
                LeaseOutcome::Free
            }
            // Our name in another epoch is another life of ours: no version of it is waited for.
            (_, Some(who)) if who == me => LeaseOutcome::Taken { holder: who, epoch: lease.epoch, renewed: None, version: String::new() },
            (_, Some(who)) => taken(&who, lease.epoch, lease.version),
            (_, None) => LeaseOutcome::Free,
        }
    }
}
