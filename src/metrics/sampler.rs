//! One look at all counters of a release.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{try_join, try_join_all, try_join3};
use jiff::Timestamp;

use super::decode::{Answer, Row, decode};
use super::preset::{PRESETS, Preset};
use super::{MetricsError, Transport};
use crate::domain::gate::Metric;
use crate::domain::release::{Component, Prometheus, Release, Track};
use crate::domain::sample::{Counts, LOOKS_BACK, QueryValue, Scrape, Series};
use crate::domain::time::Millis;
use crate::domain::verdict::Doubt;

/// How far back the common instant lies, seconds.
const LAG_SECS: i64 = 1;

/// Reads the counters of one release.
#[derive(Clone, Debug)]
pub struct Sampler {
    prometheus: Prometheus,
    transport: Transport,
    /// The family, once it was found.
    preset: Arc<Mutex<Option<Preset>>>,
}

impl Sampler {
    /// Prepares to sample. `cluster` serves a Prometheus behind a Service; `token` is what its `tokenFrom` variable holds.
    ///
    /// # Errors
    /// When the release has no Prometheus, or its address cannot be used.
    pub fn new(release: &Release, cluster: Option<&kube::Client>, token: Option<String>) -> Result<Sampler, MetricsError> {
        let prometheus = release.prometheus.clone().ok_or(MetricsError::None)?;
        let transport = Transport::new(&prometheus.endpoint, cluster, token)?;
        let preset = prometheus.preset.as_deref().and_then(Preset::named);
        Ok(Sampler { prometheus, transport, preset: Arc::new(Mutex::new(preset)) })
    }

    /// Reads all counters as of the present that `clock` tells. Every sample comes with its own timestamp.
    ///
    /// # Errors
    /// The first request that failed: half of the counters are none.
    pub async fn sample(&self, release: &Release, clock: &(dyn Fn() -> Timestamp + Send + Sync)) -> Result<Scrape, MetricsError> {
        let at = clock();
        // Somewhat before now, so that every scrape that began by then has ended; whole seconds, as the client sends them.
        let secs = at.as_second().saturating_sub(LAG_SECS);
        let shown = Timestamp::from_second(secs).unwrap_or(at);
        let preset = self.preset(release, secs).await?;
        let sides = release.components.iter().flat_map(|c| [(c, Track::Stable), (c, Track::Candidate)]);
        let series = try_join_all(sides.map(|(c, track)| self.side(release, c, track, preset, secs)));
        let queries = try_join_all(release.gates.iter().filter_map(|g| match &g.metric {
            Metric::Query { promql, .. } => Some(self.query(&g.name, promql, shown)),
            _ => None,
        }));
        let (series, queries, ahead) = try_join3(series, queries, self.ahead(clock)).await?;
        let mut scrape =
            Scrape { asked: shown, ahead, interval: self.prometheus.interval, series: Vec::new(), queries, warnings: Vec::new() };
        for (rows, warnings) in series {
            scrape.series.extend(rows);
            scrape.warnings.extend(warnings);
        }
        Ok(scrape)
    }

    async fn ask(&self, promql: &str, secs: i64) -> Result<Answer, MetricsError> {
        decode(self.transport.place(), &self.transport.query(promql, Some(secs)).await?)
    }

    /// By how much Prometheus' clock is certainly ahead of `clock`: what it said it was, less the time at which its answer was
    /// here. A Prometheus that does not tell is taken to have the same.
    async fn ahead(&self, clock: &(dyn Fn() -> Timestamp + Send + Sync)) -> Result<Millis, MetricsError> {
        let told = decode(self.transport.place(), &self.transport.query("time()", None).await?);
        let here = clock().as_millisecond();
        let answer = match told {
            Ok(answer) => answer,
            Err(MetricsError::Refused { .. }) => return Ok(Millis::ZERO),
            Err(other) => return Err(other),
        };
        let theirs = answer.rows.first().and_then(|row| row.samples.last()).map(|s| s.value * 1000.0).filter(|ms| ms.is_finite());
        Ok(Millis(theirs.map_or(0, |ms| (ms as i64).saturating_sub(here)).try_into().unwrap_or(0)))
    }

    /// The family that this namespace has, asked once.
    async fn preset(&self, release: &Release, secs: i64) -> Result<Preset, MetricsError> {
        if let Some(known) = *self.preset.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(known);
        }
        let asked = PRESETS.iter().map(|p| format!("count by (__name__) ({}{{{}=\"{}\"}})", p.requests, p.namespace, release.namespace));
        let answer = self.ask(&asked.collect::<Vec<_>>().join(" or "), secs).await?;
        let there = |p: &&Preset| answer.rows.iter().any(|r| r.labels.get("__name__").map(String::as_str) == Some(p.requests));
        let Some(found) = PRESETS.iter().find(there).copied() else {
            let known = PRESETS.iter().map(|p| p.requests).collect::<Vec<_>>().join(", ");
            return Err(MetricsError::NoFamily { place: self.transport.place().to_owned(), namespace: release.namespace.clone(), known });
        };
        *self.preset.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(found)
    }

    /// Requests and buckets of one side.
    async fn side(
        &self,
        release: &Release,
        c: &Component,
        track: Track,
        preset: Preset,
        secs: i64,
    ) -> Result<(Vec<Series>, Vec<String>), MetricsError> {
        let window = self.prometheus.interval.max(Millis::secs(1)).as_secs().saturating_mul(LOOKS_BACK);
        let label = self.prometheus.label.as_ref();
        let selector = |metric| preset.selector(metric, release, c, track, label, window);
        let (Some(requests), Some(buckets)) = (selector(preset.requests), selector(preset.buckets)) else { return Ok(Default::default()) };
        let (requests, buckets) = try_join(self.ask(&requests, secs), self.ask(&buckets, secs)).await?;
        let mut warnings = requests.warnings;
        warnings.extend(buckets.warnings);
        let counted = requests.rows.into_iter().map(|row| {
            let failed = preset.is_failure(|key| row.labels.get(key).map(String::as_str));
            series(c, track, row, Counts::Requests { failed })
        });
        let edges = buckets.rows.into_iter().filter_map(|row| {
            let le: f64 = row.labels.get("le")?.parse().ok()?;
            Some(series(c, track, row, Counts::Bucket { le_ms: le * preset.unit_ms }))
        });
        Ok((counted.chain(edges).collect(), warnings))
    }

    /// A `query` gate's number: one series is expected, and several are a mistake, not a choice.
    async fn query(&self, gate: &str, promql: &str, at: Timestamp) -> Result<QueryValue, MetricsError> {
        let value = match self.ask(promql, at.as_second()).await {
            Ok(answer) => match answer.rows.as_slice() {
                [row] => row.samples.last().map(|s| s.value).ok_or(Doubt::NoData),
                [] => Err(Doubt::NoData),
                many => Err(Doubt::Unreachable { why: format!("{} series where one is expected: aggregate them", many.len()) }),
            },
            Err(MetricsError::Refused { said, .. }) => Err(Doubt::Unreachable { why: said }),
            Err(other) => return Err(other),
        };
        Ok(QueryValue { gate: gate.to_owned(), value, at })
    }
}

fn series(c: &Component, track: Track, row: Row, counts: Counts) -> Series {
    let id = row.labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",");
    let label = |key: &str| row.labels.get(key).map_or("", String::as_str);
    let target = format!("{}/{}", label("job"), label("instance"));
    Series { target, component: c.name.clone(), track, id, pod: row.labels.get("pod").cloned(), counts, samples: row.samples }
}
