//! From a kubeconfig to two clients that are known to reach an API server.
//!
//! Two, because their needs differ: requests that must be answered within seconds, and watches that stay open. Neither
//! repeats a request by itself.

mod auth;
mod direct;
mod kubeconfig;
mod plugin;
mod probe;
mod proxy;

use std::path::PathBuf;
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::{Client, Config};
use thiserror::Error;

use super::error::{Failure, brief};
use super::read_only::ReadOnlyLayer;
use direct::Sharing;
pub use kubeconfig::{ContextRow, contexts};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(3);

/// Which cluster to connect to, and how.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// A kubeconfig file; else `KUBECONFIG` (a list of files), `~/.kube/config`, or the pod's own service account.
    pub kubeconfig: Option<PathBuf>,
    /// A context of it; else its current one.
    pub context: Option<String>,
    /// A namespace; else the context's, else `default`.
    pub namespace: Option<String>,
    /// Let nothing pass that could change the cluster.
    pub read_only: bool,
}

/// A cluster that answered.
#[derive(Clone)]
pub struct Connection {
    /// For requests that are answered at once.
    pub unary: Client,
    /// For watches and log streams.
    pub watch: Client,
    /// The context's name; `in-cluster` in a pod.
    pub context: String,
    /// The namespace to work in.
    pub namespace: String,
    /// The server's address.
    pub server: String,
    /// Who we are to the server, where it says so; else the kubeconfig's user.
    pub user: String,
    /// The server's version, e.g. `v1.36.1`.
    pub version: String,
    /// Whether nothing that could change the cluster is let through.
    pub read_only: bool,
    /// What it was made from, to make it again.
    pub options: ConnectOptions,
}

impl Connection {
    /// What to give for `--context` to come here again; nothing in a pod.
    pub fn context_to_ask_for(&self) -> Option<&str> {
        let in_a_pod = self.options.context.is_none() && self.context == kubeconfig::IN_CLUSTER;
        (!in_a_pod).then_some(self.context.as_str())
    }

    /// Makes sure that an API server answers and takes our credentials; learns its version and who we are to it.
    ///
    /// # Errors
    /// Each with what to do.
    pub async fn prove(&mut self) -> Result<(), ConnectError> {
        let seen = probe::probe(&self.unary, &self.context, &self.server).await?;
        self.version = seen.version;
        self.user = seen.user.unwrap_or_else(|| std::mem::take(&mut self.user));
        Ok(())
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("context", &self.context).field("server", &self.server).finish_non_exhaustive()
    }
}

/// Why there is no connection, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConnectError {
    /// No kubeconfig anywhere.
    #[error("no kubeconfig found (looked at {looked}): give one with --kubeconfig FILE or KUBECONFIG; `cutover demo` needs none")]
    NoKubeconfig {
        /// Where we looked.
        looked: String,
    },
    /// A kubeconfig that cannot be read.
    #[error("kubeconfig {path}: {why}")]
    BadKubeconfig {
        /// The file or files.
        path: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// No context is chosen.
    #[error("kubeconfig {path} has no current context: choose one with --context ({})", known(.there))]
    NoContext {
        /// The file or files.
        path: String,
        /// The contexts there are.
        there: Vec<String>,
    },
    /// The context does not exist.
    #[error("context `{name}` is not in kubeconfig {path} ({})", known(.there))]
    WrongContext {
        /// What was asked for.
        name: String,
        /// The file or files.
        path: String,
        /// The contexts there are.
        there: Vec<String>,
    },
    /// The credential plugin failed.
    #[error(
        "credential plugin `{command}` of context `{context}` {why}; log in with it in a shell of its own (for instance: kubectl --context {context} version), then try again"
    )]
    Plugin {
        /// Program and arguments.
        command: String,
        /// The context.
        context: String,
        /// What happened, with the plugin's last words.
        why: String,
    },
    /// The credentials cannot be used, or the server does not take them.
    #[error("context `{context}`: {why}; log in again, or choose another context with --context")]
    Credentials {
        /// The context.
        context: String,
        /// What is wrong with them.
        why: String,
    },
    /// Nobody answers.
    #[error(
        "the API server {server} of context `{context}` cannot be reached: {why}; check the network, the VPN and the address in the kubeconfig"
    )]
    Unreachable {
        /// The context.
        context: String,
        /// Its address.
        server: String,
        /// What the network said.
        why: String,
    },
    /// The two ends do not trust each other.
    #[error(
        "the API server {server} of context `{context}` and we do not trust each other: {why}; check `certificate-authority` and `tls-server-name` in the kubeconfig"
    )]
    Tls {
        /// The context.
        context: String,
        /// Its address.
        server: String,
        /// What is wrong.
        why: String,
    },
    /// Somebody answers who is no API server.
    #[error(
        "{server} of context `{context}` does not answer as a Kubernetes API server: {why}; check the address in the kubeconfig, and proxies"
    )]
    NotKubernetes {
        /// The context.
        context: String,
        /// Its address.
        server: String,
        /// What came instead.
        why: String,
    },
}

