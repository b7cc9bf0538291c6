//! Prometheus: scrapes of the exporters, and its HTTP API.
//!
//! Its answers are those of Prometheus 3.15, byte for byte as far as clients look: values as strings, times as numbers with
//! milliseconds, errors with `errorType` and status code, `warnings` and `infos`. It can be down or broken ([`Fault`]).

use super::exporter::Exporters;
use super::promql::Notes;
use super::tsdb::Tsdb;
use super::wire::{Body, Method};
use super::{Change, Part, PartId, Request, Response, World};

mod about;
mod encode;
mod faults;
mod form;
mod query;
mod scrape;

pub use faults::{Fault, Outage};

use encode::{Refusal, success};
use form::Form;
use scrape::{Ending, Scraper};

/// How long samples are kept, in ms: the length of a drill, and some hours of history before it.
const RETENTION: i64 = 6 * 3_600_000;

/// Scrapes between two looks for samples that are too old, in intervals.
const PRUNE_EVERY: u64 = 20;

/// The timer that drops old samples.
const PRUNE: &str = "prune";

/// The scenario's Prometheus. Without an interval there is none: nothing is scraped, nobody answers.
#[derive(Debug)]
pub struct Prometheus {
    /// Namespace and name of the Service that reaches it through the API server's proxy.
    pub service: Option<(String, String)>,
    /// Time between two scrapes of a target, in ms; 0: there is no Prometheus.
    pub interval: u64,
    /// When it is down or broken.
    pub outages: Vec<Outage>,
    db: Tsdb,
    scraper: Scraper,
}

impl Default for Prometheus {
    fn default() -> Self {
        Self { service: None, interval: 0, outages: Vec::new(), db: Tsdb::new(RETENTION), scraper: Scraper::default() }
    }
}

impl Prometheus {
    /// Answers a request; the path is Prometheus's own (`/api/v1/query`, ...), whichever way it came.
    pub fn handle(&mut self, world: &World, request: &Request) -> Response {
        if self.interval == 0 {
            return Response::hangup();
        }
        let answer = || self.answer(&world.exporters, world.now().as_millisecond(), request);
        match self.fault(world.ms()) {
            Some(fault) => fault.apply(answer),
            None => answer(),
        }
    }

    /// The stored series: history may be put in before the cluster starts.
    pub fn series(&mut self) -> &mut Tsdb {
        &mut self.db
    }

    /// What is wrong with it at a virtual time (ms since the start).
    fn fault(&self, ms: u64) -> Option<Fault> {
        self.outages.iter().find(|outage| outage.covers(ms)).map(|outage| outage.fault)
    }

    /// The answer of a Prometheus in good health; `now` in ms since the epoch.
    fn answer(&self, exporters: &Exporters, now: i64, request: &Request) -> Response {
        let path = request.path.as_str();
        let (Some(methods), read) = (methods(path), matches!(request.method, Method::Get | Method::Head)) else {
            return Response::text(404, "404 page not found\n");
        };
        if !(read || (methods == Methods::Form && request.method == Method::Post)) {
            return Response::text(405, "Method Not Allowed\n");
        }
        let form = Form::of(request);
        let mut response = match path {
            "/-/healthy" => Response::text(200, "Prometheus Server is Healthy.\n"),
            "/-/ready" => Response::text(200, "Prometheus Server is Ready.\n"),
            _ => self.data(exporters, now, path, &form).unwrap_or_else(Response::from),
        };
        if request.method == Method::Head {
            response.body = Body::Full(Vec::new());
        }
        response
    }

    fn data(&self, exporters: &Exporters, now: i64, path: &str, form: &Form) -> Result<Response, Refusal> {
        let whole = |data: serde_json::Value| Ok(success(&data.to_string(), &Notes::default()));
        match path.strip_prefix("/api/v1/").unwrap_or_default() {
            "query" => query::instant(&self.db, form, now),
            "query_range" => query::range(&self.db, form),
            "series" => query::series(&self.db, form),
            "labels" => query::labels(&self.db, form),
            "targets" => whole(about::targets(&self.scraper, exporters, self.interval, form)),
            "metadata" => whole(about::metadata(exporters, form)?),
            "rules" => whole(serde_json::json!({"groups": []})),
            "alerts" => whole(serde_json::json!({"alerts": []})),
            "status/buildinfo" => whole(about::build()),
            "status/config" => whole(about::config(self.interval)),
            other => match label_name(other) {
                Some(name) => query::label_values(&self.db, name, form),
                None => Err(Refusal::internal("no handler for this path")),
            },
        }
    }

    /// The first time from `from` on (ms since the start) at which a target is scraped: each has its own offset.
    fn first_scrape(&self, name: &str, from: u64) -> u64 {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let offset = hash % self.interval.max(1);
        let rounds = from.saturating_sub(offset).div_ceil(self.interval.max(1));
        offset + rounds * self.interval
    }

    fn discover(&mut self, world: &mut World) {
        if self.interval == 0 {
            return;
        }
        let found = self.scraper.discover(&world.exporters);
        for name in found.new {
            let at = self.first_scrape(&name, world.ms());
            world.timers.at(at, PartId::Prometheus, name);
        }
    }

    /// Scrapes a target, or ends it when it is gone, and sets the timer for the next time.
    fn visit(&mut self, world: &mut World, name: &str) {
        let now = world.now().as_millisecond();
        let down = self.fault(world.ms()) == Some(Fault::Down);
        match world.exporters.get(name) {
            Some(_) if down => {}
            Some(exporter) => self.scraper.scrape(name, exporter, &mut self.db, now),
            None => {
                // The series end with the scrape that would be due now; it is told late, in case the target comes back.
                if self.scraper.end(name, &mut self.db, now) == Ending::Announced {
                    world.timers.at(world.ms() + self.interval + self.interval / 10, PartId::Prometheus, name);
                }
                return;
            }
        }
        world.timers.at(world.ms() + self.interval, PartId::Prometheus, name);
    }
}

impl Part for Prometheus {
    fn start(&mut self, world: &mut World) {
        self.discover(world);
        if self.interval > 0 {
            world.timers.at(world.ms() + PRUNE_EVERY * self.interval, PartId::Prometheus, PRUNE);
        }
    }

    fn reconcile(&mut self, world: &mut World, _changes: &[Change]) {
        self.discover(world);
    }

    fn wake(&mut self, world: &mut World, key: &str) {
        if key == PRUNE {
            self.db.prune(world.now().as_millisecond());
            world.timers.at(world.ms() + PRUNE_EVERY * self.interval, PartId::Prometheus, PRUNE);
        } else {
            self.visit(world, key);
        }
    }
}

/// Which methods a path takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Methods {
    /// Reading only.
    Read,
    /// Reading, and `POST` of a form.
    Form,
}

fn methods(path: &str) -> Option<Methods> {
    Some(match path {
        "/-/healthy" | "/-/ready" => Methods::Read,
        _ => match path.strip_prefix("/api/v1/")? {
            "query" | "query_range" | "series" | "labels" => Methods::Form,
            "targets" | "metadata" | "rules" | "alerts" | "status/buildinfo" | "status/config" => Methods::Read,
            other => {
                label_name(other)?;
                Methods::Read
            }
        },
    })
}

/// The label of `label/NAME/values`.
fn label_name(path: &str) -> Option<&str> {
    path.strip_prefix("label/")?.strip_suffix("/values").filter(|name| !name.contains('/'))
}

#[cfg(test)]
mod tests;
