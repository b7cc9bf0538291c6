//! Servers that answer wrongly, late or not at all: a write is sent once unless it may be sent twice, and what became of it is
//! told as it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cutover::cluster::{ClusterError, apply, lease, observe, state};
use cutover::domain::action::{Action, Precondition, Target, WriteOutcome};
use cutover::domain::object::{Kind, ObjectRef};
use cutover::domain::port::{Fault, FaultKind, LeaseAsk, LeaseOutcome, StoreOutcome};
use cutover::domain::release::Track;
use kube::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{NAMESPACE, state::rollout, storefront};

/// A server with one answer for everything.
pub struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers every request with a status line and a body.
    pub async fn answering(status: &str, body: &str) -> Server {
        Server::sending(vec![answer(status, body)]).await
    }

    /// Fails at the first request, and at every second one after it; answers the others with a status line and a body.
    pub async fn failing_before(status: &str, body: &str) -> Server {
        Server::sending(vec![answer("500 Internal Server Error", "etcdserver: request timed out"), answer(status, body)]).await
    }

    /// Reads a request and hangs up.
    pub async fn hanging_up() -> Server {
        Server::sending(vec![String::new()]).await
    }

    /// Begins an answer and hangs up in the middle.
    pub async fn breaking_off() -> Server {
        Server::sending(vec!["HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"metadata\":".to_owned()]).await
    }

    /// Sends these in turn.
    async fn sending(answers: Vec<String>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            loop {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                let (answers, count) = (answers.clone(), Arc::clone(&count));
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
                        let mut some = [0; 4096];
                        match stream.read(&mut some).await {
                            Ok(n) if n > 0 => head.extend_from_slice(&some[..n]),
                            _ => break,
                        }
                        // Not HTTP at all: a TLS greeting.
                        if head.first() == Some(&0x16) {
                            break;
                        }
                    }
                    let before = count.fetch_add(usize::from(!head.is_empty()), Ordering::SeqCst);
                    let _ = stream.write_all(answers[before % answers.len()].as_bytes()).await;
                });
            }
        });
        Server { port, requests, task }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// A client as [`cutover::cluster::connect`] makes it, without its probe, which such servers would not pass.
    pub fn client(&self) -> Client {
        let mut config = kube::Config::new(self.url().parse().unwrap());
        config.default_retry = false;
        Client::try_from(config).unwrap()
    }
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn fence() -> Action {
    Action::Fence { component: "backend".into(), object: ObjectRef::new(Kind::Deployment, NAMESPACE, "web") }
}

fn scale(version: Option<&str>) -> Action {
    let target = Target {
        track: Track::Candidate,
        object: ObjectRef::new(Kind::Deployment, NAMESPACE, "web"),
        uid: "u1".into(),
        stamp: None,
        resource_version: version.map(Into::into),
    };
    Action::Scale { component: "backend".into(), target, from: 1, to: 2 }
}

async fn write(server: &Server, action: &Action) -> WriteOutcome {
    apply::write(&server.client(), action, Precondition::Value, "1.1", false).await
}

#[tokio::test]
async fn a_write_without_a_clear_answer_is_unknown_and_sent_once() {
    let servers = [
        Server::hanging_up().await,
        Server::breaking_off().await,
        Server::answering("500 Internal Server Error", "etcdserver: request timed out").await,
        Server::answering("503 Service Unavailable", "").await,
        Server::answering("504 Gateway Timeout", "<html>").await,
    ];
    for server in servers {
        let outcome = write(&server, &scale(None)).await;
        assert!(matches!(outcome, WriteOutcome::Unknown { .. }), "{outcome:?}");
        assert_eq!(server.requests(), 1, "{outcome:?}");
    }
}

