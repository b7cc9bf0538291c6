//! The embedded cluster over HTTP, used through the client that the console uses.

use std::time::Duration;

use cutover::sim::{
    http::{Clock, Options, Server},
    kernel::{Kernel, resource::CONFIG_MAP},
};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Event},
};
use kube::{
    Api, Client, Config,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
    runtime::watcher,
};
use serde_json::json;

const SOON: Duration = Duration::from_secs(20);

fn kernel() -> Kernel {
    Kernel::new(1, "2026-11-21T03:00:00Z".parse().unwrap())
}

async fn serve(options: Options) -> (Server, Client) {
    let server = Server::start(kernel(), options).await.unwrap();
    let client = Client::try_from(Config::new(server.url().parse().unwrap())).unwrap();
    (server, client)
}

fn lock_step() -> Options {
    Options { clock: Clock::LockStep, ..Options::default() }
}

fn config(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": {"mine": "yes"}}, "data": {"a": "1"}})).unwrap()
}

/// The next item of a stream, within a deadline.
async fn next<S: StreamExt + Unpin>(stream: &mut S) -> S::Item {
    tokio::time::timeout(SOON, stream.next()).await.expect("nothing came").expect("the stream ended")
}

#[tokio::test]
async fn the_client_creates_patches_conflicts_and_deletes() {
    let (server, client) = serve(lock_step()).await;
    let configs: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let created = configs.create(&PostParams::default(), &config("a")).await.unwrap();
    let merge = Patch::Merge(json!({"metadata": {"resourceVersion": "1"}, "data": {"a": "2"}}));
    let refused = configs.patch("a", &PatchParams::default(), &merge).await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 409 && status.reason == "Conflict"), "{refused}");
    let test: json_patch::Patch = serde_json::from_value(json!([{"op": "test", "path": "/data/a", "value": "9"}])).unwrap();
    let refused = configs.patch("a", &PatchParams::default(), &Patch::<ConfigMap>::Json(test)).await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 422), "{refused}");
    let mut newer = created.clone();
    newer.data.as_mut().unwrap().insert("a".into(), "3".into());
    assert_eq!(configs.replace("a", &PostParams::default(), &newer).await.unwrap().data, newer.data);
    configs.replace("a", &PostParams::default(), &newer).await.expect_err("the version is stale");
    configs.delete("a", &DeleteParams::default()).await.unwrap();
    let missing = configs.get("a").await.unwrap_err();
    let text = "configmaps \"a\" not found";
    assert!(matches!(&missing, kube::Error::Api(s) if s.is_not_found() && s.message == text), "{missing}");
    server.stop().await;
}

#[tokio::test]
async fn a_watcher_lists_follows_and_recovers_from_compaction() {
    let (server, client) = serve(lock_step()).await;
    let configs: Api<ConfigMap> = Api::default_namespaced(client);
    configs.create(&PostParams::default(), &config("a")).await.unwrap();
    for streaming in [false, true] {
        let wanted = watcher::Config::default().labels("mine=yes");
        let wanted = if streaming { wanted.streaming_lists() } else { wanted };
        let mut watcher = std::pin::pin!(watcher(configs.clone(), wanted));
        assert!(matches!(next(&mut watcher).await, Ok(watcher::Event::Init)));
        assert!(matches!(next(&mut watcher).await, Ok(watcher::Event::InitApply(c)) if c.metadata.name.as_deref() == Some("a")));
        assert!(matches!(next(&mut watcher).await, Ok(watcher::Event::InitDone)));
        configs.create(&PostParams::default(), &config("b")).await.unwrap();
        assert!(matches!(next(&mut watcher).await, Ok(watcher::Event::Apply(c)) if c.metadata.name.as_deref() == Some("b")));
        configs.delete("b", &DeleteParams::default()).await.unwrap();
        assert!(matches!(next(&mut watcher).await, Ok(watcher::Event::Delete(c)) if c.metadata.name.as_deref() == Some("b")));
        // What is written and forgotten in one breath can only be told as 410.
        server.handle().with(|kernel| {
            let unlabelled = json!({"metadata": {"name": format!("c-{streaming}"), "namespace": "default"}});
            kernel.world.create(&CONFIG_MAP, unlabelled, "test").unwrap();
            kernel.world.store.compact();
        });
        let gone = next(&mut watcher).await.unwrap_err();
        assert!(gone.to_string().contains("too old resource version"), "{gone}");
        assert!(matches!(next(&mut watcher).await, Ok(watcher::Event::Init)));
        assert!(matches!(next(&mut watcher).await, Ok(watcher::Event::InitApply(_))));
    }
    server.stop().await;
}

#[tokio::test]
async fn events_of_a_watch_come_as_they_happen_and_a_timeout_ends_it_after_a_bookmark() {
    let (server, client) = serve(lock_step()).await;
    let configs: Api<ConfigMap> = Api::default_namespaced(client);
    let version = configs.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let params = WatchParams::default().timeout(3);
    let mut events = std::pin::pin!(configs.watch(&params, &version).await.unwrap());
    configs.create(&PostParams::default(), &config("a")).await.unwrap();
    assert!(matches!(next(&mut events).await, Ok(WatchEvent::Added(c)) if c.metadata.name.as_deref() == Some("a")));
    let rest: Vec<_> = tokio::time::timeout(SOON, events.try_collect()).await.expect("the watch goes on").unwrap();
    let newest = configs.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    assert!(matches!(rest.as_slice(), [WatchEvent::Bookmark(mark)] if mark.metadata.resource_version == newest), "{rest:?}");
    server.stop().await;
}

