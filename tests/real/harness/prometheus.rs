//! The real Prometheus, scraping exporters of the test, or pods that it finds itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::assets::Assets;
use super::deadline::eventually;
use super::ports;
use super::supervised::{Supervised, temporary_folder};

const START: Duration = Duration::from_secs(60);

/// Runs until it is dropped.
#[derive(Debug)]
pub struct Prometheus {
    /// Where it is asked, without a trailing slash.
    pub url: String,
    server: Supervised,
    dir: PathBuf,
}

impl Prometheus {
    /// Scrapes `/metrics` on these ports of 127.0.0.1 every `scrape`, and returns when it is ready to answer.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(assets: &Assets, targets: &[u16], scrape: Duration) -> Self {
        let dir = temporary_folder("cutover-prometheus-").expect("a temporary folder");
        std::fs::write(dir.join("targets.json"), targets_file(targets)).expect("writing into our own folder");
        let files = json!([{ "files": [dir.join("targets.json")], "refresh_interval": "1s" }]);
        // The labels that the exporter gives win: the target stands for many pods.
        let job = json!({ "job_name": "kubernetes-pods", "honor_labels": true, "file_sd_configs": files });
        Self::scraping(assets, dir, &job, scrape).await
    }

    /// Scrapes the annotated pods of a namespace, as the API server tells who they are; each series carries `namespace` and `pod`.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn discovering(assets: &Assets, kubeconfig: &Path, namespace: &str, scrape: Duration) -> Self {
        let dir = temporary_folder("cutover-prometheus-").expect("a temporary folder");
        let meta = |label: &str| format!("__meta_kubernetes_{label}");
        let copy = |label: &str, to: &str| json!({ "source_labels": [meta(label)], "target_label": to });
        let (ip, port) = (meta("pod_ip"), meta("pod_annotation_prometheus_io_port"));
        let job = json!({
            "job_name": "kubernetes-pods",
            "kubernetes_sd_configs": [{ "role": "pod", "kubeconfig_file": kubeconfig, "namespaces": { "names": [namespace] } }],
            "relabel_configs": [
                { "source_labels": [meta("pod_annotation_prometheus_io_scrape")], "regex": "true", "action": "keep" },
                { "source_labels": [meta("pod_phase")], "regex": "Running", "action": "keep" },
                { "source_labels": [ip, port], "separator": ":", "target_label": "__address__" },
                copy("namespace", "namespace"), copy("pod_name", "pod"), copy("pod_container_name", "container"),
            ],
        });
        Self::scraping(assets, dir, &job, scrape).await
    }

    async fn scraping(assets: &Assets, dir: PathBuf, job: &Value, scrape: Duration) -> Self {
        let listen = format!("127.0.0.1:{}", ports::free());
        let scrape = format!("{}ms", scrape.as_millis());
        let config = json!({ "global": { "scrape_interval": scrape, "scrape_timeout": scrape }, "scrape_configs": [job] });
        std::fs::write(dir.join("prometheus.yaml"), config.to_string()).expect("writing into our own folder");
        let args = [
            format!("--config.file={}", dir.join("prometheus.yaml").display()),
            format!("--storage.tsdb.path={}", dir.join("data").display()),
            format!("--web.listen-address={listen}"),
            "--log.level=warn".to_owned(),
        ];
        let server = Supervised::server(&assets.path("prometheus"), &args, &dir.join("prometheus.log")).expect("starting Prometheus");
        let mut prometheus = Self { url: format!("http://{listen}"), server, dir };
        prometheus.await_ready().await;
        prometheus
    }

    /// Scrapes these ports instead, from the next second on; an empty list is a blackout.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn scrape(&self, targets: &[u16]) {
        let next = self.dir.join("targets.next");
        std::fs::write(&next, targets_file(targets)).expect("writing into our own folder");
        std::fs::rename(next, self.dir.join("targets.json")).expect("renaming in our own folder");
    }

    /// The number that an instant query with one result gives now.
    ///
    /// # Errors
    /// What came instead.
    pub async fn number(&self, query: &str) -> Result<f64, String> {
        let client = prometheus_http_query::Client::try_from(self.url.as_str()).map_err(|error| error.to_string())?;
        let answer = client.query(query).get().await.map_err(|error| error.to_string())?;
        let vector = answer.data().as_vector().map(Vec::as_slice).unwrap_or_default();
        if let [one] = vector { Ok(one.sample().value()) } else { Err(format!("{query}: {vector:?}")) }
    }

    async fn await_ready(&mut self) {
        let url = format!("{}/-/ready", self.url);
        eventually("Prometheus ready", START, async || {
            if let Some(code) = self.server.ended() {
                panic!("Prometheus ended with {code}: {}", self.server.read_out());
            }
            let answer = reqwest::get(&url).await.map_err(|error| error.to_string())?;
            if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
        })
        .await;
    }
}

fn targets_file(ports: &[u16]) -> String {
    let targets: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    serde_json::json!([{ "targets": targets }]).to_string()
}
