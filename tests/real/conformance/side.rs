//! One of the two worlds, and what it answers.

use std::time::{Duration, Instant};

use cutover::sim::http::{Clock, Options, Server};
use cutover::sim::kernel::{Feature, Features, Kernel, resource::NODE};
use cutover::sim::scenario::Nodes;
use http::Request;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use super::case::{Case, Kept, Step, Topic};
use super::normal::{self, Normal};
use crate::harness::control_plane::ControlPlane;

/// How long what a case waits for may take.
const SOON: Duration = Duration::from_secs(60);
/// How long a cluster that lacks something is waited for: what its time makes of it is enough for whatever would come.
const SOON_ENOUGH: Duration = Duration::from_secs(8);
/// What a watch may take: the longest of the cases ends by itself after ten seconds.
const LONGEST_WATCH: Duration = Duration::from_secs(15);
/// How long between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A world that takes requests.
pub struct Side {
    client: Client,
    is_real: bool,
    patience: Duration,
    /// etcd, behind the real one.
    etcd: Option<String>,
    // Serves as long as it lives.
    server: Option<Server>,
}

/// What a client sees of the answer to one step.
#[derive(Debug)]
pub struct Answer {
    /// Status, warnings, media type, body.
    pub seen: Value,
    /// Why the case does not do on the real server what it says.
    pub slip: Option<String>,
}

struct Raw {
    code: u16,
    media: String,
    warnings: Vec<String>,
    body: Value,
}

impl Side {
    /// The real control plane, as a cluster admin.
    pub async fn real(plane: &ControlPlane) -> Self {
        let kubeconfig = Kubeconfig::read_from(plane.kubeconfig("harness", "default", plane.port())).expect("our own kubeconfig");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("our own kubeconfig");
        Self { client: client(config), is_real: true, patience: SOON, etcd: Some(plane.etcd_url()), server: None }
    }

    /// An embedded cluster of the topic's own.
    pub async fn embedded(world: Embedded) -> Self {
        let server = world.start().await;
        let config = Config::new(server.url().parse().expect("its address"));
        let patience = if world.off.is_some() { SOON_ENOUGH } else { SOON };
        Self { client: client(config), is_real: false, patience, etcd: None, server: Some(server) }
    }

