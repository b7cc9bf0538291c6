//! One request to the API server: bounded in time and size, its failure classified. A read that the server fails at is asked
//! again, since one of a look's many fails the look; so is a write that can be sent twice and do no harm. Of two servers behind
//! a balancer one may be dead: then every second request fails, and without this it would be the same one every time.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Limited};
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{ClusterError, Subject};
use super::items::Items;
use crate::domain::drift::MANAGER;
use crate::domain::object::{Kind, ObjectRef};

/// The deadline of a request for one object.
pub(super) const UNARY: Duration = Duration::from_secs(5);
/// The deadline of one page of a list.
pub(super) const LIST: Duration = Duration::from_secs(10);
/// Objects a page.
pub(super) const PAGE: usize = 500;
/// The largest answer that is read, in bytes.
const LARGEST: usize = 64 << 20;
/// How long is waited before a request that the server failed at (5xx) is sent again, time after time.
const AGAIN: &[Duration] = &[
    Duration::from_millis(30),
    Duration::from_millis(70),
    Duration::from_millis(150),
    Duration::from_millis(300),
    Duration::from_millis(600),
];
/// How many times that is done with a write.
const REPEATS: usize = 2;
/// RFC 6902.
pub(super) const JSON_PATCH: &str = "application/json-patch+json";
/// RFC 7386.
pub(super) const MERGE_PATCH: &str = "application/merge-patch+json";

/// Sends one request and returns the body of a good answer. A read is sent again where the server fails at it.
pub(super) async fn send(client: &Client, subject: &Subject, request: Request<Vec<u8>>, deadline: Duration) -> Result<Bytes, ClusterError> {
    let repeat = if request.method() == Method::GET { Repeat::Read } else { Repeat::Never };
    exchange(client, subject, request, (repeat, deadline)).await
}

async fn exchange(
    client: &Client,
    subject: &Subject,
    request: Request<Vec<u8>>,
    (repeat, deadline): (Repeat, Duration),
) -> Result<Bytes, ClusterError> {
    let all = async { whole(subject, good(client, subject, request, repeat).await?).await };
    tokio::time::timeout(deadline, all).await.unwrap_or_else(|_| Err(subject.late(deadline)))
}

/// A good answer, its body not read yet; where the server fails, after as many tries as are allowed.
async fn good(client: &Client, subject: &Subject, request: Request<Vec<u8>>, repeat: Repeat) -> Result<Response<Body>, ClusterError> {
    let mut pauses = repeat.pauses().iter();
    let mut first: Option<ClusterError> = None;
    loop {
        let failure = match client.send(request.clone().map(Into::into)).await {
            Ok(answer) if answer.status().as_u16() < 300 => return Ok(answer),
            Ok(answer) => subject.refused(answer.status().as_u16(), &whole(subject, answer).await?),
            Err(e) => subject.failed(&e),
        };
        match pauses.next().filter(|_| failure.is_of_server()) {
            Some(pause) => tokio::time::sleep(*pause).await,
            None => return Err(first.filter(|_| repeat.doubts(&failure)).unwrap_or(failure)),
        }
        first.get_or_insert(failure);
    }
}

async fn whole(subject: &Subject, answer: Response<Body>) -> Result<Bytes, ClusterError> {
    let body = Limited::new(answer.into_body(), LARGEST).collect().await.map_err(|e| broken(subject, e.as_ref()))?;
    Ok(body.to_bytes())
}

