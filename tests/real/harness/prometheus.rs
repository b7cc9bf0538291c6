//! The real Prometheus, scraping exporters of the test.

use std::path::PathBuf;
use std::time::Duration;

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
        let listen = format!("127.0.0.1:{}", ports::free());
        // The labels that the exporter gives win: the target stands for many pods.
        let config = serde_json::json!({
            "global": { "scrape_interval": format!("{}ms", scrape.as_millis()), "scrape_timeout": format!("{}ms", scrape.as_millis()) },
            "scrape_configs": [{ "job_name": "kubernetes-pods", "honor_labels": true, "file_sd_configs": [{ "files": [dir.join("targets.json")], "refresh_interval": "1s" }] }],
        });
        let write = |name: &str, text: String| std::fs::write(dir.join(name), text).expect("writing into our own folder");
        write("prometheus.yaml", config.to_string());
        write("targets.json", targets_file(targets));
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
