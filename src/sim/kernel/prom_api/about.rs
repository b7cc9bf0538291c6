//! What Prometheus tells about itself: targets, metadata, build, configuration.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::exporter::{Exporters, FAMILIES};
use super::super::tsdb::NAME;
use super::encode::Refusal;
use super::form::Form;
use super::scrape::{Scraper, Target};

/// The version whose answers these rooms give.
pub const VERSION: &str = "3.15.0";

/// `/api/v1/status/buildinfo`.
#[must_use]
pub fn build() -> Value {
    json!({"version": VERSION, "revision": "embedded", "branch": "cutover", "buildUser": "", "buildDate": "", "goVersion": ""})
}

/// `/api/v1/status/config`; `interval` in ms.
#[must_use]
pub fn config(interval: u64) -> Value {
    let length = length(interval);
    json!({"yaml": format!("global:\n  scrape_interval: {length}\n  scrape_timeout: 10s\n  evaluation_interval: 1m\n")})
}

/// A length of time as Prometheus writes it: `15s`, `1m`, `500ms`.
fn length(millis: u64) -> String {
    match millis {
        ms if ms % 60_000 == 0 => format!("{}m", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

/// `/api/v1/targets`.
#[must_use]
pub fn targets(scraper: &Scraper, exporters: &Exporters, interval: u64, form: &Form) -> Value {
    let state = form.text("state").to_lowercase();
    let pool = form.text("scrapePool");
    let shown = matches!(state.as_str(), "" | "any" | "active");
    let active =
        scraper.targets().iter().filter(|(name, target)| shown && exporters.contains_key(*name) && (pool.is_empty() || pool == target.job));
    let active: Vec<Value> = active.map(|(_, target)| described(target, interval)).collect();
    json!({"activeTargets": active, "droppedTargets": [], "droppedTargetCounts": {}})
}

fn described(target: &Target, interval: u64) -> Value {
    let (health, error) = match target.last {
        None => ("unknown", ""),
        Some(_) if target.up => ("up", ""),
        Some(_) => ("down", "connect: connection refused"),
    };
    let last = target.last.and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    json!({
        "discoveredLabels": target.labels,
        "labels": target.labels,
        "scrapePool": target.job,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": error,
        "lastScrape": last.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |time| time.to_string()),
        "lastScrapeDuration": 0.002 + 1e-6 * target.samples as f64,
        "health": health,
        "scrapeInterval": length(interval),
        "scrapeTimeout": "10s",
    })
}

/// `/api/v1/metadata`.
///
/// # Errors
/// When `limit` is not a number.
pub fn metadata(exporters: &Exporters, form: &Form) -> Result<Value, Refusal> {
    let wanted = form.text("metric");
    let limit = match form.text("limit") {
        "" => usize::MAX,
        text => {
            let limit: i64 = text.parse().map_err(|_| Refusal::bad_data("limit must be a number"))?;
            usize::try_from(limit).unwrap_or(usize::MAX)
        }
    };
    let exposed = |family: &str, kind: &str| {
        exporters
            .values()
            .any(|exporter| exporter.metrics().iter().filter_map(|metric| metric.labels.get(NAME)).any(|name| belongs(name, family, kind)))
    };
    let families =
        FAMILIES.iter().filter(|(family, kind, _)| (wanted.is_empty() || belongs(wanted, family, kind)) && exposed(family, kind));
    let found: BTreeMap<&str, Value> =
        families.take(limit).map(|(family, kind, help)| (*family, json!([{"type": kind, "help": help, "unit": ""}]))).collect();
    Ok(json!(found))
}

/// Whether a series' name is one of a family's.
fn belongs(name: &str, family: &str, kind: &str) -> bool {
    let rest = name.strip_prefix(family);
    rest == Some("") || (kind == "histogram" && matches!(rest, Some("_bucket" | "_sum" | "_count")))
}

#[cfg(test)]
mod tests {
    use super::super::super::exporter::Exporter;
    use super::super::super::tsdb::{Labels, Tsdb};
    use super::super::super::wire::{Method, Request};
    use super::*;

    fn form(query: &str) -> Form {
        Form::of(&Request::new(Method::Get, &format!("/?{query}")))
    }

    fn one_pod() -> Exporters {
        let mut pod = Exporter::new("pods", Labels::from([("job".to_owned(), "pods".to_owned())]), "http://10.0.0.1:80/metrics".to_owned());
        pod.slot(&Labels::from([(NAME.to_owned(), "http_request_duration_seconds_bucket".to_owned())]));
        Exporters::from([("pod".to_owned(), pod)])
    }

    #[test]
    fn only_families_that_somebody_exposes_are_described() {
        let exporters = one_pod();
        let all = metadata(&exporters, &form("")).unwrap();
        assert_eq!(all.as_object().unwrap().len(), 1);
        assert_eq!(all["http_request_duration_seconds"][0]["type"], "histogram");
        assert_eq!(metadata(&exporters, &form("metric=http_request_duration_seconds_count")).unwrap().as_object().unwrap().len(), 1);
        assert_eq!(metadata(&exporters, &form("metric=up")), Ok(json!({})));
        assert!(metadata(&exporters, &form("limit=x")).is_err());
    }

    #[test]
    fn targets_are_unknown_then_up() {
        let (exporters, mut scraper) = (one_pod(), Scraper::default());
        scraper.discover(&exporters);
        assert_eq!(targets(&scraper, &exporters, 15_000, &form(""))["activeTargets"][0]["health"], "unknown");
        scraper.scrape("pod", &exporters["pod"], &mut Tsdb::new(1_000), 1_700_000_000_000);
        let shown = targets(&scraper, &exporters, 15_000, &form(""));
        assert_eq!(shown["activeTargets"][0]["health"], "up");
        assert_eq!(shown["activeTargets"][0]["lastScrape"], "2023-11-14T22:13:20Z");
        assert_eq!(shown["activeTargets"][0]["scrapeInterval"], "15s");
        assert_eq!(targets(&scraper, &exporters, 15_000, &form("state=dropped"))["activeTargets"], json!([]));
    }
}
