//! The stored state: compare-and-swap, and no order is ever lost.

use std::sync::Arc;

use cutover::cluster::state::{StateError, append_order, list, load, object, store};
use cutover::domain::command::{Command, Order};
use cutover::domain::journal::{Entry, EntryKind};
use cutover::domain::port::StoreOutcome;
use cutover::domain::rollout::Rollout;
use jiff::Timestamp;
use kube::Client;

use super::{Bench, NAMESPACE, storefront};

/// A run that has just begun.
pub fn rollout() -> Rollout {
    Rollout { epoch: 1, ..Rollout::new(storefront(), "r1", "you", Timestamp::UNIX_EPOCH) }
}

fn order(id: &str) -> Order {
    Order { id: id.into(), command: Command::RollBack, actor: "you".into(), at: Timestamp::UNIX_EPOCH, mark: None }
}

async fn stored(client: &Client, rollout: &Rollout, expected: Option<&str>, drop: &[String]) -> String {
    match store(client, rollout, expected, drop).await {
        StoreOutcome::Stored { version } => version,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_state_is_swapped_only_for_the_one_it_descends_from() {
    let bench = Bench::of("healthy").await;
    let client = bench.connect(false).await.unary;
    assert_eq!(load(&client, NAMESPACE, "storefront").await, Ok(None));
    let mut run = rollout();
    let first = stored(&client, &run, None, &[]).await;
    assert_eq!(store(&client, &run, None, &[]).await, StoreOutcome::Conflict, "it exists");
    run.turn = 1;
    let second = stored(&client, &run, Some(&first), &[]).await;
    assert_eq!(store(&client, &rollout(), Some(&first), &[]).await, StoreOutcome::Conflict);
    let read = load(&client, NAMESPACE, "storefront").await.unwrap().unwrap();
    assert_eq!((read.rollout, read.version), (Some(run.into()), second));
}

#[tokio::test]
async fn an_order_that_arrives_meanwhile_is_a_conflict_and_not_lost() {
    let bench = Bench::of("healthy").await;
    let client = bench.connect(false).await.unary;
    append_order(&client, NAMESPACE, "storefront", &order("a")).await.unwrap();
    let early = load(&client, NAMESPACE, "storefront").await.unwrap().unwrap();
    assert_eq!((early.rollout, early.orders), (None, vec![order("a")]), "an order may come before any run");

    append_order(&client, NAMESPACE, "storefront", &order("b")).await.unwrap();
    assert_eq!(store(&client, &rollout(), Some(&early.version), &["a".into()]).await, StoreOutcome::Conflict);
    let now = load(&client, NAMESPACE, "storefront").await.unwrap().unwrap();
    assert_eq!(now.orders, [order("a"), order("b")]);
    stored(&client, &rollout(), Some(&now.version), &["a".into()]).await;
    let rest = load(&client, NAMESPACE, "storefront").await.unwrap().unwrap();
    assert_eq!(rest.orders, [order("b")]);
    assert!(rest.rollout.is_some());
}

#[tokio::test]
async fn a_state_that_grew_too_large_loses_its_oldest_lines_and_then_is_refused() {
    let bench = Bench::of("healthy").await;
    let client = bench.connect(false).await.unary;
    let mut run = rollout();
    let entry = |n: usize| Entry {
        at: Timestamp::UNIX_EPOCH,
        kind: EntryKind::Note,
        actor: "you".into(),
        text: format!("{n} {}", "x".repeat(100_000)),
    };
    run.log.extend((0..20).map(entry).map(Arc::new));
    stored(&client, &run, None, &[]).await;
    let read = load(&client, NAMESPACE, "storefront").await.unwrap().unwrap().rollout.unwrap();
    assert_eq!(read.log.len(), 9);
    assert!(read.log.back().unwrap().text.starts_with("19 "), "the newest stay");
    run.cause = Some("x".repeat(1_000_000));
    let refused = store(&client, &run, None, &[]).await;
    assert!(matches!(&refused, StoreOutcome::Refused { why } if why.contains("900 KiB")), "{refused:?}");
}

#[tokio::test]
async fn all_states_of_a_namespace_are_listed_and_a_damaged_one_harms_no_other() {
    let bench = Bench::of("healthy").await;
    let client = bench.connect(false).await.unary;
    stored(&client, &rollout(), None, &[]).await;
    let damage = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "cutover-broken", "labels": { "app.kubernetes.io/managed-by": "cutover", "cutover.dev/release": "broken" } },
        "data": { "rollout": "{\"schema\":" }
    });
    let at = format!("/api/v1/namespaces/{NAMESPACE}/configmaps");
    let request = http::Request::post(at).header("content-type", "application/json").body(damage.to_string().into_bytes()).unwrap();
    client.request::<serde_json::Value>(request).await.unwrap();
    let all = list(&client, NAMESPACE).await.unwrap();
    assert_eq!(all.keys().collect::<Vec<_>>(), ["broken", "storefront"]);
    assert!(matches!(all["broken"], Err(StateError::Damaged { .. })));
    assert_eq!(all["storefront"].as_ref().unwrap().rollout, Some(rollout().into()));
    assert_eq!(object(NAMESPACE, "broken").name, "cutover-broken");
}

#[tokio::test]
async fn of_orders_that_come_at_once_where_nothing_is_on_record_none_is_lost() {
    let bench = Bench::of("healthy").await;
    let client = bench.connect(false).await.unary;
    let orders: Vec<Order> = (0..8).map(|n| order(&format!("order-{n}"))).collect();
    let all = futures::future::join_all(orders.iter().map(|o| append_order(&client, NAMESPACE, "storefront", o))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let left = load(&client, NAMESPACE, "storefront").await.unwrap().unwrap().orders;
    assert_eq!(left.len(), orders.len(), "{left:?}");
}
