//! The metrics client against servers that misbehave, by URL and through the API server's service proxy.

use std::time::{Duration, Instant};

use cutover::cluster::{ConnectOptions, connect};
use cutover::domain::release::{Endpoint, Prometheus, Release};
use cutover::domain::time::Millis;
use cutover::metrics::Sampler;

use crate::cluster::storefront;
use crate::shop::front::Fault;
use crate::shop::{Shop, rule};

/// The two ways to the same misbehaving Prometheus.
fn endpoints(shop: &Shop) -> [Endpoint; 2] {
    let url = format!("{}/prometheus/proxy", shop.front.url);
    let service = Endpoint::Service { namespace: "monitoring".into(), name: "prometheus-server".into(), port: "80".into() };
    [Endpoint::Url { url, token_from: None, headers: vec![] }, service]
}

fn release(endpoint: Endpoint, preset: Option<&str>) -> Release {
    let prometheus = Prometheus { endpoint, interval: Millis::secs(15), preset: preset.map(str::to_owned), label: None };
    Release { prometheus: Some(prometheus), ..storefront() }
}

/// What a sampler says of each way, with how long it took.
fn said(shop: &Shop, fault: Option<&Fault>, preset: Option<&str>) -> Vec<(String, Duration)> {
    let fault = fault.cloned();
    shop.front.misbehave(rule(move |_, target| if target.contains("/proxy") { fault.clone() } else { None }));
    let options = ConnectOptions { kubeconfig: Some(shop.home.path().join("kubeconfig")), ..ConnectOptions::default() };
    let ask = |endpoint: Endpoint| {
        let (release, options) = (release(endpoint, preset), options.clone());
        shop.block_on(async move {
            let connection = connect(&options).await.unwrap();
            let begun = Instant::now();
            let sampler = Sampler::new(&release, Some(&connection.unary), None).unwrap();
            let answer = sampler.sample(&release, &jiff::Timestamp::now).await;
            (answer.map_or_else(|e| e.to_string(), |scrape| format!("{} series", scrape.series.len())), begun.elapsed())
        })
    };
    endpoints(shop).map(ask).into_iter().collect()
}

#[test]
fn every_wrong_answer_is_an_error_that_says_what_came_and_what_to_do() {
    let shop = Shop::open("two-components", 1.0);
    let html = "<html><head><title>Sign in</title></head></html>";
    let cases: [(&str, Fault, &[&str]); 9] = [
        ("404", Fault::Answer(404, "text/plain", "404 page not found".into()), &["answered 404", "path prefix"]),
        ("401", Fault::Answer(401, "text/plain", "no".into()), &["answered 401", "credentials"]),
        ("403", Fault::Answer(403, "text/plain", "no".into()), &["answered 403", "services/proxy"]),
        ("500", Fault::Answer(500, "text/plain", "boom".into()), &["answered 500", "boom"]),
        ("503", Fault::Answer(503, "text/plain", "no endpoints available".into()), &["answered 503", "no endpoints"]),
        ("HTML", Fault::Answer(200, "text/html", html.into()), &["not a Prometheus answer", "Sign in"]),
        ("garbage", Fault::Answer(200, "application/json", "\u{1b}[2J\u{0}garbage".into()), &["not a Prometheus answer", "<U+001B>[2J"]),
        ("cut", Fault::Answer(200, "application/json", "{\"status\":\"success\",\"data\":{".into()), &["not a Prometheus answer"]),
        ("broken off", Fault::BreaksOff("{\"status\":\"success\"".into()), &["prometheus"]),
    ];
    for preset in [None, Some("http")] {
        for (name, fault, parts) in &cases {
            for (text, _) in said(&shop, Some(fault), preset) {
                assert!(parts.iter().all(|part| text.contains(part)), "{name}: {text}");
                assert!(!text.contains('\u{1b}') && text.len() < 600, "{name}: {text}");
            }
        }
    }
}

#[test]
fn a_refusal_in_prometheus_own_words_is_passed_on() {
    let shop = Shop::open("two-components", 1.0);
    let own = r#"{"status":"error","errorType":"execution","error":"query processing would load too many samples"}"#;
    for code in [422, 400, 503] {
        for (text, _) in said(&shop, Some(&Fault::Answer(code, "application/json", own.into())), Some("http")) {
            assert!(text.ends_with("execution: query processing would load too many samples"), "{code}: {text}");
        }
    }
}

#[test]
fn too_much_and_too_slow_end() {
    let shop = Shop::open("two-components", 1.0);
    let much = format!("{{\"status\":\"success\",\"warnings\":[\"{}\"]}}", "x".repeat(2 << 20));
    for (text, _) in said(&shop, Some(&Fault::Answer(200, "application/json", much)), Some("http")) {
        assert!(text.contains("more than 1 MiB"), "{text}");
    }
    for (text, took) in said(&shop, Some(&Fault::Late(Duration::from_secs(60))), Some("http")) {
        assert!(text.contains("no answer"), "{text}");
        assert!(took < Duration::from_secs(20), "{took:?}");
    }
}

#[test]
fn nothing_and_nobody_are_told_apart() {
    let shop = Shop::open("two-components", 1.0);
    let nothing = Fault::Answer(200, "application/json", r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#.into());
    for (text, _) in said(&shop, Some(&nothing), None) {
        assert!(text.contains("none of the known metric families") && text.contains("prometheus.preset"), "{text}");
    }
    for (text, _) in said(&shop, Some(&nothing), Some("http")) {
        assert_eq!(text, "0 series");
    }
    let release = release(Endpoint::Url { url: "http://127.0.0.1:1".into(), token_from: None, headers: vec![] }, None);
    let text = shop.block_on(async {
        let sampler = Sampler::new(&release, None, None).unwrap();
        sampler.sample(&release, &jiff::Timestamp::now).await.unwrap_err().to_string()
    });
    assert!(text.contains("http://127.0.0.1:1") && text.contains("no answer"), "{text}");
}

#[test]
fn by_how_much_prometheus_clock_is_ahead_comes_with_each_look() {
    let shop = Shop::open("two-components", 1.0);
    let options = ConnectOptions { kubeconfig: Some(shop.home.path().join("kubeconfig")), ..ConnectOptions::default() };
    let [_, service] = endpoints(&shop);
    let release = release(service, Some("http"));
    let ahead = |late: Millis| {
        shop.block_on(async {
            let connection = connect(&options).await.unwrap();
            let sampler = Sampler::new(&release, Some(&connection.unary), None).unwrap();
            let clock = || jiff::Timestamp::now() - late.duration();
            sampler.sample(&release, &clock).await.unwrap().ahead
        })
    };
    assert_eq!(ahead(Millis::ZERO), Millis::ZERO);
    // At least: how long the answer was on its way is not told.
    let told = ahead(Millis::mins(3));
    assert!((Millis::secs(170)..=Millis::secs(180)).contains(&told), "{told}");
}
