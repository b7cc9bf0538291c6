//! A container's log as a bounded stream of safe lines.

use std::time::Duration;

use futures::{AsyncBufReadExt, StreamExt};
use http::Request;
use kube::Client;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::call::{encoded, is_name};
use crate::domain::text::SafeText;

/// Lines that may wait to be shown; a log that is faster than its reader loses its oldest lines, and says so.
const WAITING: usize = 2_000;
/// Deadline for the first byte.
const OPENING: Duration = Duration::from_secs(10);

/// Which log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRequest {
    /// Namespace of the pod.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container; the only one when not named.
    pub container: Option<String>,
    /// The run before the last restart, instead of the present one.
    pub previous: bool,
    /// Lines to begin with.
    pub tail: u32,
}

/// What comes out of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEvent {
    /// A line, without its end.
    Line(SafeText),
    /// It ended, or could not be had: why.
    End(SafeText),
}

/// A log being read; dropped, it is closed.
#[derive(Debug)]
pub struct Tail {
    /// What comes out of it.
    pub events: mpsc::Receiver<LogEvent>,
    task: JoinHandle<()>,
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Opens a log and follows it. `client` is the one for watches: without a deadline of its own.
pub fn tail(client: Client, request: LogRequest) -> Tail {
    let (sender, events) = mpsc::channel(WAITING);
    let task = tokio::spawn(async move {
        let end = read(&client, &request, &sender).await;
        let _ = sender.send(LogEvent::End(SafeText::from(end))).await;
    });
    Tail { events, task }
}

/// Reads until the end; answers why it ended.
async fn read(client: &Client, request: &LogRequest, to: &mpsc::Sender<LogEvent>) -> String {
    if ![&request.namespace, &request.pod].into_iter().all(|n| is_name(n)) {
        return "not a pod's name".to_owned();
    }
    let mut target = format!("/api/v1/namespaces/{}/pods/{}/log?tailLines={}", request.namespace, request.pod, request.tail);
    if let Some(container) = &request.container {
        target.push_str(&format!("&container={}", encoded(container)));
    }
    target.push_str(if request.previous { "&previous=true" } else { "&follow=true" });
    let Ok(http) = Request::get(&target).body(Vec::new()) else { return "not a pod's name".to_owned() };
    let opened = match tokio::time::timeout(OPENING, client.request_stream(http)).await {
        Ok(Ok(body)) => body,
        Ok(Err(kube::Error::Api(status))) => return status.message.clone(),
        Ok(Err(error)) => return error.to_string(),
        Err(_) => return format!("no answer within {} s", OPENING.as_secs()),
    };
    let mut lines = std::pin::pin!(opened.lines());
    while let Some(line) = lines.next().await {
        let event = match line {
            Ok(line) => LogEvent::Line(SafeText::from(line)),
            Err(error) => return error.to_string(),
        };
        if to.send(event).await.is_err() {
            return String::new();
        }
    }
    if request.previous { "end of the previous run's log".to_owned() } else { "the container ended".to_owned() }
}
