//! Whether an API server answers at an address, and whether it takes our credentials.

use http::Method;
use kube::Client;
use serde::Deserialize;
use serde_json::json;

use super::ConnectError;
use crate::cluster::call::{UNARY, request, send};
use crate::cluster::error::{ClusterError, Subject, brief};

/// What the server said of itself and of us.
pub(super) struct Seen {
    pub version: String,
    /// `None` when it does not say (before Kubernetes 1.28).
    pub user: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    git_version: String,
}

#[derive(Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReviewStatus {
    user_info: UserInfo,
}

#[derive(Deserialize)]
struct UserInfo {
    username: String,
}

/// Asks for the version, then who we are: the version alone is told to anybody.
pub(super) async fn probe(client: &Client, context: &str, server: &str) -> Result<Seen, ConnectError> {
    let told = |why: &ClusterError| classify(why, context, server);
    let subject = Subject::global("get", "", "/version");
    let ask = request(&subject, Method::GET, "/version", None).map_err(|e| told(&e))?;
    let answer = send(client, &subject, ask, UNARY).await.map_err(|e| told(&e))?;
    let Ok(version) = serde_json::from_slice::<Version>(&answer) else {
        let start: String = String::from_utf8_lossy(&answer).chars().take(80).collect();
        return Err(ConnectError::NotKubernetes {
            context: context.to_owned(),
            server: server.to_owned(),
            why: format!("asked for its version it said `{}`", brief(&start)),
        });
    };
    let user = whoami(client).await.map_err(|e| told(&e))?;
    if user.as_deref() == Some("system:anonymous") {
        let why = "there are no credentials: to the server we are `system:anonymous`".to_owned();
        return Err(ConnectError::Credentials { context: context.to_owned(), why });
    }
    Ok(Seen { version: brief(&version.git_version), user })
}

async fn whoami(client: &Client) -> Result<Option<String>, ClusterError> {
    let subject = Subject::global("create", "authentication.k8s.io", "selfsubjectreviews");
    let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" }).to_string().into_bytes();
    let target = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let ask = request(&subject, Method::POST, target, Some(("application/json", body)))?;
    match send(client, &subject, ask, UNARY).await {
        Ok(answer) => Ok(serde_json::from_slice::<Review>(&answer).ok().map(|r| brief(&r.status.user_info.username))),
        Err(e @ (ClusterError::Unauthorized { .. } | ClusterError::Unreachable { .. })) => Err(e),
        Err(ClusterError::Forbidden { said, .. }) if said.contains("system:anonymous") => Ok(Some("system:anonymous".to_owned())),
        // Older servers do not know the question, and some forbid it.
        Err(_) => Ok(None),
    }
}

fn classify(error: &ClusterError, context: &str, server: &str) -> ConnectError {
    let (context, server) = (context.to_owned(), server.to_owned());
    match error {
        ClusterError::Unauthorized { said, .. } => ConnectError::Credentials {
            context,
            why: format!("the server does not take the credentials (401: {said}); they may have expired"),
        },
        ClusterError::Forbidden { said, .. } if said.contains("system:anonymous") => {
            ConnectError::Credentials { context, why: format!("there are no credentials ({said})") }
        }
        ClusterError::Unreachable { said, tls: true, .. } => ConnectError::Tls { context, server, why: said.clone() },
        ClusterError::Unreachable { said, .. } | ClusterError::NoAnswer { said, .. } => {
            ConnectError::Unreachable { context, server, why: said.clone() }
        }
        other => ConnectError::NotKubernetes { context, server, why: other.to_string() },
    }
}
