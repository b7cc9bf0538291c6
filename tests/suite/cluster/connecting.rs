//! Every way in which there is no connection says what to do.

use cutover::cluster::{ConnectError, ConnectOptions, connect};
use cutover::sim::http::{Clock, Options};

use super::misbehaving::Server;
use super::{Bench, NAMESPACE};

fn options(bench: &Bench) -> ConnectOptions {
    ConnectOptions { kubeconfig: Some(bench.kubeconfig()), ..ConnectOptions::default() }
}

async fn at(server: &str, user: &str) -> Result<(), ConnectError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("k");
    let text = format!(
        "current-context: c\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nusers: \
         [{{name: u, user: {user}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    connect(&ConnectOptions { kubeconfig: Some(path), ..ConnectOptions::default() }).await.map(drop)
}

#[tokio::test]
async fn a_kubeconfig_leads_to_a_server_that_says_who_we_are() {
    let bench = Bench::of("healthy").await;
    let connection = bench.connect(false).await;
    assert_eq!((connection.context.as_str(), connection.namespace.as_str()), ("cutover-demo", NAMESPACE));
    assert_eq!((connection.user.as_str(), connection.server.as_str()), ("kubernetes-admin", bench.server.url().as_str()));
    assert!(connection.version.starts_with("v1."), "{}", connection.version);
    let elsewhere = connect(&ConnectOptions { namespace: Some("other".into()), ..options(&bench) }).await.unwrap();
    assert_eq!(elsewhere.namespace, "other");
}

#[tokio::test]
async fn a_wrong_context_lists_the_ones_there_are() {
    let bench = Bench::of("healthy").await;
    let error = connect(&ConnectOptions { context: Some("prod".into()), ..options(&bench) }).await.unwrap_err();
    assert!(matches!(&error, ConnectError::WrongContext { there, .. } if there == &["cutover-demo"]), "{error}");
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_a_matter_of_credentials() {
    let bench = Bench::with("healthy", Options { token: Some("right".into()), clock: Clock::LockStep, ..Options::default() }).await;
    connect(&options(&bench)).await.unwrap();
    let error = at(&bench.server.url(), "{token: wrong}").await.unwrap_err();
    assert!(matches!(error, ConnectError::Credentials { .. }), "{error}");
    assert!(error.to_string().contains("401"), "{error}");
}

#[tokio::test]
async fn a_plugins_token_signs_every_request() {
    let bench = Bench::with("healthy", Options { token: Some("right".into()), clock: Clock::LockStep, ..Options::default() }).await;
    let plugin = |token: &str| {
        format!(r#"{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: echo, args: ['{{"status":{{"token":"{token}"}}}}']}}}}"#)
    };
    at(&bench.server.url(), &plugin("right")).await.unwrap();
    assert!(matches!(at(&bench.server.url(), &plugin("wrong")).await, Err(ConnectError::Credentials { .. })));
    let error = at(&bench.server.url(), "{exec: {command: 'false'}}").await.unwrap_err();
    assert!(matches!(&error, ConnectError::Plugin { why, .. } if why.contains("said nothing")), "{error}");
}

#[tokio::test]
async fn who_does_not_answer_and_who_is_no_api_server_are_told_apart() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = at(&format!("http://{nobody}"), "{}").await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");

    let html = Server::answering("200 OK", "<html>\u{1b}[2Jwelcome</html>").await;
    let error = at(&html.url(), "{}").await.unwrap_err();
    assert!(matches!(&error, ConnectError::NotKubernetes { why, .. } if why.contains("<U+001B>[2Jwelcome")), "{error}");

    let portal = Server::answering("502 Bad Gateway", "upstream").await;
    assert!(matches!(at(&portal.url(), "{}").await, Err(ConnectError::NotKubernetes { .. })));

    let plain = Server::answering("400 Bad Request", "").await;
    let error = at(&plain.url().replace("http:", "https:"), "{}").await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn nobody_in_particular_is_missing_credentials() {
    let anonymous = r#"{"gitVersion":"v1.36.1","status":{"userInfo":{"username":"system:anonymous"}}}"#;
    let server = Server::answering("200 OK", anonymous).await;
    let error = at(&server.url(), "{}").await.unwrap_err();
    assert!(matches!(&error, ConnectError::Credentials { why, .. } if why.contains("no credentials")), "{error}");
}
