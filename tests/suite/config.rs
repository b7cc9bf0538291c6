//! What people are told when a release file is wrong.

use cutover::config::parse;

/// The release of the first runbook.
const GOOD: &str = include_str!("../../assets/examples/storefront.yaml");

#[test]
fn every_wrong_file_is_told_what_is_wrong_where() {
    let cases: &[(&str, &str)] = &[
        ("  traffic: { replicas: {} }", "  trafic: { replicas: {} }"),
        ("{ replicas: {} }", "{ replicsa: {} }"),
        ("{ replicas: {} }", "{ nginx: {} }"),
        ("{ replicas: {} }", "{ nginx: { ingress: web-canary, prefix: nginx/ } }"),
        ("{ replicas: {} }", "{ nginx: { ingress: web-canary, stable: web, candidate: web } }"),
        ("{ replicas: {} }", "{ traefik: {} }"),
        ("{ replicas: {} }", "{ replicas: {}, testers: { header: { name: x-canary, value: always } } }"),
        ("{ replicas: {} }", "{ testers: {} }"),
        ("{ replicas: {} }", "{ testers: { header: { name: x canary, value: \"\" } } }"),
        ("{ replicas: {} }", "{ testers: { header: { name: Cookie, value: a } } }"),
        ("{ replicas: {} }", "{ nginx: { ingress: web-canary }, testers: { cookie: { name: beta, value: \"yes\" } } }"),
        ("{ replicas: {} }", "{}"),
        ("{ replicas: {} }", "{ gateway: {} }"),
        ("{ replicas: {} }", "{ istio: {route: x} }"),
        ("watch: 1h", "production: 3"),
        ("watch: 1h", "keep: {}"),
        ("minRequests: 200", "minRequests: -1"),
        ("minRequests: 200", "minRequests: many"),
        ("name: storefront", "<<: 3"),
        ("name: storefront", "name: {{ release }}"),
        ("name: storefront", "name: null"),
        ("watch: 1h", "strategy: canary"),
        ("strategy:\n  canary:", "strategy: canary\nx:\n  a:"),
        ("gates:\n", "gates: errors\nx:\n"),
        ("- errors: { above: 5%, for: 5m, then: rollback }", "- errors"),
        ("- errors: { above: 5%, for: 5m, then: rollback }", "- errors: 5%"),
        ("- errors: { above: 5%, for: 5m, then: rollback }", "- throughput: { above: 5%, for: 5m, then: rollback }"),
        ("quantile: 0.95, above: 500ms", "quantile: p95, above: 500ms"),
        ("{ replicas: {} }", "{ replicas: {}, istio: {virtualService: x} }"),
        ("watch: 1h", "watch: 1 hour"),
        ("watch: 1h", "watch: 90"),
        ("watch: 1h", "watch: [1h]"),
        ("watch: 1h", "checks: []"),
        ("watch: 1h", "watch: 1h\nwatch: 2h"),
        ("watch: 1h", "watch: 1h\n\tx: y"),
        ("components:", "components: 3\nx:"),
        ("name: storefront\n", ""),
        ("name: storefront", "name: Store_Front"),
        ("  stable: fusion-electronics-frontend\n", ""),
        ("name: frontend", "name: backend"),
        ("stable: fusion-electronics-frontend\n", "stable: fusion-electronics-backend\n"),
        ("{weight: 25%, hold: 1m30s}", "{weight: 5, hold: 1m30s}"),
        ("{weight: 25%, hold: 1m30s}", "{weight: 125, hold: 1m30s}"),
        ("{weight: 25%, hold: 1m30s}", "{wieght: 25, hold: 1m30s}"),
        ("{weight: 25%, hold: 1m30s}", "{hold: 1m30s}"),
        ("{weight: 25%, hold: 1m30s}", "wait"),
        ("{weight: 25%, hold: 1m30s}", "{weight: 25, hold: soon}"),
        ("above: 5%,", "above: 5,"),
        ("above: 5%,", "above: 500ms,"),
        ("above: 5%,", "worseThan: stable,"),
        ("above: 5%,", ""),
        ("above: 5%,", "above: 5%, below: 1%,"),
        ("quantile: 0.95, above: 500ms", "above: 500ms"),
        ("quantile: 0.95, above: 500ms", "quantile: 95, above: 500ms"),
        ("quantile: 0.95, above: 500ms", "quantile: 0.95, above: 500"),
        ("above: 500ms, for: 10m, then: rollback", "above: stable + 20%"),
        ("then: pause", "then: rolback"),
        ("then: pause", "then: stop"),
        ("atLeast: 3", "atLeast: 0"),
        ("atLeast: 3", "atLeast: many"),
        ("  candidate: fusion-electronics-frontend-canary\n", ""),
        ("  canary:\n", "  canary:\n    stpes: 1\n"),
        ("  canary:\n", "  blueGreen: {}\n  canary:\n"),
        ("traffic: { replicas: {} }", "traffic: { service: { service: web } }"),
        ("traffic: { replicas: {} }", "traffic: { istio: { virtualService: fusion-electronics-backend } }"),
        ("service: monitoring/prometheus-server:80", "service: prometheus"),
        ("service: monitoring/prometheus-server:80", "url: prometheus:9090"),
        ("service: monitoring/prometheus-server:80", "url: http://a, service: b/c:80"),
        ("service: monitoring/prometheus-server:80", "url: http://a:9090, preset: sprng"),
        ("name: storefront\n", "name: [\n"),
        ("name: storefront\n", "name: &a [*a]\n"),
        ("\"payments on-call: +1 555\"", "{a: b}"),
    ];
    let mut told = String::new();
    for (from, to) in cases {
        assert!(GOOD.contains(from), "{from}");
        let error = parse("cutover.yaml", &GOOD.replacen(from, to, 1)).expect_err(to);
        told += &format!("{}\n    {}\n", to.replace('\n', "⏎").replace('\t', "⇥"), error.to_string().replace('\n', "\n    "));
    }
    for text in ["", "hello", "- a", "# only a comment", "---\n---\n", "\u{1}", "name: \u{1b}[2J"] {
        let error = parse("cutover.yaml", text).expect_err(text);
        told += &format!("{text:?}\n    {error}\n");
    }
    insta::assert_snapshot!(told);
}

#[cfg(feature = "sim")]
#[test]
fn the_releases_of_all_scenarios_are_read() {
    for (name, _) in cutover::sim::scenario::BUILT_IN {
        let scenario = cutover::sim::scenario::Scenario::built_in(name).unwrap();
        let text = scenario.release_text().expect(name);
        let releases = parse(name, &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(releases.len(), 1, "{name}");
    }
}
