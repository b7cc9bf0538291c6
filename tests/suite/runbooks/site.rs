//! Small shops in the shape of the runbooks, with their names and objects: played in virtual time as a rehearsal, or opened
//! for commands.

use std::ops::Deref;

use cutover::sim::kernel::Resource;
use cutover::sim::kernel::resource::{CONFIG_MAP, DEPLOYMENT, SERVICE};
use cutover::sim::scenario::Scenario;
use serde_json::{Value, json};

use crate::shop::{Running, Shop, Told};

/// The port of every container.
const PORT: u16 = 3000;

/// A Deployment as the runbooks write it: one container that is named like the image, and one pod more while it updates.
pub fn deployment(name: &str, replicas: u32, image: &str, labels: Value) -> Value {
    let container = image.rsplit('/').next().unwrap().split(':').next().unwrap();
    let probe = json!({ "httpGet": { "path": "/health/ready", "port": PORT }, "periodSeconds": 2 });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "labels": labels, "annotations": { "kubernetes.io/change-cause": "Initial deployment" } },
        "spec": {
            "replicas": replicas,
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } },
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels, "annotations": { "prometheus.io/scrape": "true", "prometheus.io/port": PORT.to_string() } },
                "spec": { "containers": [{
                    "name": container, "image": image, "ports": [{ "containerPort": PORT }], "readinessProbe": probe,
                    "resources": { "requests": { "cpu": "100m", "memory": "128Mi" } },
                }] },
            },
        },
    })
}

pub fn service(name: &str, selector: Value) -> Value {
    let ports = json!([{ "port": 80, "targetPort": PORT }]);
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name }, "spec": { "selector": selector, "ports": ports } })
}

pub fn virtual_service(name: &str, http: Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": { "name": name },
        "spec": { "hosts": [name], "http": http },
    })
}

/// A component whose traffic follows one key of a Service's selector.
pub fn switched(name: &str, [stable, candidate]: [&str; 2], service: &str, key: &str, [from, to]: [&str; 2]) -> Value {
    let traffic = json!({ "service": { "service": service, "key": key, "stable": from, "candidate": to } });
    json!({ "name": name, "stable": stable, "candidate": candidate, "traffic": traffic })
}

/// A shop that is still to be opened.
pub struct Site {
    namespace: &'static str,
    manifests: Vec<Value>,
    images: Vec<Value>,
    scenario: Value,
    release: Value,
}

impl Site {
    pub fn new(namespace: &'static str, manifests: impl IntoIterator<Item = Value>) -> Site {
        let scenario = json!({ "name": "site", "description": "In the shape of a runbook.", "namespace": namespace });
        Site { namespace, manifests: manifests.into_iter().collect(), images: vec![], scenario, release: Value::Null }
    }

    /// The release file, its name and namespace apart. Without gates unless it has some.
    pub fn release(mut self, name: &str, mut release: Value) -> Site {
        (release["name"], release["namespace"]) = (json!(name), json!(self.namespace));
        if release.get("gates").is_none() {
            release["gates"] = json!([]);
        }
        self.release = release;
        self
    }

    /// How a version behaves that does not behave well.
    pub fn version(mut self, pattern: &str, mut how: Value) -> Site {
        how["match"] = json!(pattern);
        self.images.push(how);
        self
    }

    /// Requests per second by an object, counted by a Prometheus that the release asks.
    pub fn requests(mut self, enters: Value, rate: u32) -> Site {
        let address = "monitoring/prometheus-server:80";
        let mut prometheus = service("prometheus-server", json!({ "app": "prometheus" }));
        prometheus["metadata"]["namespace"] = json!("monitoring");
        prometheus["spec"]["ports"] = json!([{ "port": 80, "targetPort": 9090 }]);
        self.manifests.push(prometheus);
        self.scenario["prometheus"] = json!({ "service": address, "scrape": "15s" });
        self.release["prometheus"] = json!({ "service": address });
        self.scenario["traffic"] = json!([{ "name": "people", "enters": enters, "rate": rate }]);
        self
    }

    /// Anything else of a scenario.
    pub fn but(mut self, key: &str, value: Value) -> Site {
        self.scenario[key] = value;
        self
    }

    fn scenario(&self) -> Value {
        let mut scenario = self.scenario.clone();
        let well = json!({ "match": "*", "pull": "1s", "startup": "1s", "readyAfter": "1s", "latency": { "p50": "40ms", "p95": "120ms" } });
        scenario["manifests"] = json!(self.manifests);
        scenario["images"] = json!(self.images.iter().chain([&well]).collect::<Vec<_>>());
        scenario
    }

