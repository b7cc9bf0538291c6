//! The cluster side of `cutover` on real servers, with the rights that the operator's role gives and no more.

mod ingress;
mod owners;
mod reads;
mod testers;
mod traffic;
mod workloads;

use std::time::Duration;

use cutover::cluster::{ConnectOptions, Connection, connect, observe};
use cutover::domain::action::{Action, Precondition, Target, WriteOutcome};
use cutover::domain::object::{Kind, ObjectRef};
use cutover::domain::observed::{ComponentObserved, Workload};
use cutover::domain::release::{Canary, Component, Destination, Release, Router, Source, Strategy, Track};
use cutover::domain::time::Millis;
use cutover::domain::weight::Weight;

use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::namespace::TestNamespace;
use crate::harness::objects::{self, BACKEND, COMPONENTS};

const SOON: Duration = Duration::from_secs(60);

/// The first runbook's objects at v1.1.0, and somebody connected to them.
struct Side {
    namespace: TestNamespace,
    connection: Connection,
    release: Release,
}

impl Side {
    async fn new(plane: &'static ControlPlane, prefix: &str) -> Self {
        let namespace = plane.namespace(prefix).await;
        objects::deploy(&namespace, "v1.1.0", 1).await;
        let connection = connected(&namespace, User::Operator, plane.port(), false).await;
        let release = storefront(&namespace.name);
        let side = Self { namespace, connection, release };
        // Endpoints follow the pods by a moment.
        let ready = |c: &ComponentObserved| [&c.stable, &c.candidate].map(|side| side.as_ref().map_or(0, |w| w.ready_addresses)) == [3, 1];
        side.until("ready addresses of both tracks", ready).await;
        side
    }

    async fn backend(&self) -> ComponentObserved {
        let observed = observe::observe(&self.connection.unary, &self.release, jiff::Timestamp::now()).await.expect("an operator may look");
        observed.components[BACKEND.name].clone()
    }

    async fn until(&self, what: &str, holds: impl Fn(&ComponentObserved) -> bool) -> ComponentObserved {
        eventually(what, SOON, async || {
            let seen = self.backend().await;
            if holds(&seen) { Ok(seen) } else { Err(seen) }
        })
        .await
    }

    async fn write(&self, action: &Action, precondition: Precondition, stamp: &str) -> WriteOutcome {
        cutover::cluster::apply::write(&self.connection.unary, action, precondition, stamp, false).await
    }

    async fn route(&self, percent: u8) -> Action {
        let facts = self.backend().await.route.expect("the route is there");
        Action::Route { component: BACKEND.name.to_owned(), facts, weight: Weight::capped(percent), testers: Default::default() }
    }

    fn target(&self, track: Track, workload: &Workload) -> Target {
        let object = ObjectRef::new(Kind::Deployment, self.namespace.name.clone(), workload.name.clone());
        Target {
            track,
            object,
            uid: workload.uid.clone(),
            stamp: workload.stamp.clone(),
            resource_version: Some(workload.resource_version.clone()),
        }
    }
}

async fn connected(namespace: &TestNamespace, user: User, port: u16, read_only: bool) -> Connection {
    let kubeconfig = Some(namespace.kubeconfig_through(user, port));
    connect(&ConnectOptions { kubeconfig, read_only, ..ConnectOptions::default() }).await.expect("a connection to our own API server")
}

fn storefront(namespace: &str) -> Release {
    let destination = |host: &str, subset: &str| Destination { host: host.to_owned(), subset: Some(subset.to_owned()) };
    let component = |of: &objects::Component| Component {
        name: of.name.to_owned(),
        stable: of.stable.to_owned(),
        candidate: Some(of.canary.to_owned()),
        container: None,
        router: Router::Istio {
            virtual_service: of.stable.to_owned(),
            route: None,
            stable: destination(of.stable, "stable"),
            candidate: destination(of.stable, "canary"),
        },
        testers: None,
    };
    Release {
        name: "storefront".to_owned(),
        namespace: namespace.to_owned(),
        components: COMPONENTS.iter().map(component).collect(),
        strategy: Strategy::Canary(Canary { steps: Vec::new() }),
        prometheus: None,
        gates: Vec::new(),
        watch: None,
        keep: Millis::ZERO,
        contacts: Vec::new(),
        production: false,
        source: Source::Discovered,
    }
}
