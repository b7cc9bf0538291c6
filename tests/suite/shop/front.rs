//! What stands before the embedded cluster: it writes down every request, and answers wrongly where it is told to.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cutover::sim::http::Handle;
use cutover::sim::kernel::{Body, Method, Request};
use futures::StreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub method: String,
    /// Path and query as sent.
    pub target: String,
}

impl Seen {
    /// Whether it could change something, or reach into a pod.
    pub fn is_mutating(&self) -> bool {
        let asks = self.target.contains("/selfsubject");
        let reaches_in = ["/exec", "/attach", "/portforward"].iter().any(|p| self.target.contains(p));
        reaches_in || !(matches!(self.method.as_str(), "GET" | "HEAD") || asks)
    }
}

/// What is answered instead.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A status, a content type and a body.
    Answer(u16, &'static str, String),
    /// Begins an answer and breaks off.
    BreaksOff(String),
    /// The right answer, late.
    Late(Duration),
}

/// Decides by method and target.
pub type Rule = Arc<dyn Fn(&str, &str) -> Option<Fault> + Send + Sync>;

type Answer = hyper::Response<UnsyncBoxBody<Bytes, std::io::Error>>;

/// The front.
pub struct Front {
    pub url: String,
    log: Arc<Mutex<Vec<Seen>>>,
    rule: Arc<Mutex<Option<Rule>>>,
    task: JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Front {
    pub async fn open(handle: Handle) -> Front {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let rule = Arc::new(Mutex::new(None));
        let (kept, rules) = (Arc::clone(&log), Arc::clone(&rule));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (handle, kept, rules) = (handle.clone(), Arc::clone(&kept), Arc::clone(&rules));
                let service = service_fn(move |request| answer(handle.clone(), Arc::clone(&kept), Arc::clone(&rules), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
            }
        });
        Front { url, log, rule, task }
    }

    /// Misbehaves from now on.
    pub fn misbehave(&self, rule: Rule) {
        *self.rule.lock().unwrap() = Some(rule);
    }

    pub fn behave(&self) {
        *self.rule.lock().unwrap() = None;
    }

    /// What came since the last call.
    pub fn take_log(&self) -> Vec<Seen> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    /// What came since the last call and could change something.
    pub fn take_writes(&self) -> Vec<Seen> {
        self.take_log().into_iter().filter(Seen::is_mutating).collect()
    }
}

fn whole(status: u16, content_type: &str, body: impl Into<Bytes>) -> Answer {
    let body = Full::new(body.into()).map_err(|never: Infallible| match never {}).boxed_unsync();
    hyper::Response::builder().status(status).header("content-type", content_type).body(body).unwrap()
}

async fn answer(
    handle: Handle,
    log: Arc<Mutex<Vec<Seen>>>,
    rules: Arc<Mutex<Option<Rule>>>,
    request: hyper::Request<Incoming>,
) -> Result<Answer, std::io::Error> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    log.lock().unwrap().push(Seen { method: parts.method.to_string(), target: target.clone() });
    let rule = rules.lock().unwrap().clone();
    match rule.and_then(|rule| rule(parts.method.as_str(), &target)) {
        Some(Fault::Answer(status, content_type, text)) => return Ok(whole(status, content_type, text)),
        Some(Fault::BreaksOff(text)) => {
            let frames = vec![Ok(Frame::data(Bytes::from(text))), Err(std::io::Error::other("broken off"))];
            // What was said is on its way before the connection breaks.
            let slowly = futures::stream::iter(frames).then(|frame| async {
                tokio::task::yield_now().await;
                frame
            });
            let body = BodyExt::boxed_unsync(StreamBody::new(Box::pin(slowly)));
            return Ok(hyper::Response::builder().header("content-length", "100000").body(body).unwrap());
        }
        Some(Fault::Late(time)) => tokio::time::sleep(time).await,
        None => {}
    }
    let method = match parts.method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => Method::Other,
    };
    let text = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let mut asked = Request::new(method, &target).with_body(&text("content-type"), body.collect().await.unwrap().to_bytes());
    (asked.accept, asked.user_agent) = (text("accept"), text("user-agent"));
    let response = handle.with(|kernel| kernel.handle(&asked));
    match response.body {
        Body::Full(bytes) => Ok(whole(response.status, &response.content_type, bytes)),
        Body::Hangup | Body::Stream { .. } => Err(std::io::Error::other("the front does not stream")),
    }
}
