//! List, then watch, then list again when told to: one kind's way through good and bad weather.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncBufRead, AsyncBufReadExt};
use http::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::items::Items;
use super::Shared;
use super::index::Rows;
use super::line::LineError;
use super::wire::{self, of_kind};
use crate::domain::live::{Feed, FeedState};
use crate::domain::object::Kind;
use crate::domain::text::SafeText;

/// How long the server keeps one watch open, seconds. Short, so that a silently dead connection is noticed: some load
/// balancers drop idle ones after four minutes without a word.
const WATCH_SECONDS: u64 = 50;
/// Silence on a watch after which it is given up.
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS + 5);
/// Deadline of one page of a list.
const LIST_DEADLINE: Duration = Duration::from_secs(20);
/// Objects a page.
const PAGE: usize = 500;
/// The longest line of a watch, bytes: an object is at most 1.5 MiB in etcd.
const LONGEST_LINE: usize = 8 << 20;
/// First and longest pause between tries.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(800), Duration::from_secs(30));
/// How often a kind that is absent or forbidden is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(120);

/// Why a watch ended.
enum End {
    /// The server closed it as announced: watch on from here.
    Closed(String),
    /// The version is too old: list again.
    Expired,
    /// Something failed.
    Failed(String),
    /// 403, with what the server said.
    Denied(String),
    /// 404: the cluster does not have this kind.
    Absent,
}

/// Follows one kind for ever.
pub(super) async fn follow(shared: Arc<Shared>, kind: Kind) {
    let mut tries = 0_u32;
    let mut version: Option<String> = None;
    loop {
        let end = match version.take() {
            Some(from) => watch_on(&shared, kind, from).await,
            None => match of_kind!(kind, Object => list::<Object>(&shared, kind).await) {
                Ok(from) => End::Closed(from),
                Err(end) => end,
            },
        };
        let rest = match end {
            End::Closed(from) => {
                (version, tries) = (Some(from), 0);
                continue;
            }
            End::Expired => Duration::from_millis(100),
            End::Denied(why) => {
                state(&shared, kind, Feed::Denied { why: why.into() });
                LOOK_AGAIN
            }
            End::Absent => {
                state(&shared, kind, Feed::Absent);
                LOOK_AGAIN
            }
            End::Failed(why) => {
                tries = tries.saturating_add(1);
                state(&shared, kind, Feed::Reconnecting { tries, why: SafeText::from(why) });
                pause(tries)
            }
        };
        tokio::time::sleep(rest).await;
    }
}

/// Doubling pauses with up to a quarter of jitter, so that a fleet of consoles does not come back in step.
fn pause(tries: u32) -> Duration {
    let doubled = BACKOFF.0.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1).min(10))).min(BACKOFF.1);
    let spread = u32::try_from(Timestamp::now().subsec_nanosecond().rem_euclid(250)).unwrap_or(0);
    doubled.saturating_add(doubled.saturating_mul(spread) / 1000)
}

fn state(shared: &Shared, kind: Kind, feed: Feed) {
    shared.change(|indexes| indexes.feed(kind, |heard| FeedState { feed, heard }));
}

fn heard(shared: &Shared, kind: Kind) {
    let at = (shared.present)();
    shared.change(|indexes| indexes.feed(kind, |_| FeedState { feed: Feed::Live, heard: Some(at) }));
}

#[derive(Deserialize)]
struct Page<T> {
    metadata: PageMeta,
    items: Option<Vec<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMeta {
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    r#continue: String,
}

/// Lists everything in pages. Rows are shown as they arrive; those that are not in the list any more go at its end, so no
/// watch gap leaves ghosts.
async fn list<T: DeserializeOwned + Rows>(shared: &Shared, kind: Kind) -> Result<String, End> {
    let mut token = String::new();
    let mut there = BTreeSet::new();
    loop {
        let mut target = format!("{}?limit={PAGE}", kind.collection_path(Some(&shared.namespace)));
        if !token.is_empty() {
            target.push_str("&continue=");
            target.push_str(&super::super::call::encoded(&token));
        }
        let page = tokio::time::timeout(LIST_DEADLINE, page::<T>(shared, kind, &target, &mut there)).await;
        let page = page.map_err(|_| End::Failed(format!("no list of {} within {} s", kind.plural(), LIST_DEADLINE.as_secs())))??;
        if page.r#continue.is_empty() {
            shared.change(|indexes| T::retain(indexes, kind, &there));
            heard(shared, kind);
            return Ok(page.resource_version);
        }
        token = page.r#continue;
    }
}

