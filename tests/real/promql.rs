//! The embedded Prometheus and a real one over the same samples: the real one scrapes an exporter of the test, what it holds then
//! is put into the embedded one, and both are asked the same.
//!
//! Expectations come from the real server at run time: scraped timestamps are nobody's round numbers, a process restarts, a
//! series goes and comes back, a target goes for good.

#[path = "../suite/promql/answers.rs"]
mod answers;
mod pages;
mod queries;

use std::collections::BTreeMap;
use std::time::Duration;

use cutover::sim::kernel::tsdb::{Labels, stale_marker};
use cutover::sim::kernel::{Kernel, Method, Request};
use serde_json::Value;

use crate::harness::assets::Assets;
use crate::harness::deadline::eventually;
use crate::harness::prometheus::Prometheus;
use pages::Pages;

const SCRAPE: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_secs(90);
/// Scrapes of the target that stays, and of the one that goes for good.
const SCRAPES: (usize, usize) = (22, 10);
/// After a target has gone, its series end about an interval later; when exactly, the API does not tell.
const UNCERTAIN: i64 = 2_500;

/// A series with its samples, ms since 1970.
type Held = (Labels, Vec<(i64, f64)>);

#[tokio::test]
async fn both_answer_alike_over_what_was_scraped() {
    let Some(assets) = Assets::find("promql") else { return };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (stays, goes) = (Pages::serve(pages::shop).await, Pages::serve(pages::second).await);
    let real = Prometheus::start(&assets, &[stays.port, goes.port], SCRAPE).await;
    scraped(&goes, SCRAPES.1).await;
    real.scrape(&[stays.port]);
    scraped(&stays, SCRAPES.0).await;

    let now = jiff::Timestamp::now().as_millisecond();
    let held = everything(&real, now).await;
    let (first, last) = extent(&held);
    let gone = ended(&held, goes.port);
    let mut embedded = filled(&held, now);
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for target in queries::targets(first, last, |at| (gone..gone + UNCERTAIN).contains(&at)) {
        let (status, theirs) = get(&format!("{}{target}", real.url)).await;
        let ours = embedded.handle_prometheus(&Request::new(Method::Get, &target));
        let text = String::from_utf8(ours.full().to_vec()).unwrap();
        asked += 1;
        if ours.status != status || !answers::agree(&text, &theirs, &queries::readable(&target)) {
            wrong.push(format!("{}\n  ours   {} {text}\n  theirs {status} {theirs}", queries::readable(&target), ours.status));
        }
    }
    assert!(asked > 300, "only {asked} were asked");
    assert!(wrong.is_empty(), "{} of {asked} differ:\n{}", wrong.len(), wrong.join("\n"));
}

async fn scraped(pages: &Pages, times: usize) {
    eventually("scrapes", SOON, async || if pages.served() >= times { Ok(()) } else { Err(pages.served()) }).await;
}

async fn get(url: &str) -> (u16, String) {
    let answer = reqwest::get(url).await.expect("Prometheus answers");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

/// Every raw sample up to `now`, with the time it was scraped at.
async fn everything(real: &Prometheus, now: i64) -> Vec<Held> {
    let query = answers::encoded(r#"{__name__=~".+"}[10m]"#);
    let (_, body) = get(&format!("{}/api/v1/query?query={query}&time={}", real.url, now as f64 / 1000.0)).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    let series = body["data"]["result"].as_array().expect("a matrix").iter();
    series
        .map(|one| {
            let labels = serde_json::from_value(one["metric"].clone()).unwrap();
            let sample = |s: &Value| ((s[0].as_f64().unwrap() * 1000.0).round() as i64, answers::number(s[1].as_str().unwrap()));
            (labels, one["values"].as_array().unwrap().iter().map(sample).collect())
        })
        .collect()
}

fn label<'a>(labels: &'a Labels, name: &str) -> &'a str {
    labels.get(name).map(String::as_str).unwrap_or_default()
}

/// When each target was scraped.
fn scrapes(held: &[Held]) -> BTreeMap<&str, Vec<i64>> {
    let ups = held.iter().filter(|(labels, _)| label(labels, "__name__") == "up");
    ups.map(|(labels, samples)| (label(labels, "instance"), samples.iter().map(|(at, _)| *at).collect())).collect()
}

/// The first and the last scrape.
fn extent(held: &[Held]) -> (i64, i64) {
    let all: Vec<i64> = scrapes(held).into_values().flatten().collect();
    (*all.iter().min().expect("scrapes"), *all.iter().max().expect("scrapes"))
}

/// When the target at this port was scraped for the last time.
fn ended(held: &[Held], port: u16) -> i64 {
    *scrapes(held)[format!("127.0.0.1:{port}").as_str()].last().expect("scrapes")
}

/// The embedded Prometheus with these samples. Where a scrape of its target did not bring a series, the series ended there.
fn filled(held: &[Held], now: i64) -> Kernel {
    let mut kernel = Kernel::new(1, jiff::Timestamp::from_millisecond(now).unwrap());
    kernel.prometheus.interval = SCRAPE.as_millis() as u64;
    let scrapes = scrapes(held);
    for (labels, samples) in held {
        let brought: BTreeMap<i64, f64> = samples.iter().copied().collect();
        let times = &scrapes[label(labels, "instance")];
        let begun = *brought.keys().next().expect("a series has samples");
        let missed = times.iter().filter(|at| **at > begun && !brought.contains_key(*at));
        // A target that is scraped no more ends all its series where the next scrape would have been.
        let after = times.last().map(|at| at + SCRAPE.as_millis() as i64).filter(|at| *at < now - UNCERTAIN);
        let mut all = brought.clone();
        all.extend(missed.copied().chain(after).map(|at| (at, stale_marker())));
        for (at, value) in all {
            assert!(kernel.prometheus.series().record(labels, at, value), "{labels:?} {at}");
        }
    }
    kernel
}
