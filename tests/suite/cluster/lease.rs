//! The Lease: one holder, and a new epoch with every acquisition.

use cutover::cluster::lease::{ask, object};
use cutover::domain::port::{LeaseAsk, LeaseOutcome};
use kube::Client;

use super::{Bench, NAMESPACE};

struct Drivers {
    client: Client,
    _bench: Bench,
}

impl Drivers {
    async fn new() -> Drivers {
        let bench = Bench::of("healthy").await;
        Drivers { client: bench.connect(false).await.unary, _bench: bench }
    }

    async fn ask(&self, who: &str, what: LeaseAsk) -> LeaseOutcome {
        ask(&self.client, NAMESPACE, "shop", who, &what).await
    }

    async fn acquire(&self, who: &str) -> LeaseOutcome {
        self.ask(who, LeaseAsk::Acquire { expired: None, after: 0 }).await
    }
}

fn version(outcome: &LeaseOutcome) -> String {
    let LeaseOutcome::Taken { version, .. } = outcome else { panic!("{outcome:?}") };
    version.clone()
}

#[tokio::test]
async fn every_acquisition_has_its_own_epoch() {
    let drivers = Drivers::new().await;
    assert_eq!(drivers.ask("a", LeaseAsk::Read).await, LeaseOutcome::Free);
    assert_eq!(drivers.acquire("a").await, LeaseOutcome::Held { epoch: 1 });
    assert_eq!(drivers.ask("a", LeaseAsk::Renew { epoch: 1 }).await, LeaseOutcome::Held { epoch: 1 });
    assert_eq!(drivers.acquire("a").await, LeaseOutcome::Held { epoch: 2 }, "also by the same holder");
    assert_eq!(drivers.ask("a", LeaseAsk::Release { epoch: 2 }).await, LeaseOutcome::Free);
    assert_eq!(drivers.acquire("b").await, LeaseOutcome::Held { epoch: 3 });
    // Numbered on from what is on record, where the Lease itself was deleted and made anew.
    assert_eq!(drivers.ask("b", LeaseAsk::Release { epoch: 3 }).await, LeaseOutcome::Free);
    assert_eq!(drivers.ask("c", LeaseAsk::Acquire { expired: None, after: 9 }).await, LeaseOutcome::Held { epoch: 10 });
}

#[tokio::test]
async fn a_held_lease_is_taken_only_as_it_was_seen() {
    let drivers = Drivers::new().await;
    drivers.acquire("a").await;
    let seen = drivers.acquire("b").await;
    assert!(matches!(&seen, LeaseOutcome::Taken { holder, epoch: 1, renewed: Some(_), .. } if holder == "a"), "{seen:?}");
    // It was renewed since: the version that was seen is not the present one.
    assert_eq!(drivers.ask("a", LeaseAsk::Renew { epoch: 1 }).await, LeaseOutcome::Held { epoch: 1 });
    let stale = drivers.ask("b", LeaseAsk::Acquire { expired: Some(version(&seen)), after: 0 }).await;
    assert_ne!(version(&stale), version(&seen));
    assert_eq!(drivers.ask("b", LeaseAsk::Acquire { expired: Some(version(&stale)), after: 0 }).await, LeaseOutcome::Held { epoch: 2 });
}

#[tokio::test]
async fn the_old_holder_learns_of_it_and_cannot_disturb_the_new_one() {
    let drivers = Drivers::new().await;
    drivers.acquire("a").await;
    let seen = version(&drivers.acquire("b").await);
    drivers.ask("b", LeaseAsk::Acquire { expired: Some(seen), after: 0 }).await;
    for ask in [LeaseAsk::Renew { epoch: 1 }, LeaseAsk::Release { epoch: 1 }] {
        let told = drivers.ask("a", ask).await;
        assert!(matches!(&told, LeaseOutcome::Taken { holder, epoch: 2, .. } if holder == "b"), "{told:?}");
    }
    assert_eq!(drivers.ask("b", LeaseAsk::Renew { epoch: 2 }).await, LeaseOutcome::Held { epoch: 2 });
    // A namesake of an earlier life has no claim either.
    let namesake = drivers.ask("b", LeaseAsk::Renew { epoch: 1 }).await;
    assert!(matches!(namesake, LeaseOutcome::Taken { epoch: 2, .. }), "{namesake:?}");
}

#[tokio::test]
async fn of_many_at_once_one_wins() {
    let drivers = Drivers::new().await;
    let names: Vec<String> = (0..8).map(|n| format!("driver-{n}")).collect();
    let all = futures::future::join_all(names.iter().map(|name| drivers.acquire(name))).await;
    let held = all.iter().filter(|o| matches!(o, LeaseOutcome::Held { epoch: 1 })).count();
    assert_eq!(held, 1, "{all:?}");
    assert!(all.iter().all(|o| matches!(o, LeaseOutcome::Held { .. } | LeaseOutcome::Taken { .. })), "{all:?}");
    let body: serde_json::Value =
        drivers.client.request(http::Request::get(object(NAMESPACE, "shop").path()).body(vec![]).unwrap()).await.unwrap();
    assert_eq!((&body["spec"]["leaseDurationSeconds"], &body["metadata"]["labels"]["cutover.dev/release"]), (&15.into(), &"shop".into()));
}

#[tokio::test]
async fn where_there_is_no_namespace_it_is_refused_with_the_servers_word() {
    let bench = Bench::of("healthy").await;
    let client = bench.connect(false).await.unary;
    let outcome = ask(&client, "nowhere", "shop", "a", &LeaseAsk::Acquire { expired: None, after: 0 }).await;
    assert!(matches!(&outcome, LeaseOutcome::Refused { why } if why.contains("namespaces \"nowhere\" not found")), "{outcome:?}");
    assert_eq!(ask(&client, "nowhere", "shop", "a", &LeaseAsk::Renew { epoch: 1 }).await, LeaseOutcome::Free);
}