/// A body that ended before its end.
fn broken(subject: &Subject, error: &(dyn std::error::Error + Send + Sync + 'static)) -> ClusterError {
    if error.is::<http_body_util::LengthLimitError>() {
        subject.too_large(format!("the answer has more than {} MiB", LARGEST >> 20))
    } else {
        subject.cut_off(error)
    }
}

/// A request with a JSON body, or none.
pub(super) fn request(
    subject: &Subject,
    method: Method,
    target: &str,
    content: Option<(&str, Vec<u8>)>,
) -> Result<Request<Vec<u8>>, ClusterError> {
    let mut builder = Request::builder().method(method).uri(target).header("accept", "application/json");
    if let Some((kind, _)) = &content {
        builder = builder.header("content-type", *kind);
    }
    builder.body(content.map(|(_, body)| body).unwrap_or_default()).map_err(|e| subject.garbage(e))
}

fn decode<T: DeserializeOwned>(subject: &Subject, body: &[u8]) -> Result<T, ClusterError> {
    serde_json::from_slice(body).map_err(|e| subject.garbage(e))
}

/// The path of an object; its names are checked, since they end in a path.
pub(super) fn path_of(subject: &Subject, object: &ObjectRef) -> Result<String, ClusterError> {
    for part in [&object.namespace, &object.name] {
        if !is_name(part) {
            return Err(subject.unfit(part));
        }
    }
    Ok(object.path())
}

/// Whether a text can be the name of an object: one path segment that needs no escaping.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    !text.is_empty() && text.len() <= 253 && text.bytes().all(plain) && text != "." && text != ".."
}

/// A value of a query, percent-encoded.
pub(super) fn encoded(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut out, b| {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
        out
    })
}

/// Reads one object, fresh from the store.
pub(super) async fn get<T: DeserializeOwned>(client: &Client, object: &ObjectRef) -> Result<T, ClusterError> {
    let subject = Subject::object("get", object);
    let path = path_of(&subject, object)?;
    let body = send(client, &subject, request(&subject, Method::GET, &path, None)?, UNARY).await?;
    decode(&subject, &body)
}

/// Reads one object, if it is there.
pub(super) async fn find<T: DeserializeOwned>(client: &Client, object: &ObjectRef) -> Result<Option<T>, ClusterError> {
    match get(client, object).await {
        Ok(found) => Ok(Some(found)),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e),
    }
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    metadata: PageMeta,
    items: Option<Vec<T>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PageMeta {
    r#continue: String,
}

/// Lists objects of a kind in a namespace, fresh from the store, page by page; `selector` is a label selector, empty for all.
pub(super) async fn list<T: DeserializeOwned>(
    client: &Client,
    kind: Kind,
    namespace: &str,
    selector: &str,
) -> Result<Vec<T>, ClusterError> {
    list_as(client, kind, namespace, selector, |object: T| object).await
}

/// The same, trimmed page by page: of a long list only what is wanted of its objects is ever held whole.
pub(super) async fn list_as<T: DeserializeOwned, U>(
    client: &Client,
    kind: Kind,
    namespace: &str,
    selector: &str,
    trim: impl Fn(T) -> U,
) -> Result<Vec<U>, ClusterError> {
    let subject = Subject::all("list", kind, namespace);
    if !is_name(namespace) {
        return Err(subject.unfit(namespace));
    }
    pages(client, &subject, &kind.collection_path(Some(namespace)), selector, trim).await
}

/// Lists what stands at a path.
pub(super) async fn list_at<T: DeserializeOwned>(
    client: &Client,
    subject: &Subject,
    path: &str,
    selector: &str,
) -> Result<Vec<T>, ClusterError> {
    pages(client, subject, path, selector, |object: T| object).await
}

/// The same, trimmed object by object.
pub(super) async fn pages<T: DeserializeOwned, U>(
    client: &Client,
    subject: &Subject,
    path: &str,
    selector: &str,
    trim: impl Fn(T) -> U,
) -> Result<Vec<U>, ClusterError> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let mut target = format!("{path}?limit={PAGE}");
        for (name, value) in [("labelSelector", selector), ("continue", &token)] {
            if !value.is_empty() {
                target.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        token = page(client, subject, &target, |object| all.push(trim(object))).await?;
        if token.is_empty() {
            return Ok(all);
        }
    }
}

/// One page, object by object as they arrive; answers the token of the next page.
async fn page<T: DeserializeOwned>(
    client: &Client,
    subject: &Subject,
    target: &str,
    mut take: impl FnMut(T),
) -> Result<String, ClusterError> {
    let request = request(subject, Method::GET, target, None)?;
    let exchange = async {
        let mut body = std::pin::pin!(Limited::new(good(client, subject, request, Repeat::Read).await?.into_body(), LARGEST));
        let mut items = Items::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| broken(subject, e.as_ref()))?;
            let data = frame.data_ref().map_or(&[][..], AsRef::as_ref);
            items.push(data, |item| decode(subject, item).map(&mut take))?;
        }
        let page: Page<T> = decode(subject, &items.envelope())?;
        page.items.into_iter().flatten().for_each(take);
        Ok(page.metadata.r#continue)
    };
    tokio::time::timeout(LIST, exchange).await.unwrap_or_else(|_| Err(subject.late(LIST)))
}

