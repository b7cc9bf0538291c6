//! Where a kubeconfig comes from, and what is wrong when there is none.

use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::{ConnectError, ConnectOptions};
use crate::cluster::error::brief;

/// The name of the context that a pod's service account stands for.
pub(super) const IN_CLUSTER: &str = "in-cluster";

/// A context that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextRow {
    /// Its name.
    pub name: String,
    /// The cluster it names.
    pub cluster: String,
    /// The user it names.
    pub user: Option<String>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Whether it is the kubeconfig's current one.
    pub current: bool,
}

/// What was chosen.
pub(super) struct Chosen {
    pub config: Config,
    pub context: String,
    pub user: String,
    /// Whether the kubeconfig names a proxy for this cluster.
    pub proxied: bool,
}

/// The contexts that can be chosen, in the kubeconfig's order.
///
/// # Errors
/// When there is no kubeconfig, or it cannot be read.
pub fn contexts(kubeconfig: Option<&Path>) -> Result<Vec<ContextRow>, ConnectError> {
    let Source::Files(config, _) = find(kubeconfig)? else {
        return Ok(vec![ContextRow { name: IN_CLUSTER.to_owned(), cluster: String::new(), user: None, namespace: None, current: true }]);
    };
    let current = config.current_context.as_deref();
    let rows = config.contexts.iter().map(|named| {
        let context = named.context.clone().unwrap_or_default();
        ContextRow {
            current: current == Some(named.name.as_str()),
            name: named.name.clone(),
            cluster: context.cluster,
            user: context.user,
            namespace: context.namespace,
        }
    });
    Ok(rows.collect())
}

/// Chooses a context and makes its configuration.
pub(super) async fn choose(options: &ConnectOptions) -> Result<Chosen, ConnectError> {
    match find(options.kubeconfig.as_deref())? {
        Source::Files(config, path) => from_files(*config, path, options.context.as_deref()).await,
        Source::Pod(config) => match &options.context {
            Some(name) if name != IN_CLUSTER => Err(ConnectError::WrongContext {
                name: brief(name),
                path: "of the pod (its service account)".to_owned(),
                there: vec![IN_CLUSTER.to_owned()],
            }),
            _ => Ok(Chosen { config: *config, context: IN_CLUSTER.to_owned(), user: "service account".to_owned(), proxied: false }),
        },
    }
}

enum Source {
    /// Files, with how they are called in messages.
    Files(Box<Kubeconfig>, String),
    /// A pod's service account.
    Pod(Box<Config>),
}

fn find(explicit: Option<&Path>) -> Result<Source, ConnectError> {
    let listed = std::env::var_os("KUBECONFIG").filter(|v| !v.is_empty());
    let paths: Vec<PathBuf> = match (explicit, listed) {
        (Some(path), _) => vec![path.to_owned()],
        (None, Some(list)) => std::env::split_paths(&list).filter(|p| !p.as_os_str().is_empty()).collect(),
        (None, None) => std::env::var_os("HOME").map(|home| Path::new(&home).join(".kube/config")).into_iter().collect(),
    };
    // As kubectl does it: files of a list that are not there are passed over.
    let there: Vec<&PathBuf> = paths.iter().filter(|p| p.exists()).collect();
    let called = |paths: &[&PathBuf]| paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
    if there.is_empty() {
        if explicit.is_none()
            && let Ok(pod) = Config::incluster()
        {
            return Ok(Source::Pod(Box::new(pod)));
        }
        let looked = if paths.is_empty() { "~/.kube/config".to_owned() } else { called(&paths.iter().collect::<Vec<_>>()) };
        return Err(ConnectError::NoKubeconfig { looked: brief(&looked) });
    }
    let mut merged = Kubeconfig::default();
    for path in &there {
        let bad = |e: KubeconfigError| ConnectError::BadKubeconfig { path: brief(&path.display().to_string()), why: explained(&e) };
        merged = merged.merge(Kubeconfig::read_from(path).map_err(bad)?).map_err(bad)?;
    }
    Ok(Source::Files(Box::new(merged), brief(&called(&there))))
}