#[tokio::test]
async fn what_can_land_only_once_and_what_means_the_same_twice_is_sent_again_where_the_server_fails_at_it() {
    const OK: (&str, &str) = ("200 OK", r#"{"metadata":{"resourceVersion":"2"}}"#);
    for action in [fence(), scale(Some("1"))] {
        let server = Server::failing_before(OK.0, OK.1).await;
        assert_eq!((write(&server, &action).await, server.requests()), (WriteOutcome::Landed, 2), "{action:?}");
        let down = Server::answering("503 Service Unavailable", "").await;
        let outcome = write(&down, &action).await;
        assert!(matches!(outcome, WriteOutcome::Unknown { .. }) && down.requests() == 3, "{outcome:?} after {}", down.requests());
        let refusing = Server::failing_before("403 Forbidden", "{}").await;
        let outcome = write(&refusing, &action).await;
        assert!(matches!(outcome, WriteOutcome::Refused { code: 403, .. }), "whoever may not, might not before: {outcome:?}");
    }
    // The first try may have been what the second met.
    let moved = Server::failing_before("409 Conflict", "{}").await;
    let outcome = write(&moved, &scale(Some("1"))).await;
    assert!(matches!(&outcome, WriteOutcome::Unknown { why } if why.contains("500")), "{outcome:?}");
    // Who stores reads anew then, and sees.
    let stored = state::store(&moved.client(), &rollout(), Some("1"), &[]).await;
    assert_eq!((stored, moved.requests()), (StoreOutcome::Conflict, 4));
    let server = Server::failing_before(OK.0, OK.1).await;
    assert_eq!(state::store(&server.client(), &rollout(), Some("1"), &[]).await, StoreOutcome::Stored { version: "2".into() });
    let renewed = lease::ask(&server.client(), NAMESPACE, "storefront", "me", &LeaseAsk::Renew { epoch: 3 }).await;
    assert_eq!((renewed, server.requests()), (LeaseOutcome::Held { epoch: 3 }, 4));
}

#[tokio::test]
async fn a_clear_no_is_a_no_and_sent_once() {
    for (status, code) in [("401 Unauthorized", 401), ("403 Forbidden", 403), ("413 Too Large", 413), ("429 Too Many Requests", 429)] {
        let server = Server::answering(status, "{}").await;
        let outcome = write(&server, &fence()).await;
        assert!(matches!(&outcome, WriteOutcome::Refused { code: c, .. } if *c == code), "{outcome:?}");
        assert_eq!(server.requests(), 1);
    }
    let gone = Server::answering("404 Not Found", r#"{"details":{"name":"web"}}"#).await;
    assert_eq!(write(&gone, &fence()).await, WriteOutcome::Landed, "what is gone cannot be written to: the fence holds");
}

#[tokio::test]
async fn the_way_to_state_and_lease_is_as_honest() {
    let server = Server::answering("503 Service Unavailable", "").await;
    let client = server.client();
    assert!(matches!(state::store(&client, &rollout(), Some("1"), &[]).await, StoreOutcome::Unknown { .. }));
    let renewed = lease::ask(&client, NAMESPACE, "storefront", "me", &LeaseAsk::Renew { epoch: 1 }).await;
    assert!(matches!(renewed, LeaseOutcome::Unknown { .. }), "{renewed:?}");
    assert_eq!(server.requests(), 6, "each three times");
    let forbidden = Server::answering("403 Forbidden", "{}").await;
    let asked = lease::ask(&forbidden.client(), NAMESPACE, "storefront", "me", &LeaseAsk::Acquire { expired: None, after: 0 }).await;
    assert!(matches!(&asked, LeaseOutcome::Refused { why } if why.contains("resources: [\"leases\"]")), "{asked:?}");
    let fault = Fault::from(state::load(&forbidden.client(), NAMESPACE, "storefront").await.unwrap_err());
    assert_eq!(fault.kind, FaultKind::Forbidden);
}

#[tokio::test]
async fn half_an_observation_is_none() {
    for server in [Server::hanging_up().await, Server::answering("200 OK", "[]").await, Server::answering("200 OK", "<html>").await] {
        let error = observe::observe(&server.client(), &storefront(), jiff::Timestamp::now()).await.unwrap_err();
        assert!(matches!(error, ClusterError::NoAnswer { .. } | ClusterError::Garbage { .. }), "{error}");
    }
}