fn known(there: &[String]) -> String {
    if there.is_empty() { "it has none".to_owned() } else { format!("there are: {}", there.join(", ")) }
}

/// Connects and makes sure that an API server answers and takes our credentials. Runs the context's credential plugin,
/// if it has one: do this before the terminal is taken over.
///
/// # Errors
/// Each with what to do; see [`ConnectError`].
pub async fn connect(options: &ConnectOptions) -> Result<Connection, ConnectError> {
    let mut connection = prepare(options).await?;
    connection.prove().await?;
    Ok(connection)
}

/// All of [`connect`] but asking the server: for what must not wait two round trips before its first request. Until
/// [`Connection::prove`] the version is empty and the user the kubeconfig's.
///
/// # Errors
/// What is wrong with the kubeconfig or the credentials in it.
pub async fn prepare(options: &ConnectOptions) -> Result<Connection, ConnectError> {
    install_provider();
    let kubeconfig::Chosen { mut config, context, user, proxied } = kubeconfig::choose(options).await?;
    let server = shown_server(&config);
    let token = match config.auth_info.exec.take() {
        None => None,
        Some(spec) => {
            let plugin = plugin::Plugin::new(spec, &context)?;
            let credential = plugin.run().await?;
            if let Some((certificate, key)) = &credential.certificate {
                config.auth_info.client_certificate_data = Some(plugin::base64(certificate));
                config.auth_info.client_key_data = Some(plugin::base64(key).into());
            }
            auth::Token::keep(plugin, &credential)?
        }
    };
    config.connect_timeout = Some(CONNECT);
    config.default_retry = false;
    config.proxy_url = proxy::choose(config.proxy_url.take(), proxied, &config.cluster_url);
    if let Ok(agent) = concat!("cutover/", env!("CARGO_PKG_VERSION")).parse() {
        config.headers.push((http::header::USER_AGENT, agent));
    }
    let make = |sharing| client(config.clone(), token.clone(), options.read_only, sharing).map_err(|e| unusable(&context, &server, &e));
    Ok(Connection {
        unary: make(Sharing::Shared)?,
        watch: make(Sharing::Alone)?,
        namespace: options.namespace.clone().unwrap_or_else(|| config.default_namespace.clone()),
        user,
        version: String::new(),
        context,
        server,
        read_only: options.read_only,
        options: options.clone(),
    })
}

fn client(config: Config, token: Option<auth::Token>, read_only: bool, sharing: Sharing) -> Result<Client, kube::Error> {
    // The guard stands outermost: what it refuses is not even signed.
    let (token, guard) = (auth::TokenLayer(token), ReadOnlyLayer { on: read_only });
    if config.proxy_url.is_some() {
        return Ok(ClientBuilder::try_from(config)?.with_layer(&token).with_layer(&guard).build());
    }
    let way = direct::way(&config, sharing)?;
    Ok(ClientBuilder::new(way, config.default_namespace).with_layer(&token).with_layer(&guard).build())
}

fn unusable(context: &str, server: &str, error: &kube::Error) -> ConnectError {
    let context = context.to_owned();
    match Failure::of(error) {
        Failure::Tls(why) => ConnectError::Tls { context, server: server.to_owned(), why },
        Failure::Credentials(why) => ConnectError::Credentials { context, why },
        Failure::Connect(why) | Failure::Other(why) | Failure::Refused(why) => {
            let why = if matches!(error, kube::Error::RustlsTls(_)) { format!("its certificates cannot be used: {why}") } else { why };
            ConnectError::Credentials { context, why }
        }
    }
}

/// The address without a user or password that may stand in it.
fn shown_server(config: &Config) -> String {
    let text = config.cluster_url.to_string();
    let host = config.cluster_url.host().map(|host| match config.cluster_url.port_u16() {
        Some(port) => format!("{}://{host}:{port}", config.cluster_url.scheme_str().unwrap_or("https")),
        None => format!("{}://{host}", config.cluster_url.scheme_str().unwrap_or("https")),
    });
    brief(&host.unwrap_or(text))
}

/// One TLS provider for the whole program. A second call does nothing.
pub fn install_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