/// How a write is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct WriteOptions {
    /// Ask the server to check everything and change nothing.
    pub dry_run: bool,
    /// What is done where the server fails at it.
    pub repeat: Repeat,
}

/// Whether a request is sent again where the server fails at it (5xx). Only what lands once however often it is sent, or means
/// the same twice, may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It is not.
    Never,
    /// It changes nothing.
    Read,
    /// A write whose conflict tells the sender to read anew, whoever was quicker: it or its own first try.
    Record,
    /// A write of which the sender has to know whether it was carried out: a conflict after a failure leaves that open.
    Change,
}

impl Repeat {
    fn pauses(self) -> &'static [Duration] {
        match self {
            Repeat::Never => &[],
            Repeat::Read => AGAIN,
            Repeat::Record | Repeat::Change => AGAIN.get(..REPEATS).unwrap_or(AGAIN),
        }
    }

    /// Whether the first failure says more than this last one: who is refused for good was so the first time, too.
    fn doubts(self, last: &ClusterError) -> bool {
        self == Repeat::Change && !last.is_final()
    }
}

impl WriteOptions {
    fn query(self) -> String {
        format!("fieldManager={MANAGER}{}", if self.dry_run { "&dryRun=All" } else { "" })
    }
}

/// A write of what drivers keep: the record, the Lease, an order.
pub(super) const RECORD: WriteOptions = WriteOptions { dry_run: false, repeat: Repeat::Record };

/// Patches one object.
pub(super) async fn patch(
    client: &Client,
    object: &ObjectRef,
    content_type: &str,
    body: &Value,
    options: WriteOptions,
) -> Result<Value, ClusterError> {
    patch_part(client, (object, None), content_type, body, options).await
}

/// The same of a subresource, where one is named.
pub(super) async fn patch_part(
    client: &Client,
    (object, part): (&ObjectRef, Option<&str>),
    content_type: &str,
    body: &Value,
    options: WriteOptions,
) -> Result<Value, ClusterError> {
    let subject = Subject::object("patch", object);
    let part = part.map(|p| format!("/{p}")).unwrap_or_default();
    let target = format!("{}{part}?{}", path_of(&subject, object)?, options.query());
    let content = serde_json::to_vec(body).map_err(|e| subject.garbage(e))?;
    let write = request(&subject, Method::PATCH, &target, Some((content_type, content)))?;
    let answer = exchange(client, &subject, write, (options.repeat, UNARY)).await?;
    // The status says that it landed; what the body says is for the reader only.
    Ok(serde_json::from_slice(&answer).unwrap_or_default())
}

/// Creates one object.
pub(super) async fn create(client: &Client, object: &ObjectRef, body: &Value, options: WriteOptions) -> Result<Value, ClusterError> {
    let subject = Subject::object("create", object);
    path_of(&subject, object)?;
    let target = format!("{}?{}", object.kind.collection_path(Some(&object.namespace)), options.query());
    let content = serde_json::to_vec(body).map_err(|e| subject.garbage(e))?;
    let write = request(&subject, Method::POST, &target, Some(("application/json", content)))?;
    let answer = exchange(client, &subject, write, (options.repeat, UNARY)).await?;
    Ok(serde_json::from_slice(&answer).unwrap_or_default())
}

/// `metadata.resourceVersion` of an object.
pub(super) fn version_of(object: &Value) -> String {
    object.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_leave_their_place_in_a_path_are_refused() {
        for name in ["", ".", "..", "a/b", "a%2fb", "a b", "a?b", "a#b", "ä", &"x".repeat(254)] {
            assert!(!is_name(name), "{name}");
        }
        for name in ["web", "web-7f9c.v1", "system:node", "..data"] {
            assert!(is_name(name), "{name}");
        }
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(encoded("app in (a,b)/ü"), "app%20in%20%28a%2Cb%29%2F%C3%BC");
    }
}
