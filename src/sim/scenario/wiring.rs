//! From a scenario's words to the kernel's traffic and Prometheus.

use super::traffic::{Blackout, Broken, Entry, Family, Prometheus, Stream};
use crate::sim::kernel::{
    prom_api::{self, Fault, Outage},
    traffic,
};

impl Stream {
    /// What the kernel makes of it; requests enter in `namespace`.
    pub(super) fn flow(&self, namespace: &str) -> traffic::Flow {
        let enters = match &self.enters {
            Entry::VirtualService(name) => traffic::Entry::VirtualService(name.clone()),
            Entry::HttpRoute(name) => traffic::Entry::HttpRoute(name.clone()),
            Entry::Service(name) => traffic::Entry::Service(name.clone()),
            Entry::Ingress(name) => traffic::Entry::Ingress(name.clone()),
        };
        let paths =
            self.paths.iter().map(|path| traffic::Path { method: path.method.clone(), path: path.path.clone(), share: path.share.0 });
        let headers = self.headers.iter().map(|header| traffic::Header {
            name: header.name.clone(),
            value: header.value.clone(),
            share: header.share.0,
        });
        traffic::Flow {
            name: self.name.clone(),
            namespace: namespace.to_owned(),
            enters,
            rate: self.rate,
            wobble: self.wobble.as_ref().map(|wobble| traffic::Wobble { by: wobble.by.0, period_ms: wobble.period.0 }),
            paths: paths.collect(),
            headers: headers.collect(),
        }
    }
}

impl From<Family> for traffic::Family {
    fn from(family: Family) -> Self {
        match family {
            Family::Http => Self::Http,
            Family::Spring => Self::Spring,
            Family::Istio => Self::Istio,
            Family::Nginx => Self::Nginx,
            Family::None => Self::None,
        }
    }
}

impl Prometheus {
    /// Sets the kernel's one up.
    pub(super) fn set_up(&self, prometheus: &mut prom_api::Prometheus) {
        prometheus.service = Some((self.service.namespace.clone(), self.service.name.clone()));
        prometheus.interval = self.scrape.0;
        prometheus.outages = self.blackouts.iter().map(Blackout::outage).collect();
    }
}

impl Blackout {
    fn outage(&self) -> Outage {
        let fault = match self.how {
            Broken::Down => Fault::Down,
            Broken::Error => Fault::Error,
            Broken::Html => Fault::Html,
            Broken::NaN => Fault::NotANumber,
            Broken::Slow => Fault::Slow(self.delay.0),
        };
        Outage { from: self.at.0, until: self.at.0 + self.lasting.0, fault }
    }
}
