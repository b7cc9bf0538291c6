//! What the screen shows of the cluster: rows fed by watches, trimmed to what is seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::object::{Kind, ObjectRef};
use super::observed::Autoscaler;
use super::text::SafeText;

/// How a watch is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Feed {
    /// The first list is under way.
    Syncing,
    /// Listed, and the watch is open.
    Live,
    /// Broken, being opened again.
    Reconnecting {
        /// Tries so far.
        tries: u32,
        /// What the last one said.
        why: SafeText,
    },
    /// The server forbids it.
    Denied {
        /// What it said.
        why: SafeText,
    },
    /// The cluster does not have this kind.
    Absent,
}

/// How a kind's rows are, and how old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedState {
    /// How the watch is.
    pub feed: Feed,
    /// When the server was last heard on this watch (list, event or bookmark).
    pub heard: Option<Timestamp>,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodRow {
    /// Its uid.
    pub uid: String,
    /// Its name.
    pub name: SafeText,
    /// The workload it belongs to (the ReplicaSet's Deployment), where known.
    pub deployment: Option<String>,
    /// `pod-template-hash`.
    pub template_hash: Option<String>,
    /// What kubectl shows as STATUS: `Running`, `CrashLoopBackOff`, `Terminating`.
    pub status: SafeText,
    /// Ready containers.
    pub ready: u32,
    /// All containers.
    pub containers: u32,
    /// Restarts of all containers.
    pub restarts: u32,
    /// When the last restart was.
    pub last_restart: Option<Timestamp>,
    /// Reason and message of what keeps it from running.
    pub reason: Option<SafeText>,
    /// Millicores in use, where metrics are served.
    pub cpu_milli: Option<u64>,
    /// Bytes in use, where metrics are served.
    pub memory: Option<u64>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Node it runs on.
    pub node: Option<SafeText>,
}

impl PodRow {
    /// Whether every container is ready and the pod is not on its way out.
    pub fn is_ready(&self) -> bool {
        self.containers > 0 && self.ready == self.containers && self.status.as_str() == "Running"
    }
}

/// A Deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentRow {
    /// Its name.
    pub name: SafeText,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Labels of its pods.
    pub pod_labels: BTreeMap<String, String>,
    /// Wanted, ready, updated, available.
    pub replicas: [u32; 4],
    /// Container names and images.
    pub images: Vec<(String, String)>,
    /// Current revision.
    pub revision: Option<u64>,
    /// Change-cause.
    pub change_cause: Option<SafeText>,
    /// Whether it is paused.
    pub paused: bool,
    /// When it was created.
    pub created: Option<Timestamp>,
}

/// A kept revision of a Deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionRow {
    /// The Deployment.
    pub deployment: String,
    /// The ReplicaSet that keeps it.
    pub replica_set: String,
    /// Its number.
    pub revision: u64,
    /// Container names and images.
    pub images: Vec<(String, String)>,
    /// Change-cause.
    pub change_cause: Option<SafeText>,
    /// When the ReplicaSet was created.
    pub created: Option<Timestamp>,
    /// Pods it has now.
    pub replicas: u32,
}

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HpaRow {
    /// Its name.
    pub name: SafeText,
    /// The Deployment it scales.
    pub target: String,
    /// Bounds and replicas.
    pub scale: Autoscaler,
    /// Metrics as `cpu 54/70 %`.
    pub metrics: Vec<SafeText>,
    /// Conditions that are not as they should be: `ScalingActive=False FailedGetResourceMetric`.
    pub conditions: Vec<SafeText>,
}

/// An event, merged with its repetitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// Its uid.
    pub uid: String,
    /// When it was last seen.
    pub at: Option<Timestamp>,
    /// `Normal` or `Warning`.
    pub warning: bool,
    /// Reason.
    pub reason: SafeText,
    /// Kind and name of what it is about.
    pub about: (SafeText, SafeText),
    /// Message.
    pub message: SafeText,
    /// How often.
    pub count: u32,
}

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRow {
    /// Its name.
    pub name: SafeText,
    /// Its selector.
    pub selector: BTreeMap<String, String>,
    /// Ready addresses in its EndpointSlices.
    pub ready: u32,
    /// All addresses in its EndpointSlices.
    pub addresses: u32,
}

/// All rows of a namespace as of one moment. Cheap to clone: the long lists are shared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The namespace.
    pub namespace: String,
    /// Watches by kind.
    pub feeds: BTreeMap<Kind, FeedState>,
    /// Pods of the releases' workloads, by name.
    pub pods: Arc<Vec<Arc<PodRow>>>,
    /// Deployments, by name.
    pub deployments: Vec<DeploymentRow>,
    /// Kept revisions, by Deployment, newest first.
    pub revisions: Vec<RevisionRow>,
    /// Autoscalers, by name.
    pub hpas: Vec<HpaRow>,
    /// Events, newest first.
    pub events: Arc<Vec<Arc<EventRow>>>,
    /// Services, by name.
    pub services: Vec<ServiceRow>,
    /// VirtualServices and HTTPRoutes that exist.
    pub routes: Vec<ObjectRef>,
}

impl Snapshot {
    /// Whether both hold the same rows, whatever was heard of their watches meanwhile.
    pub fn same_rows(&self, other: &Snapshot) -> bool {
        let Snapshot { namespace, feeds: _, pods, deployments, revisions, hpas, events, services, routes } = self;
        (namespace, pods, deployments, revisions) == (&other.namespace, &other.pods, &other.deployments, &other.revisions)
            && (hpas, events, services, routes) == (&other.hpas, &other.events, &other.services, &other.routes)
    }
}
