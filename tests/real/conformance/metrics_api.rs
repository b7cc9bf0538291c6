//! A metrics server for the real control plane: to it, every container uses 20 thousandths of a core and 50 MiB, and every node
//! 140 and 1000.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::harness::control_plane::ControlPlane;
use crate::harness::supervised::temporary_folder;

const SERVICE: &str = "v1beta1.metrics.k8s.io";

/// Serves it, and registers it with the API server. It is served as long as the control plane lives.
///
/// # Panics
/// When it does not become available.
pub fn register(plane: &Arc<ControlPlane>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let config = Arc::new(tls());
    // It must not keep the control plane alive.
    let asked = Arc::downgrade(plane);
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let (Some(plane), config) = (asked.upgrade(), Arc::clone(&config)) else { return };
            std::thread::spawn(move || drop(answer(&plane, config, socket)));
        }
    });
    let folder = temporary_folder("cutover-metrics-").expect("a folder");
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "metrics", "namespace": "kube-system"},
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": SERVICE},
            "spec": {
                "group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                "insecureSkipTLSVerify": true, "service": {"namespace": "kube-system", "name": "metrics", "port": port},
            },
        },
    ]});
    let file = folder.join("metrics.json");
    std::fs::write(&file, objects.to_string()).expect("the objects");
    plane.kubectl(&["apply", "-f", &file.display().to_string()]).expect("registered");
    plane.kubectl(&["wait", "apiservice", SERVICE, "--for=condition=Available", "--timeout=60s"]).expect("available");
}

/// A certificate that nobody checks.
fn tls() -> ServerConfig {
    let folder = temporary_folder("cutover-metrics-").expect("a folder");
    let (key, certificate) = (folder.join("key.pem"), folder.join("cert.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout"]).arg(&key);
    let made = openssl.arg("-out").arg(&certificate).stderr(Stdio::null()).status().expect("openssl");
    assert!(made.success(), "openssl req: {made}");
    let chain = vec![CertificateDer::from_pem_file(&certificate).expect("the certificate")];
    let key = PrivateKeyDer::from_pem_file(&key).expect("its key");
    ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("they fit")
}

/// Answers one request and closes.
fn answer(plane: &ControlPlane, config: Arc<ServerConfig>, socket: TcpStream) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, socket));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let target = head.split(' ').nth(1).unwrap_or_default();
    let (code, body) = page(plane, target).map_or_else(|| (404, missing(target)), |body| (200, body));
    let body = body.to_string();
    let stream = stream.get_mut();
    write!(
        stream,
        "HTTP/1.1 {code} .\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()?;
    stream.conn.send_close_notify();
    stream.conn.complete_io(&mut stream.sock).map(drop)
}

/// What a metrics server says of what it has not measured.
fn missing(target: &str) -> Value {
    let name = target.rsplit('/').next().unwrap_or_default();
    let kind = if target.contains("/nodes/") { "nodes" } else { "pods" };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound", "code": 404,
        "message": format!("{kind}.metrics.k8s.io {name:?} not found"), "details": {"name": name, "group": "metrics.k8s.io", "kind": kind},
    })
}

/// What stands at a path.
fn page(plane: &ControlPlane, target: &str) -> Option<Value> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let selector = query.split('&').find_map(|pair| pair.strip_prefix("labelSelector=")).unwrap_or_default();
    let selector = selector.replace("%3D", "=").replace("%2C", ",").replace("%2F", "/");
    match parts.as_slice() {
        ["apis", "metrics.k8s.io", "v1beta1"] => Some(json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "metrics.k8s.io/v1beta1",
            "resources": [
                {"name": "nodes", "singularName": "", "namespaced": false, "kind": "NodeMetrics", "verbs": ["get", "list"]},
                {"name": "pods", "singularName": "", "namespaced": true, "kind": "PodMetrics", "verbs": ["get", "list"]},
            ],
        })),
        ["apis", "metrics.k8s.io", "v1beta1", "nodes"] => list("NodeMetricsList", &read(plane, &["get", "nodes", "-l", &selector])?, node),
        ["apis", "metrics.k8s.io", "v1beta1", "nodes", name] => read(plane, &["get", "node", name]).map(|found| node(&found)),
        ["apis", "metrics.k8s.io", "v1beta1", "pods"] => {
            list("PodMetricsList", &read(plane, &["get", "pods", "-A", "-l", &selector])?, measured)
        }
        ["apis", "metrics.k8s.io", "v1beta1", "namespaces", namespace, "pods"] => {
            list("PodMetricsList", &read(plane, &["get", "pods", "-n", namespace, "-l", &selector])?, measured)
        }
        ["apis", "metrics.k8s.io", "v1beta1", "namespaces", namespace, "pods", name] => {
            read(plane, &["get", "pod", name, "-n", namespace]).map(|pod| measured(&pod))
        }
        _ => None,
    }
}

fn list(kind: &str, found: &Value, measure: fn(&Value) -> Value) -> Option<Value> {
    let items: Vec<Value> = found["items"].as_array()?.iter().map(measure).collect();
    Some(json!({"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items}))
}

fn node(node: &Value) -> Value {
    json!({
        "kind": "NodeMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {"name": node["metadata"]["name"], "labels": node["metadata"]["labels"]},
        "timestamp": now(), "window": "10s", "usage": {"cpu": "140m", "memory": "1000Mi"},
    })
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn read(plane: &ControlPlane, what: &[&str]) -> Option<Value> {
    let text = plane.kubectl(&[what, &["-o", "json"]].concat()).ok()?;
    serde_json::from_str(&text).ok()
}

fn measured(pod: &Value) -> Value {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let containers: Vec<Value> =
        containers.map(|container| json!({"name": container["name"], "usage": {"cpu": "20m", "memory": "50Mi"}})).collect();
    json!({
        "kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {"name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"], "labels": pod["metadata"]["labels"]},
        "timestamp": now(), "window": "10s", "containers": containers,
    })
}
