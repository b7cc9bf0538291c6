//! A canary under load: where the requests go, what they meet, and what `cutover` says of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::shop::{NEW, OLD, SOON, Shop, assert_binomial};
use crate::harness::bastion::ended;
use crate::harness::deadline::eventually;
use crate::harness::node::on_a_node;
use crate::harness::objects::{BACKEND, COMPONENTS, api};

/// Requests a step is judged by.
const SAMPLE: u64 = 300;

#[test]
fn the_split_follows_each_step_and_no_request_fails() {
    on_a_node("node::canary::the_split_follows_each_step_and_no_request_fails", async |node| {
        let shop = Shop::open(node, "canary").await;
        let mut driver = shop.run(NEW);
        let mut compared = 0;
        for percent in [10, 25, 50, 75, 100] {
            shop.holds(percent, &mut driver).await;
            let before = served(&shop).await;
            let counts = shop.sample(percent, SAMPLE).await;
            let since = difference(&served(&shop).await, &before);
            // On a slow machine the next step may have begun; what servers counted bears no time, so it cannot be told apart then.
            let lasted = shop.weights().await == [percent; 2];
            compared += usize::from(lasted);
            for (component, count) in COMPONENTS.into_iter().zip(counts) {
                let what = format!("{} at {percent} %, as", component.name);
                assert_binomial(&format!("{what} customers saw it"), percent as f64, count);
                if lasted {
                    assert_binomial(
                        &format!("{what} its servers counted"),
                        percent as f64,
                        split(&since, component.stable, component.canary),
                    );
                }
            }
        }
        assert!(compared >= 3, "servers' counters of {compared} steps only could be compared");
        let (code, text) = ended(driver).await;
        assert_eq!(code, 0, "{text}");
        assert_eq!(shop.customers.complaints(), Vec::<String>::new(), "a request failed because of a step or of the promotion");
        assert_eq!(shop.weights().await, [0, 0], "traffic is back on stable, which carries the new version");
        let from = Instant::now();
        let counts = shop.sample(0, SAMPLE).await;
        assert!(counts.iter().all(|(_, canary)| *canary == 0), "{counts:?}");
        let after: Vec<_> = shop.customers.answers().into_iter().filter(|answer| answer.asked > from).collect();
        assert!(after.iter().all(|answer| answer.came.as_ref().is_ok_and(|(version, _)| version == NEW)), "{:?}", after.last());
        assert_eq!(shop.customers.complaints(), Vec::<String>::new(), "a request failed after the promotion");
    });
}

#[test]
fn a_rollback_under_load_loses_no_request_and_the_weights_agree() {
    on_a_node("node::canary::a_rollback_under_load_loses_no_request_and_the_weights_agree", async |node| {
        let shop = Shop::open(node, "back").await;
        let mut driver = shop.run(NEW);
        shop.holds(25, &mut driver).await;
        shop.done("pause", &["pause"]).await;
        let from = Instant::now();
        shop.sample(25, SAMPLE).await;
        agree(&shop, 25.0, from).await;

        let (code, text) = shop.done("rollback", &["rollback"]).await;
        assert_eq!(code, 0, "{text}");
        let (code, text) = ended(driver).await;
        assert_eq!(code, 3, "rolled back although promotion was asked: {text}");
        assert_eq!(shop.weights().await, [0, 0]);
        eventually("a gateway that goes by it", SOON, async || {
            let sent = COMPONENTS.map(|component| shop.gateway.percent(component));
            if sent == [Some(0), Some(0)] { Ok(()) } else { Err(sent) }
        })
        .await;
        let counts = shop.sample(0, SAMPLE).await;
        assert!(counts.iter().all(|(_, canary)| *canary == 0), "{counts:?}");
        let last = shop.customers.answers().pop().and_then(|answer| answer.came.ok());
        assert!(last.as_ref().is_some_and(|(version, _)| version == OLD), "{last:?}");
        assert_eq!(shop.customers.complaints(), Vec::<String>::new(), "a request failed because of a step or of the rollback");
    });
}