#[tokio::test]
async fn paging_goes_through_everything_once() {
    let (server, client) = serve(lock_step()).await;
    let configs: Api<ConfigMap> = Api::default_namespaced(client);
    for n in 0..25 {
        configs.create(&PostParams::default(), &config(&format!("c-{n:02}"))).await.unwrap();
    }
    let (mut names, mut token) = (Vec::new(), None);
    loop {
        let mut params = ListParams::default().labels("mine=yes").limit(10);
        params.continue_token = token;
        let page = configs.list(&params).await.unwrap();
        names.extend(page.items.into_iter().filter_map(|c| c.metadata.name));
        token = page.metadata.continue_.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    assert_eq!(names, (0..25).map(|n| format!("c-{n:02}")).collect::<Vec<_>>());
    server.stop().await;
}

#[tokio::test]
async fn routes_are_found_by_discovery_and_patched_as_dynamic_objects() {
    let (server, client) = serve(lock_step()).await;
    let group = kube::discovery::group(&client, "networking.istio.io").await.unwrap();
    let (resource, _) = group.recommended_kind("VirtualService").unwrap();
    assert_eq!(resource.version, "v1");
    let routes: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &resource);
    let spec = json!({"hosts": ["web"], "http": [{"route": [{"destination": {"host": "a"}, "weight": 100}]}]});
    let route = DynamicObject::new("web", &resource).data(json!({"spec": spec}));
    routes.create(&PostParams::default(), &route).await.unwrap();
    let swap: json_patch::Patch =
        serde_json::from_value(json!([{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 90}])).unwrap();
    let params = PatchParams { field_manager: Some("cutover".into()), ..PatchParams::default() };
    let patched = routes.patch("web", &params, &Patch::<()>::Json(swap)).await.unwrap();
    assert_eq!(patched.data["spec"]["http"][0]["route"][0]["weight"], 90);
    assert!(patched.metadata.managed_fields.unwrap().iter().any(|m| m.manager.as_deref() == Some("cutover")));
    let metadata = routes.list_metadata(&ListParams::default()).await.unwrap();
    assert_eq!(metadata.items[0].metadata.name.as_deref(), Some("web"));
    let unknown = ApiResource { plural: "widgets".into(), ..resource };
    let widgets: Api<DynamicObject> = Api::default_namespaced_with(client, &unknown);
    assert!(widgets.list(&ListParams::default()).await.is_err());
    server.stop().await;
}

#[tokio::test]
async fn status_and_scale_and_dry_run_go_through_the_typed_client() {
    let (server, client) = serve(lock_step()).await;
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    let body = json!({"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}}});
    let body: Deployment = serde_json::from_value(body).unwrap();
    let dry = PostParams { dry_run: true, field_manager: None };
    assert!(deployments.create(&dry, &body).await.unwrap().metadata.uid.is_some());
    assert!(deployments.get_opt("web").await.unwrap().is_none());
    deployments.create(&PostParams::default(), &body).await.unwrap();
    let scaled = deployments.patch_scale("web", &PatchParams::default(), &Patch::Merge(json!({"spec": {"replicas": 4}}))).await.unwrap();
    assert_eq!(scaled.spec.unwrap().replicas, Some(4));
    assert_eq!(deployments.get_status("web").await.unwrap().spec.unwrap().replicas, Some(4));
    let events: Api<Event> = Api::default_namespaced(client);
    events.list(&ListParams::default().fields("involvedObject.name=web")).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn virtual_time_moves_only_when_told_in_lock_step_and_by_itself_otherwise() {
    let (server, _) = serve(lock_step()).await;
    let handle = server.handle();
    assert_eq!(handle.with(|kernel| kernel.ms()), 0);
    handle.advance_to(90_000);
    assert_eq!(handle.with(|kernel| kernel.now().to_string()), "2026-11-21T03:01:30Z");
    handle.set_clock(Clock::Scaled { speed: 1000.0 });
    let deadline = tokio::time::Instant::now() + SOON;
    while handle.with(|kernel| kernel.ms()) < 100_000 {
        assert!(tokio::time::Instant::now() < deadline, "time stands still");
        tokio::task::yield_now().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_token_is_asked_for_and_stopping_ends_watches_and_frees_the_port() {
    let options = Options { token: Some("secret".into()), ..lock_step() };
    let (server, client) = serve(options).await;
    let refused = client.apiserver_version().await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 401), "{refused}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    server.write_kubeconfig(&path, "shop").unwrap();
    let read = kube::config::Kubeconfig::read_from(&path).unwrap();
    let config = Config::from_custom_kubeconfig(read, &Default::default()).await.unwrap();
    assert_eq!(config.default_namespace, "shop");
    let client = Client::try_from(config).unwrap();
    assert_eq!(client.apiserver_version().await.unwrap().major, "1");
    let configs: Api<ConfigMap> = Api::namespaced(client, "default");
    let mut events = std::pin::pin!(configs.watch(&WatchParams::default(), "0").await.unwrap());
    assert!(matches!(next(&mut events).await, Ok(WatchEvent::Added(_))));
    let address = server.url().trim_start_matches("http://").to_owned();
    tokio::time::timeout(SOON, server.stop()).await.expect("the server does not stop");
    let rest: Vec<_> = tokio::time::timeout(SOON, events.collect::<Vec<_>>()).await.expect("the watch goes on");
    assert!(rest.iter().all(|event| !matches!(event, Ok(WatchEvent::Added(_)))), "{rest:?}");
    assert!(tokio::net::TcpStream::connect(&address).await.is_err(), "the port is still open");
}