/// Reads one page, object by object: the text of a page of pods has megabytes.
async fn page<T: DeserializeOwned + Rows>(
    shared: &Shared,
    kind: Kind,
    target: &str,
    there: &mut BTreeSet<String>,
) -> Result<PageMeta, End> {
    let no_list = |e: serde_json::Error| End::Failed(format!("{}: not a list: {e}", kind.plural()));
    let opened = shared.client.request_stream(get(target)?).await.map_err(|e| end_of(&e))?;
    let mut body = std::pin::pin!(opened);
    let mut items = Items::default();
    loop {
        let chunk = body.fill_buf().await.map_err(|e| End::Failed(e.to_string()))?;
        if chunk.is_empty() {
            break;
        }
        let mut objects: Vec<T> = Vec::new();
        items.push(chunk, |item| serde_json::from_slice(item).map(|object| objects.push(object)).map_err(no_list))?;
        let taken = chunk.len();
        body.consume_unpin(taken);
        if items.held() > LONGEST_LINE {
            return Err(End::Failed(format!("a list of {} with an object of more than {} MiB", kind.plural(), LONGEST_LINE >> 20)));
        }
        shared.change(|indexes| there.extend(objects.into_iter().map(|object| object.apply(indexes))));
    }
    let page: Page<T> = serde_json::from_slice(&items.envelope()).map_err(no_list)?;
    shared.change(|indexes| there.extend(page.items.into_iter().flatten().map(|object| object.apply(indexes))));
    Ok(page.metadata)
}

fn get(target: &str) -> Result<Request<Vec<u8>>, End> {
    Request::get(target).header("accept", "application/json").body(Vec::new()).map_err(|e| End::Failed(e.to_string()))
}

fn end_of(error: &kube::Error) -> End {
    match error {
        kube::Error::Api(status) => match status.code {
            403 => End::Denied(status.message.clone()),
            404 => End::Absent,
            410 => End::Expired,
            code => End::Failed(format!("{code} {}", status.message)),
        },
        other => End::Failed(cause(other)),
    }
}

/// The innermost cause: "connection refused" rather than "client error".
fn cause(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Takes events until the watch ends, one way or another.
async fn watch_on(shared: &Shared, kind: Kind, mut version: String) -> End {
    let path = kind.collection_path(Some(&shared.namespace));
    let target = format!(
        "{path}?watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={}",
        super::super::call::encoded(&version)
    );
    let request = match get(&target) {
        Ok(request) => request,
        Err(end) => return end,
    };
    let opened = match tokio::time::timeout(LIST_DEADLINE, shared.client.request_stream(request)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => return end_of(&error),
        Err(_) => return End::Failed(format!("no watch of {} within {} s", kind.plural(), LIST_DEADLINE.as_secs())),
    };
    heard(shared, kind);
    let begun = Timestamp::now();
    let mut body = std::pin::pin!(opened);
    let mut line = Vec::new();
    loop {
        match tokio::time::timeout(SILENCE, next_line(&mut body, &mut line)).await {
            Err(_) => return End::Failed(format!("the watch of {} fell silent", kind.plural())),
            Ok(Err(why)) => return End::Failed(why),
            Ok(Ok(false)) => {
                // Some servers answer an expired version of Events with an empty stream instead of 410.
                let at_once = Timestamp::now().duration_since(begun).as_secs_f64() < 1.0;
                return if at_once { End::Expired } else { End::Closed(version) };
            }
            Ok(Ok(true)) => {}
        }
        match take(shared, kind, &line) {
            Ok(Some(newer)) => version = newer,
            Ok(None) => {}
            Err(LineError::Expired) => return End::Expired,
            Err(error) => return End::Failed(error.to_string()),
        }
    }
}

/// Reads one line, without its end. `false` at the end of the stream.
async fn next_line(body: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> Result<bool, String> {
    line.clear();
    loop {
        let chunk = body.fill_buf().await.map_err(|e| e.to_string())?;
        if chunk.is_empty() {
            return Ok(!line.is_empty());
        }
        let end = chunk.iter().position(|b| *b == b'\n');
        let taken = end.map_or(chunk.len(), |i| i + 1);
        line.extend(chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default());
        body.consume_unpin(taken);
        if line.len() > LONGEST_LINE {
            return Err(format!("an event of more than {} MiB", LONGEST_LINE >> 20));
        }
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// Takes in one line, and that the server was heard.
fn take(shared: &Shared, kind: Kind, line: &[u8]) -> Result<Option<String>, LineError> {
    let at = (shared.present)();
    let mut answer = Ok(None);
    shared.change(|indexes| {
        answer = indexes.take(kind, line);
        if answer.is_ok() {
            indexes.feed(kind, |_| FeedState { feed: Feed::Live, heard: Some(at) });
        }
    });
    answer
}
