//! What both are asked.

use super::answers::encoded;

/// Asked at many instants: what the sampler asks (selectors and ranges, as they are), what release files and runbooks compute.
const INSTANT: &[&str] = &[
    "http_requests_total",
    r#"http_requests_total{pod="a",code=~"2.."}"#,
    r#"http_requests_total{pod!="a",method=~"GET|POST"}[4s]"#,
    r#"{__name__=~"request_duration_milliseconds_bucket|http_requests_total",pod="b"}[6s]"#,
    "http_requests_total[3500ms] offset 2s",
    "temperature",
    "temperature[5s]",
    "sparse_total",
    "sparse_total[8s]",
    "rate(http_requests_total[5s])",
    "irate(http_requests_total[5s])",
    "increase(http_requests_total[7s])",
    "increase(sparse_total[10s])",
    "delta(temperature[6s])",
    "resets(http_requests_total[20s])",
    "changes(temperature[10s])",
    "sum(rate(http_requests_total[5s]))",
    "sum by (pod) (rate(http_requests_total[5s]))",
    "sum without (code, instance) (increase(http_requests_total[9s]))",
    r#"sum(rate(http_requests_total{code=~"5.."}[6s])) / sum(rate(http_requests_total[6s]))"#,
    r#"sum by (pod) (rate(http_requests_total{code="500"}[6s])) / on (pod) sum by (pod) (rate(http_requests_total[6s]))"#,
    r#"100 * (1 - sum(increase(http_requests_total{code="500"}[10s])) / sum(increase(http_requests_total[10s])))"#,
    "histogram_quantile(0.95, sum by (le) (rate(request_duration_milliseconds_bucket[6s])))",
    "histogram_quantile(0.5, sum by (le, pod) (increase(request_duration_milliseconds_bucket[8s])))",
    "histogram_quantile(0.99, request_duration_milliseconds_bucket)",
    "sum(rate(request_duration_milliseconds_sum[6s])) / sum(rate(request_duration_milliseconds_count[6s]))",
    "avg_over_time(temperature[5s])",
    "max_over_time(temperature[9s])",
    "min by (room) (min_over_time(temperature[9s]))",
    "count_over_time(http_requests_total[6s])",
    "last_over_time(sparse_total[5s])",
    "present_over_time(sparse_total[2s])",
    "quantile_over_time(0.9, temperature[8s])",
    "absent(http_requests_total{pod=\"z\"})",
    "absent_over_time(sparse_total[2s])",
    "count(up == 1)",
    "up",
    "avg(temperature) > bool 3",
    "temperature > 3 or temperature < 0",
    "http_requests_total unless on (pod) sparse_total",
    "topk(1, http_requests_total{code=\"200\"})",
    "sort_desc(sum by (code) (http_requests_total))",
    "max(second_total) or vector(0)",
    "rate(second_total[4s])",
    "second_total",
    "clamp_min(sum(rate(http_requests_total[5s])), 20)",
    "label_replace(up, \"port\", \"$1\", \"instance\", \".*:(.*)\")",
    "scalar(sum(temperature{room=\"yard\"})) + 1",
    "time() - timestamp(up)",
    "rate(temperature[5s])",
    "max_over_time(rate(http_requests_total[4s])[10s:1s])",
];

/// Asked over the whole time.
const RANGE: &[&str] = &[
    "http_requests_total",
    "sum by (pod) (rate(http_requests_total[5s]))",
    "histogram_quantile(0.95, sum by (le) (rate(request_duration_milliseconds_bucket[6s])))",
    "temperature",
    "sparse_total",
    r#"sum(increase(http_requests_total{code="500"}[5s])) / sum(increase(http_requests_total[5s]))"#,
    "count_over_time(http_requests_total[3s])",
];

/// Refused, or answered with a warning, whatever is stored.
const ODD: &[&str] = &[
    "/api/v1/query",
    "/api/v1/query?query=",
    "/api/v1/query?query=sum(",
    "/api/v1/query?query=up&time=yesterday",
    "/api/v1/query?query=rate(up)",
    "/api/v1/query?query=nonsense(up)",
    "/api/v1/query?query=http_requests_total%20%2B%20on%20(pod)%20http_requests_total",
    "/api/v1/query?query=up&timeout=soon",
    "/api/v1/query?query=%7B%7D",
    "/api/v1/query_range?query=up",
    "/api/v1/query_range?query=up&start=2&end=1&step=1",
    "/api/v1/query_range?query=up&start=1&end=2&step=0",
    "/api/v1/query_range?query=up%5B1m%5D&start=1&end=2&step=1",
    "/api/v1/query_range?query=up&start=0&end=100000&step=1",
    "/api/v1/series",
    "/api/v1/label/pod-/values",
    "/api/v1/nothing",
];

/// Paths with their queries. `first` and `last` scrape, ms; `uncertain` says at which instants only the real one knows.
pub fn targets(first: i64, last: i64, uncertain: impl Fn(i64) -> bool) -> Vec<String> {
    let query = |query: &str, at: i64| format!("/api/v1/query?query={}&time={}", encoded(query), seconds(at));
    // Between scrapes, and, by the last, exactly at one.
    let instants: Vec<i64> = (1..8).map(|n| first + (last - first) * n / 8 + 137 * n).chain([last]).filter(|at| !uncertain(*at)).collect();
    let mut all: Vec<String> = INSTANT.iter().flat_map(|text| instants.iter().map(move |at| query(text, *at))).collect();
    for text in RANGE {
        for (start, step) in [(first - 3_000, "1"), (first + 400, "700ms"), (first, "5")] {
            all.push(format!("/api/v1/query_range?query={}&start={}&end={}&step={step}", encoded(text), seconds(start), seconds(last)));
        }
    }
    all.extend(ODD.iter().map(|target| (*target).to_owned()));
    for path in [
        "series?match%5B%5D=http_requests_total&match%5B%5D=up",
        "labels?match%5B%5D=up",
        "label/pod/values?match%5B%5D=http_requests_total",
    ] {
        all.push(format!("/api/v1/{path}&start={}&end={}", seconds(first), seconds(last)));
    }
    all
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// A target as a person reads it.
pub fn readable(target: &str) -> String {
    percent_decoded(target.split_once("query=").map_or(target, |(_, rest)| rest))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let code = |digit: Option<u8>| digit.and_then(|d| char::from(d).to_digit(16)).unwrap_or(0) as u8;
        bytes.push(if byte == b'%' { code(rest.next()) * 16 + code(rest.next()) } else { byte });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
