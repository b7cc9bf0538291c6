//! One HTTP request: read, handed to the kernel, answered.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, header};
use tokio::sync::watch;

use super::{Handle, Port, stream};
use crate::sim::kernel::{
    Body, Method, Request, Response, Status,
    wire::{decode, parse_query},
};

/// Largest request body: objects are at most 1.5 MiB in etcd, patches 3 MiB.
const BODY_LIMIT: usize = 3 << 20;

type Answer = hyper::Response<Either<Full<Bytes>, stream::Chunks>>;

/// Answers one request. An error closes the connection without an answer.
pub(super) async fn answer(
    shared: Handle,
    port: Port,
    token: Option<Arc<str>>,
    request: hyper::Request<Incoming>,
    stopped: watch::Receiver<bool>,
) -> Result<Answer, io::Error> {
    shared.inner.in_flight.fetch_add(1, Ordering::SeqCst);
    let _counted = InFlight(&shared);
    if !is_allowed(&request, token.as_deref()) {
        let status = Status::custom(401, "Unauthorized", "Unauthorized", None);
        return Ok(full(Response::from(status)));
    }
    let request = match read(request).await? {
        Ok(request) => request,
        Err(status) => return Ok(full(Response::from(status))),
    };
    let response = shared.with(|kernel| match port {
        Port::Kubernetes => kernel.handle(&request),
        Port::Prometheus => kernel.handle_prometheus(&request),
    });
    if !response.delay.is_zero() {
        tokio::time::sleep(response.delay).await;
    }
    match response.body {
        Body::Full(_) => Ok(full(response)),
        Body::Hangup => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server is down")),
        Body::Stream { id, timeout, bookmarks } => {
            let chunks = stream::chunks(shared.clone(), id, timeout, bookmarks, stopped);
            Ok(head(&response).body(Either::Right(chunks)).unwrap_or_else(|_| broken()))
        }
    }
}

/// Counts a request as in progress while it lives.
struct InFlight<'a>(&'a Handle);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.inner.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

fn is_allowed(request: &hyper::Request<Incoming>, token: Option<&str>) -> bool {
    let Some(token) = token else { return true };
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    given.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|given| given == token)
}

/// Takes a request apart; the inner error is an answer.
async fn read(request: hyper::Request<Incoming>) -> Result<Result<Request, Status>, io::Error> {
    let (parts, body) = request.into_parts();
    let text = |name: header::HeaderName| {
        let values = parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.collect::<Vec<_>>().join(",")
    };
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<LengthLimitError>() => {
            let why = format!("the request body is too large: limit is {BODY_LIMIT}");
            return Ok(Err(Status::custom(413, "RequestEntityTooLarge", why, None)));
        }
        Err(error) => return Err(io::Error::other(error)),
    };
    let method = match parts.method {
        hyper::Method::GET => Method::Get,
        hyper::Method::HEAD => Method::Head,
        hyper::Method::POST => Method::Post,
        hyper::Method::PUT => Method::Put,
        hyper::Method::PATCH => Method::Patch,
        hyper::Method::DELETE => Method::Delete,
        _ => Method::Other,
    };
    Ok(Ok(Request {
        method,
        path: decode(parts.uri.path(), false),
        query: parse_query(parts.uri.query().unwrap_or_default()),
        content_type: text(header::CONTENT_TYPE),
        accept: text(header::ACCEPT),
        user_agent: text(header::USER_AGENT),
        user: "kubernetes-admin".into(),
        body,
    }))
}

fn head(response: &Response) -> hyper::http::response::Builder {
    let builder = hyper::Response::builder()
        .status(response.status)
        .header(header::CONTENT_TYPE, &response.content_type)
        .header(header::CACHE_CONTROL, "no-cache, private");
    response.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value))
}

fn full(mut response: Response) -> Answer {
    let body = match std::mem::replace(&mut response.body, Body::Hangup) {
        Body::Full(bytes) => Bytes::from(bytes),
        Body::Hangup | Body::Stream { .. } => Bytes::new(),
    };
    head(&response).body(Either::Left(Full::new(body))).unwrap_or_else(|_| broken())
}

/// For a header that HTTP does not allow.
fn broken() -> Answer {
    let mut answer = hyper::Response::new(Either::Left(Full::default()));
    *answer.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
    answer
}