    /// Plays a case in a fresh namespace, until an answer is not the one that is expected, where some are.
    ///
    /// # Panics
    /// When the namespace cannot be made.
    pub async fn play(&self, topic: &Topic, case: &Case, namespace: &str, expected: Option<&[Answer]>) -> Vec<Answer> {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}).to_string();
        let made = self.send("POST", "/api/v1/namespaces", ("application/json", "application/json"), body.into_bytes(), None).await;
        assert_eq!(made.as_ref().map(|made| made.code), Ok(201), "namespace {namespace}");
        let mut kept = Kept::from([("ns".to_owned(), namespace.to_owned())]);
        let (mut normal, mut answers) = (Normal::default(), Vec::new());
        for step in &case.steps {
            let answer = self.step(topic, step, &mut kept, &mut normal).await;
            let stuck = answer.is_err();
            let answer = answer.unwrap_or_else(|why| Answer { slip: self.is_real.then(|| why.clone()), seen: json!({ "stuck": why }) });
            let other = expected.is_some_and(|expected| expected.get(answers.len()).is_none_or(|wanted| wanted.seen != answer.seen));
            answers.push(answer);
            if stuck || other {
                break;
            }
        }
        answers
    }

    async fn step(&self, topic: &Topic, step: &Step, kept: &mut Kept, normal: &mut Normal) -> Result<Answer, String> {
        let (method, path, code) = step.request(kept);
        if method == "COMPACT" {
            self.compact(path.trim_start_matches('/')).await?;
            return Ok(Answer { seen: Value::Null, slip: None });
        }
        let started = Instant::now();
        let (raw, body) = loop {
            let raw = self.send(&method, &path, (step.content_type(), step.accepts()), step.bytes(topic, kept), step.lines).await?;
            let mut body = raw.body.clone();
            normal::equalise(&mut body);
            let Some((pointer, value)) = step.until.iter().find(|(pointer, value)| !holds(body.pointer(pointer), value)) else {
                break (raw, body);
            };
            if started.elapsed() > self.patience {
                return Err(format!("{pointer} did not become {value}; last seen: {}", raw.body));
            }
            tokio::time::sleep(LOOK).await;
        };
        let right = code.map_or((200..300).contains(&raw.code), |code| code == raw.code);
        let slip = (self.is_real && !right).then(|| format!("the real server answers {} {}", raw.code, raw.body));
        for (name, pointer) in &step.keep {
            let value = raw.body.pointer(pointer).ok_or_else(|| format!("{pointer} is to be kept and not there: {}", raw.body))?;
            kept.insert(name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        let mut body = cut(step, body);
        // Last, so that what the step does not look at does not count.
        normal.number(&mut body);
        Ok(Answer { seen: json!({"status": raw.code, "media type": raw.media, "warnings": raw.warnings, "body": body}), slip })
    }

    /// Forgets all versions before one.
    async fn compact(&self, version: &str) -> Result<(), String> {
        let Some(etcd) = &self.etcd else {
            self.server.iter().for_each(|server| server.handle().with(|kernel| kernel.world.store.compact()));
            return Ok(());
        };
        // As the API server's own compactor does it: the version is also left under a key, where its caches look for it.
        let put = json!({"key": base64("compact_rev_key"), "value": base64(version)});
        for (path, body) in [("kv/compaction", json!({"revision": version})), ("kv/put", put)] {
            let asked = reqwest::Client::new().post(format!("{etcd}/v3/{path}")).body(body.to_string()).send().await;
            let answer = asked.and_then(reqwest::Response::error_for_status).map_err(|error| format!("etcd: {error}"));
            answer?;
        }
        Ok(())
    }

    async fn send(&self, method: &str, path: &str, media: (&str, &str), body: Vec<u8>, lines: Option<usize>) -> Result<Raw, String> {
        let request = Request::builder().method(method).uri(path.replace(' ', "%20"));
        let request = request.header("content-type", media.0).header("accept", media.1).header("user-agent", "conformance/1.0");
        let request = request.body(Body::from(body)).map_err(|error| format!("{method} {path}: {error}"))?;
        let answer = tokio::time::timeout(self.patience.max(LONGEST_WATCH), self.answer(request, lines)).await;
        answer.unwrap_or_else(|_| Err("no answer".to_owned())).map_err(|error| format!("{method} {path}: {error}"))
    }

    async fn answer(&self, request: Request<Body>, lines: Option<usize>) -> Result<Raw, String> {
        let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=1"));
        let response = self.client.send(request).await.map_err(|error| error.to_string())?;
        let all = |name: &str| response.headers().get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let (code, media, warnings) = (response.status().as_u16(), all("content-type").collect(), all("warning").collect());
        let (mut body, mut bytes) = (response.into_body(), Vec::new());
        while let Some(frame) = body.frame().await {
            bytes.extend_from_slice(frame.map_err(|error| error.to_string())?.data_ref().map_or(&[], |data| data));
            if lines.is_some_and(|lines| bytes.iter().filter(|byte| **byte == b'\n').count() >= lines) {
                break;
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body =
            if is_watch && code == 200 { text.lines().take(lines.unwrap_or(usize::MAX)).map(parsed).collect() } else { parsed(&text) };
        Ok(Raw { code, media, warnings, body })
    }
}

/// What an embedded cluster is like.
#[derive(Debug, Clone, Copy, Default)]
pub struct Embedded {
    /// How many times as fast its time runs.
    pub speed: f64,
    /// It has a metrics server.
    pub measured: bool,
    /// It lacks this.
    pub off: Option<Feature>,
}

impl Embedded {
    /// Starts it, with as many nodes as the real one.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(self) -> Server {
        let now = jiff::Timestamp::now();
        let mut kernel = Kernel::new(1, now);
        for node in (Nodes { count: 2, ..Nodes::default() }).objects(&now.to_string()) {
            kernel.world.create(&NODE, node, "kubelet").expect("a node");
        }
        kernel.world.measured.metrics_server = self.measured;
        kernel.world.store.features = self.off.map_or_else(Features::default, Features::without);
        let options = Options { clock: Clock::Scaled { speed: self.speed }, prometheus: None, ..Options::default() };
        Server::start(kernel, options).await.expect("the embedded cluster")
    }
}

/// Standard base64, as etcd's gateway wants its keys.
fn base64(text: &str) -> String {
    serde_json::to_value(k8s_openapi::ByteString(text.as_bytes().to_vec())).expect("text").as_str().expect("text").to_owned()
}

fn client(mut config: Config) -> Client {
    config.default_retry = false;
    Client::try_from(config).expect("a client")
}

/// JSON, or the text as it is.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Whether a wanted value is there; `null` wants nothing to be there, `{}` anything.
fn holds(seen: Option<&Value>, wanted: &Value) -> bool {
    match wanted {
        Value::Null => seen.is_none(),
        Value::Object(any) if any.is_empty() => seen.is_some(),
        wanted => seen == Some(wanted),
    }
}

/// The parts of a body that a step compares.
fn cut(step: &Step, mut body: Value) -> Value {
    for pointer in &step.without {
        remove(&mut body, &pointer.split('/').skip(1).collect::<Vec<_>>());
    }
    if step.only.is_empty() || body.get("status").is_some_and(|status| status == "Failure") {
        return body;
    }
    step.only.iter().map(|pointer| (pointer.clone(), body.pointer(pointer).cloned().unwrap_or_else(|| "not there".into()))).collect()
}

/// Removes what a pointer points at; `*` means every entry of a list.
fn remove(value: &mut Value, path: &[&str]) {
    match (value, path) {
        (Value::Array(list), ["*", rest @ ..]) => list.iter_mut().for_each(|inner| remove(inner, rest)),
        (Value::Object(map), [last]) => drop(map.remove(*last)),
        (Value::Object(map), [first, rest @ ..]) => map.get_mut(*first).into_iter().for_each(|inner| remove(inner, rest)),
        _ => {}
    }
}