    /// The release of these images, played to its end in virtual time.
    pub fn rehearse(&self, code: i32, images: Value, args: &[&str]) -> Story {
        let mut scenario = self.scenario();
        (scenario["release"], scenario["start"]) = (self.release.clone(), json!({ "images": images }));
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("site.yaml");
        std::fs::write(&file, scenario.to_string()).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.arg("demo").arg(file).args(["--headless", "-o", "jsonl"]).args(args).env_clear().env("HOME", home.path());
        command.current_dir(home.path()).stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let told = Running::of(command).end();
        assert_eq!(told.code, Some(code), "{told:?}");
        Story(told.lines())
    }

    /// Opened for commands, which find the release file beside them.
    pub fn open(&self) -> Open {
        let open = self.open_undeclared();
        open.shop.file("cutover.yaml", &self.release.to_string());
        open
    }

    /// Opened for commands, with no release file.
    pub fn open_undeclared(&self) -> Open {
        let scenario = Scenario::parse(&self.scenario().to_string(), "site").unwrap_or_else(|e| panic!("{e}"));
        let shop = Shop::of(&scenario, 20.0);
        Open { shop, namespace: self.namespace }
    }
}

/// What a rehearsal told, line by line.
#[derive(Debug)]
pub struct Story(Vec<Value>);

impl Story {
    fn texts(&self, kind: &str) -> Vec<&str> {
        self.0.iter().filter(|l| l["kind"] == kind).map(|l| l["text"].as_str().unwrap()).collect()
    }

    /// Whether something was told of this kind, with these words.
    pub fn tells(&self, kind: &str, words: &str) {
        let texts = self.texts(kind);
        assert!(texts.iter().any(|text| text.contains(words)), "no {kind} says {words}: {self:#?}");
    }

    /// All weights that were shifted to, or shares that were updated.
    pub fn weights(&self) -> Vec<u64> {
        let shifts = self.0.iter().filter(|l| l["kind"] == "shift");
        shifts.filter_map(|l| l["text"].as_str()?.split(' ').next()?.parse().ok()).collect()
    }

    /// Writes to an object, in order.
    pub fn writes(&self, object: &str) -> Vec<&str> {
        let to = format!("{object}: ");
        self.texts("write").into_iter().filter_map(|text| text.split_once(&to)).map(|(_, change)| change).collect()
    }

    /// Whole minutes from the n-th line of one kind to the first later one of another.
    pub fn minutes(&self, (from, nth): (&str, usize), to: &str) -> i64 {
        let at = |line: &Value| line["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let mut lines = self.0.iter();
        let begin = lines.by_ref().filter(|l| l["kind"] == from).nth(nth).unwrap_or_else(|| panic!("no {from}: {self:#?}"));
        let end = lines.find(|l| l["kind"] == to).unwrap_or_else(|| panic!("no {to}: {self:#?}"));
        (at(end).as_second() - at(begin).as_second()) / 60
    }
}

/// A shop that commands are given in.
pub struct Open {
    shop: Shop,
    namespace: &'static str,
}

impl Deref for Open {
    type Target = Shop;

    fn deref(&self) -> &Shop {
        &self.shop
    }
}

impl Open {
    pub fn get(&self, resource: &'static Resource, name: &str) -> Value {
        let found = self.with(|kernel| kernel.world.store.get(resource, self.namespace, name).map(|o| Value::clone(o)));
        found.unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// As `kubectl patch --type merge`.
    pub fn patch(&self, resource: &'static Resource, name: &str, merge: &Value) {
        self.with(|kernel| kernel.world.modify(resource, self.namespace, name, "kubectl-patch", |o| json_patch::merge(o, merge))).unwrap();
    }

    pub fn image_of(&self, deployment: &str) -> String {
        self.get(&DEPLOYMENT, deployment)["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
    }

    /// Versions that some Deployments run.
    pub fn versions<const N: usize>(&self, deployments: [&str; N]) -> [String; N] {
        deployments.map(|d| self.image_of(d).rsplit(':').next().unwrap().to_owned())
    }

    /// Wanted pods of some Deployments.
    pub fn pods<const N: usize>(&self, deployments: [&str; N]) -> [u64; N] {
        deployments.map(|d| self.get(&DEPLOYMENT, d)["spec"]["replicas"].as_u64().unwrap())
    }

    /// A key of a Service's selector.
    pub fn selector(&self, service: &str, key: &str) -> String {
        self.get(&SERVICE, service)["spec"]["selector"][key].as_str().unwrap_or_default().to_owned()
    }

    /// How the stored run of a release stands.
    pub fn phase(&self, release: &str) -> Value {
        let map = self.get(&CONFIG_MAP, &format!("cutover-{release}"));
        serde_json::from_str::<Value>(map["data"]["rollout"].as_str().unwrap()).unwrap()["phase"].clone()
    }

    /// A command in the shop's namespace, confirmed, that must end with a code.
    pub fn does(&self, code: i32, args: &[&str]) -> Told {
        self.ends(code, &[&["-n", self.namespace, "--yes"], args].concat())
    }
}
