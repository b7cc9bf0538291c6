//! The namespaces of a cluster.

use kube::Client;
use serde::Deserialize;

use super::call;
use super::error::{ClusterError, Subject};

#[derive(Deserialize)]
struct Namespace {
    metadata: Meta,
}

#[derive(Deserialize)]
struct Meta {
    name: String,
}

/// Lists all namespaces by name.
///
/// # Errors
/// When they cannot be listed; people without the right to can still work in one namespace.
pub async fn namespaces(client: &Client) -> Result<Vec<String>, ClusterError> {
    let subject = Subject::global("list", "", "namespaces");
    let all: Vec<Namespace> = call::list_at(client, &subject, "/api/v1/namespaces", "").await?;
    let mut names: Vec<String> = all.into_iter().map(|n| n.metadata.name).collect();
    names.sort();
    Ok(names)
}
