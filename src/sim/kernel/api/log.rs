//! Pod logs.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Target;
use crate::sim::kernel::{
    Request, Response, Status, World,
    kubelet::access_log,
    logs::{Line, Run},
    object::Fields,
    resource::POD,
    streams::Stream,
};

/// A log that is followed.
#[derive(Debug)]
pub struct Follow {
    namespace: String,
    pod: String,
    container: String,
    /// Which run of the container it follows, and how far it has come.
    run: Option<u64>,
    next: u64,
    timestamps: bool,
    /// What was asked for of the past.
    backlog: Vec<u8>,
}

/// Answers `GET .../pods/NAME/log`.
///
/// # Errors
/// `NotFound`, `BadRequest`, in the words of API server and kubelet.
pub fn handle(world: &mut World, request: &Request, target: &Target) -> Result<Response, Status> {
    let pod = world.store.find(&POD, target.namespace(), target.name())?.clone();
    let container = container(request, &pod)?;
    let previous = request.flag("previous");
    let follow = request.flag("follow") && !previous;
    if pod.text("/spec/nodeName").is_empty() {
        return Ok(Response::bytes(204, "text/plain", Vec::new()));
    }
    judge(&pod, &container, previous)?;
    if !previous {
        access_log::catch_up(world, target.namespace(), target.name(), &container);
    }
    let run = world.logs.run(target.namespace(), target.name(), &container, previous);
    let timestamps = request.flag("timestamps");
    let backlog = run.map(|run| select(world, run, request, timestamps)).unwrap_or_default();
    if !follow {
        return Ok(Response::bytes(200, "text/plain", backlog));
    }
    let (id, next) = run.map_or((None, 0), |run| (Some(run.id()), run.end()));
    let (namespace, pod) = (target.namespace().to_owned(), target.name().to_owned());
    let follow = Follow { namespace, pod, container, run: id, next, timestamps, backlog };
    let id = world.streams.open(Stream::Log(follow));
    Ok(Response::stream("text/plain", id, None, false))
}

impl Follow {
    /// Namespace, pod and container.
    pub(in crate::sim::kernel) fn place(&self) -> (String, String, String) {
        (self.namespace.clone(), self.pod.clone(), self.container.clone())
    }

    /// Writes what is new; false when the container or the pod has ended.
    pub(in crate::sim::kernel) fn poll(&mut self, world: &World, out: &mut Vec<u8>) -> bool {
        out.append(&mut self.backlog);
        let runs = [false, true].map(|previous| world.logs.run(&self.namespace, &self.pod, &self.container, previous));
        let own = runs.into_iter().flatten().find(|run| self.run.is_none_or(|id| id == run.id()));
        if let Some(run) = own {
            self.run = Some(run.id());
            for line in run.since(self.next) {
                write(out, line, self.timestamps);
            }
            self.next = run.end();
        }
        let restarted = self.run.is_some() && runs[0].map(Run::id) != self.run;
        let ended = match world.store.get(&POD, &self.namespace, &self.pod) {
            Some(pod) => status(pod, &self.container).is_some_and(|status| status.pointer("/state/terminated").is_some()),
            None => true,
        };
        !restarted && !ended
    }
}

/// The container asked for, or the only one.
fn container(request: &Request, pod: &Value) -> Result<String, Status> {
    let names = |pointer: &str| pod.items(pointer).iter().map(|c| c.name_of()).collect::<Vec<_>>();
    let (main, init) = (names("/spec/containers"), names("/spec/initContainers"));
    match request.param("container").filter(|name| !name.is_empty()) {
        Some(name) if main.contains(&name) || init.contains(&name) => Ok(name.to_owned()),
        Some(name) => Err(Status::bad_request(format!("container {name} is not valid for pod {}", pod.name()))),
        None => match (main.as_slice(), init.as_slice()) {
            ([only], []) => Ok((*only).to_owned()),
            (_, []) => Err(Status::bad_request(format!(
                "a container name must be specified for pod {}, choose one of: [{}]",
                pod.name(),
                main.join(" ")
            ))),
            _ => Err(Status::bad_request(format!(
                "a container name must be specified for pod {}, choose one of: [{}] or one of the init containers: [{}]",
                pod.name(),
                main.join(" "),
                init.join(" ")
            ))),
        },
    }
}

/// Refuses where the kubelet has no log to show.
fn judge(pod: &Value, container: &str, previous: bool) -> Result<(), Status> {
    let name = pod.name();
    let status = status(pod, container);
    if previous {
        let ended = status.is_some_and(|s| s.pointer("/lastState/terminated").is_some());
        let missing = || Status::bad_request(format!("previous terminated container {container:?} in pod {name:?} not found"));
        return if ended { Ok(()) } else { Err(missing()) };
    }
    let waiting = status.and_then(|s| s.pointer("/state/waiting"));
    let has_run = status.is_some_and(|s| s.pointer("/lastState/terminated").is_some());
    match (waiting, has_run) {
        (Some(waiting), false) => {
            let why = match waiting.text("/reason") {
                "ErrImagePull" => "image can't be pulled".to_owned(),
                "ImagePullBackOff" => "trying and failing to pull image".to_owned(),
                "" => "ContainerCreating".to_owned(),
                reason => reason.to_owned(),
            };
            Err(Status::bad_request(format!("container {container:?} in pod {name:?} is waiting to start: {why}")))
        }
        (None, _) if status.is_none() => {
            Err(Status::bad_request(format!("container {container:?} in pod {name:?} is waiting to start: ContainerCreating")))
        }
        _ => Ok(()),
    }
}

fn status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    let lists = ["/status/containerStatuses", "/status/initContainerStatuses"].into_iter();
    lists.flat_map(|pointer| pod.items(pointer)).find(|status| status.name_of() == container)
}

/// The lines asked for: `sinceSeconds`, `sinceTime`, `tailLines`, `limitBytes`.
fn select(world: &World, run: &Run, request: &Request, timestamps: bool) -> Vec<u8> {
    let number = |name: &str| request.param(name).and_then(|value| value.parse::<i64>().ok());
    let since_time = request.param("sinceTime").and_then(|time| time.parse::<Timestamp>().ok());
    let since = number("sinceSeconds").and_then(|s| world.now().checked_sub(SignedDuration::from_secs(s)).ok()).or(since_time);
    let lines: Vec<&Line> = run.since(0).filter(|line| since.is_none_or(|since| line.at >= since)).collect();
    let tail = number("tailLines").and_then(|tail| usize::try_from(tail).ok()).unwrap_or(usize::MAX);
    let mut out = Vec::new();
    for line in lines.iter().skip(lines.len().saturating_sub(tail)) {
        write(&mut out, line, timestamps);
    }
    if let Some(limit) = number("limitBytes").and_then(|limit| usize::try_from(limit).ok()) {
        out.truncate(limit);
    }
    out
}

fn write(out: &mut Vec<u8>, line: &Line, timestamps: bool) {
    if timestamps {
        out.extend_from_slice(format!("{:.9} ", line.at).as_bytes());
    }
    out.extend_from_slice(line.text.as_bytes());
    out.push(b'\n');
}

trait NameOf {
    fn name_of(&self) -> &str;
}

impl NameOf for Value {
    /// `name` of a container or a container's status.
    fn name_of(&self) -> &str {
        self.text("/name")
    }
}
