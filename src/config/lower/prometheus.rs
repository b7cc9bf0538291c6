//! Where request metrics come from.

use crate::domain::declared::INTERVAL;
use crate::domain::release::{Endpoint, Prometheus, TrackLabel};
use crate::domain::time::Millis;

use crate::config::check::Check;
use crate::config::error::nearest;
use crate::config::file::PrometheusFile;

/// The metric families that are known.
pub const PRESETS: [&str; 4] = ["http", "spring", "istio", "nginx"];

pub(super) fn lower(check: &mut Check<'_>, file: &PrometheusFile) -> Option<Prometheus> {
    let interval = file.interval.map_or(INTERVAL, |s| s.0);
    if interval < Millis::secs(1) {
        check.fault("prometheus.interval", "targets are scraped once a second at most; write 15s");
    }
    if let Some(preset) = file.preset.as_deref().filter(|p| !PRESETS.contains(p)) {
        let hint = nearest(preset, PRESETS).map_or_else(|| format!("known: {}", PRESETS.join(", ")), |p| format!("did you mean `{p}`?"));
        check.fault("prometheus.preset", format!("no metric family is called `{preset}`; {hint}"));
    }
    if let Some(label) = file.label.as_ref().filter(|l| l.stable == l.candidate) {
        check.fault("prometheus.label.candidate", format!("both sides have the value `{}`: they could not be told apart", label.candidate));
    }
    let label = file.label.as_ref();
    Some(Prometheus {
        endpoint: endpoint(check, file)?,
        interval,
        preset: file.preset.clone(),
        label: label.map(|l| TrackLabel { name: l.name.clone(), stable: l.stable.clone(), candidate: l.candidate.clone() }),
    })
}

fn endpoint(check: &mut Check<'_>, file: &PrometheusFile) -> Option<Endpoint> {
    check.one_of("prometheus", &[("url", file.url.is_some()), ("service", file.service.is_some())])?;
    if let Some(service) = &file.service {
        if file.token_from.is_some() {
            check.fault("prometheus.tokenFrom", "belongs to `url`; the service proxy uses the cluster's credentials");
        }
        if !file.headers.is_empty() {
            check.fault("prometheus.headers", "belong to `url`; the service proxy sends none");
        }
        let parts = service.split_once('/').and_then(|(ns, rest)| Some((ns, rest.rsplit_once(':')?)));
        let Some((namespace, (name, port))) = parts.filter(|(ns, (name, port))| !ns.is_empty() && !name.is_empty() && !port.is_empty())
        else {
            check
                .fault("prometheus.service", format!("`{service}` is not NAMESPACE/SERVICE:PORT, such as monitoring/prometheus-server:80"));
            return None;
        };
        check.object_name("prometheus.service", namespace);
        check.object_name("prometheus.service", name);
        return Some(Endpoint::Service { namespace: namespace.to_owned(), name: name.to_owned(), port: port.to_owned() });
    }
    let url = file.url.as_ref()?;
    let parsed = url.parse::<http::Uri>().ok();
    if !parsed.is_some_and(|u| u.host().is_some() && matches!(u.scheme_str(), Some("http" | "https"))) {
        check.fault("prometheus.url", format!("`{url}` is not an address such as http://prometheus.monitoring:9090"));
    }
    if url.contains('@') {
        check.fault("prometheus.url", "keep credentials out of the file: use `tokenFrom`, or a header");
    }
    let mut headers = Vec::new();
    for (name, value) in &file.headers {
        let path = format!("prometheus.headers.{name}");
        if http::HeaderName::try_from(name).is_err() {
            check.fault(path.clone(), format!("`{name}` cannot be a header's name"));
        }
        if http::HeaderValue::try_from(value).is_err() {
            check.fault(path, "a header's value holds no line breaks or control characters");
        }
        headers.push((name.clone(), value.clone()));
    }
    Some(Endpoint::Url { url: url.trim_end_matches('/').to_owned(), token_from: file.token_from.clone(), headers })
}