async fn from_files(config: Kubeconfig, path: String, wanted: Option<&str>) -> Result<Chosen, ConnectError> {
    let there: Vec<String> = config.contexts.iter().map(|c| brief(&c.name)).collect();
    let current = config.current_context.clone().filter(|name| !name.is_empty());
    let Some(name) = wanted.map(str::to_owned).or(current) else { return Err(ConnectError::NoContext { path, there }) };
    let Some(context) = config.contexts.iter().find(|c| c.name == name).and_then(|c| c.context.clone()) else {
        return Err(ConnectError::WrongContext { name: brief(&name), path, there });
    };
    let user = context.user.clone().unwrap_or_default();
    if !user.is_empty() && !config.auth_infos.iter().any(|u| u.name == user) {
        let why =
            format!("context `{}` names the user `{}`, which is not there: log in again, or correct the file", brief(&name), brief(&user));
        return Err(ConnectError::BadKubeconfig { path, why });
    }
    let cluster = config.clusters.iter().find(|c| c.name == context.cluster).and_then(|c| c.cluster.as_ref());
    let proxied = cluster.and_then(|c| c.proxy_url.as_ref()).is_some_and(|p| !p.is_empty());
    let options = KubeConfigOptions { context: Some(name.clone()), cluster: None, user: None };
    let made = Config::from_custom_kubeconfig(config, &options).await;
    let config = made.map_err(|e| ConnectError::BadKubeconfig { path, why: explained(&e) })?;
    Ok(Chosen { config, context: name, user: brief(&user), proxied })
}

fn explained(error: &KubeconfigError) -> String {
    let why = match error {
        KubeconfigError::ReadConfig(io, _) => format!("cannot be read: {io}"),
        KubeconfigError::Parse(yaml) => format!("is no valid YAML of a kubeconfig: {yaml}"),
        KubeconfigError::LoadClusterOfContext(name) => format!("names the cluster `{name}`, which is not there: correct the context"),
        KubeconfigError::MissingClusterUrl => "has a cluster without `server`: add its address".to_owned(),
        KubeconfigError::ParseClusterUrl(e) => format!("has a `server` that is no address ({e}): it looks like https://HOST:6443"),
        KubeconfigError::ParseProxyUrl(e) => format!("`proxy-url` (or HTTPS_PROXY) is no address ({e})"),
        KubeconfigError::LoadCertificateAuthority(e) => format!("`certificate-authority`: {e}"),
        KubeconfigError::LoadClientCertificate(e) => format!("`client-certificate`: {e}"),
        KubeconfigError::LoadClientKey(e) => format!("`client-key`: {e}"),
        KubeconfigError::ParseCertificates(e) => format!("`certificate-authority` holds no certificate in PEM: {e}"),
        other => other.to_string(),
    };
    brief(&why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "
apiVersion: v1
kind: Config
current-context: staging
clusters:
- { name: c1, cluster: { server: 'https://user:secret@10.0.0.1:6443' } }
contexts:
- { name: staging, context: { cluster: c1, user: anna, namespace: shop } }
- { name: prod, context: { cluster: c2, user: anna } }
- { name: gone, context: { cluster: c1, user: nobody } }
users:
- { name: anna, user: { token: abc } }
";

    async fn choose(name: Option<&str>) -> Result<Chosen, String> {
        from_files(Kubeconfig::from_yaml(TWO).unwrap(), "f".to_owned(), name).await.map_err(|e| e.to_string())
    }

    #[tokio::test]
    async fn the_current_context_is_taken() {
        let chosen = choose(None).await.unwrap();
        assert_eq!((chosen.context.as_str(), chosen.user.as_str(), chosen.config.default_namespace.as_str()), ("staging", "anna", "shop"));
        assert_eq!(super::super::shown_server(&chosen.config), "https://10.0.0.1:6443", "no password on a screen");
    }

    #[tokio::test]
    async fn what_is_missing_is_named() {
        let said = async |name| choose(Some(name)).await.err().unwrap();
        assert_eq!(said("stagin").await, "context `stagin` is not in kubeconfig f (there are: staging, prod, gone)");
        assert!(said("prod").await.contains("names the cluster `c2`, which is not there"));
        assert!(said("gone").await.contains("names the user `nobody`"));
        let none = from_files(Kubeconfig::default(), "f".to_owned(), None).await.err().unwrap().to_string();
        assert_eq!(none, "kubeconfig f has no current context: choose one with --context (it has none)");
    }

    #[test]
    fn files_that_cannot_be_read_say_why() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("none");
        assert!(matches!(find(Some(&missing)), Err(ConnectError::NoKubeconfig { .. })));
        let broken = dir.path().join("broken");
        std::fs::write(&broken, "contexts: [\n  - name").unwrap();
        let Err(ConnectError::BadKubeconfig { path, why }) = find(Some(&broken)) else { panic!() };
        assert!(path.ends_with("broken") && why.contains("YAML"), "{path}: {why}");
    }
}