/// Asked, accepted and observed weights, as `cutover status` gives them, against what the servers counted.
async fn agree(shop: &Shop, percent: f64, from: Instant) {
    let (code, text) = shop.done("status", &["status", "-o", "json"]).await;
    assert_eq!(code, 0, "{text}");
    let status: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let status = &status[0];
    assert_eq!(status["asked"].as_f64(), Some(percent), "{text}");
    for component in status["components"].as_array().expect("components") {
        assert_eq!(component["accepted"].as_f64(), Some(percent), "{text}");
        let observed = component["observed"].as_f64().unwrap_or_else(|| panic!("no observed weight: {text}"));
        let name = component["component"].as_str().unwrap_or_default();
        let of = COMPONENTS.into_iter().find(|c| c.name == name).expect("one of ours");
        let (all, canary) = shop.customers.split(of, from, Instant::now());
        let counted = canary as f64 / all as f64 * 100.0;
        // Two samples of the same route: four standard deviations of their difference, or one run in a few hundred would fail.
        let share = percent / 100.0;
        let most = 400.0 * (2.0 * share * (1.0 - share) / all as f64).sqrt();
        assert!((observed - counted).abs() < most, "{name}: observed {observed} %, counted {counted:.1} % of {all}, allowed {most:.1}");
        assert_binomial(&format!("{name} at {percent} %"), percent, (all, canary));
    }
}

/// What each pod that is there counted itself, and that it is what its customers got: no request was counted twice or went astray.
async fn served(shop: &Shop) -> BTreeMap<String, u64> {
    let client = shop.namespace.harness().await;
    let pods = api(&client, &shop.namespace.name, "", "v1", "Pod").list(&Default::default()).await.expect("the pods").items;
    let http = reqwest::Client::builder().timeout(Duration::from_secs(2)).build().expect("a client");
    let mut served = BTreeMap::new();
    for pod in pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
        let (name, ip) = (pod.metadata.name.clone().unwrap_or_default(), pod.data["status"]["podIP"].as_str().unwrap_or_default());
        let port = pod.data["spec"]["containers"][0]["ports"][0]["containerPort"].as_u64().unwrap_or_default();
        // One that is not up yet has counted nothing, and one that has just gone is none of the step's.
        let Ok(page) = http.get(format!("http://{ip}:{port}/metrics")).send().await else { continue };
        let page = page.text().await.unwrap_or_default();
        let counts = page.lines().filter(|line| line.starts_with("http_requests_total{")).filter_map(|line| line.rsplit(' ').next());
        served.insert(name, counts.filter_map(|count| count.parse::<u64>().ok()).sum());
    }
    let reached = async || {
        let mut got: BTreeMap<String, u64> = BTreeMap::new();
        for (_, pod) in shop.customers.answers().into_iter().filter_map(|answer| answer.came.ok()) {
            *got.entry(pod).or_default() += 1;
        }
        let behind: Vec<_> = served.iter().filter(|(pod, count)| got.get(*pod).copied().unwrap_or_default() < **count).collect();
        if behind.is_empty() { Ok(()) } else { Err(format!("servers counted {behind:?}, customers got {got:?}")) }
    };
    eventually("customers with every answer that was counted", SOON, reached).await;
    served
}

fn difference(later: &BTreeMap<String, u64>, earlier: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    later.iter().map(|(pod, count)| (pod.clone(), count - earlier.get(pod).copied().unwrap_or_default())).collect()
}

/// (of all, of the canary's) requests.
fn split(served: &BTreeMap<String, u64>, stable: &str, canary: &str) -> (u64, u64) {
    let canary = format!("{canary}-");
    let ours = served.iter().filter(|(pod, _)| pod.starts_with(&format!("{stable}-")));
    ours.fold((0, 0), |(all, hits), (pod, count)| (all + count, hits + if pod.starts_with(&canary) { *count } else { 0 }))
}

#[test]
fn errors_in_real_answers_bring_the_release_back() {
    on_a_node("node::canary::errors_in_real_answers_bring_the_release_back", async |node| {
        let shop = Shop::open(node, "errors").await;
        super::shop::image(node, BACKEND, "v1.3.0", &["SHOP_ERRORS=0.3"]);
        let image = format!("backend={}", BACKEND.image("v1.3.0"));
        let (code, text) = shop.done("driver", &["run", "--yes", "--image", &image]).await;
        assert_eq!(code, 3, "{text}");
        assert!(text.contains("rollback") && text.contains("errors"), "the reason is told: {text}");
        assert_eq!(shop.weights().await, [0, 0]);
        let complaints = shop.customers.complaints();
        assert!(complaints.iter().all(|line| line.contains("backend: 500") && line.contains("v1.3.0")), "{complaints:?}");
        // Nobody was to see more than a tenth of the requests of one component fail, and those only until the gate closed.
        let asked = shop.customers.answers().len();
        assert!(!complaints.is_empty() && complaints.len() * 10 < asked, "{} of {asked}", complaints.len());
    });
}
