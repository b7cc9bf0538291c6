//! The kinds that the embedded cluster serves.

/// A kind: how it is named, where it is served, what subresources it has. Compared by `id`.
#[derive(Debug)]
pub struct Resource {
    /// Unique small number; keeps lookups cheap.
    pub id: u8,
    /// API group; empty for the core group. The group its error texts name.
    pub group: &'static str,
    /// Served versions as (group, version), the preferred one first. Objects are stored in the preferred one.
    pub versions: &'static [(&'static str, &'static str)],
    /// Kind.
    pub kind: &'static str,
    /// Plural, as in paths.
    pub plural: &'static str,
    /// Short names of kubectl.
    pub short: &'static [&'static str],
    /// Categories (`all`).
    pub categories: &'static [&'static str],
    /// Lives in a namespace.
    pub namespaced: bool,
    /// Has `/status`.
    pub status: bool,
    /// Has `/scale`.
    pub scale: bool,
    /// Has `metadata.generation`.
    pub generation: bool,
    /// Is served from a CustomResourceDefinition: no strategic merge patch, lists are atomic unless declared.
    pub custom: bool,
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Resource {}

impl Resource {
    /// `deployments.apps`, `pods`: as in error texts.
    pub fn qualified(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// The preferred `apiVersion`.
    pub fn api_version(&self) -> String {
        self.versions.first().map(|(group, version)| api_version(group, version)).unwrap_or_default()
    }

    /// The singular name.
    pub fn singular(&self) -> String {
        self.kind.to_lowercase()
    }
}

/// `apps/v1`, `v1`.
pub fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// The kind served at a group, version and plural.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    ALL.iter().copied().find(|r| r.plural == plural && r.versions.contains(&(group, version)))
}

/// The kind of an object, by its `apiVersion` and `kind`.
pub fn of_kind(api_version_text: &str, kind: &str) -> Option<&'static Resource> {
    ALL.iter().copied().find(|r| r.kind == kind && r.versions.iter().any(|(g, v)| api_version(g, v) == api_version_text))
}

/// A namespaced built-in kind with nothing special: the base of the table.
pub(super) const fn served(versions: &'static [(&'static str, &'static str)]) -> Resource {
    Resource {
        id: 0,
        group: "",
        versions,
        kind: "",
        plural: "",
        short: &[],
        categories: &[],
        namespaced: true,
        status: false,
        scale: false,
        generation: false,
        custom: false,
    }
}

macro_rules! resources {
    ($($(#[$doc:meta])* $name:ident = $id:literal $plural:literal $kind:literal $group:literal [$($version:literal),+] { $($field:ident: $value:expr),* $(,)? };)+) => {
        $($(#[$doc])* pub static $name: Resource = Resource {
            id: $id, plural: $plural, kind: $kind, group: $group, $($field: $value,)* ..served(&[$(($group, $version)),+])
        };)+
        /// All kinds.
        pub static ALL: &[&Resource] = &[$(&$name),+];
    };
}

resources! {
    /// Namespaces.
    NAMESPACE = 0 "namespaces" "Namespace" "" ["v1"] { short: &["ns"], namespaced: false, status: true };
    /// Nodes.
    NODE = 1 "nodes" "Node" "" ["v1"] { short: &["no"], namespaced: false, status: true };
    /// Pods.
    POD = 2 "pods" "Pod" "" ["v1"] { short: &["po"], categories: &["all"], status: true, generation: true };
    /// Services.
    SERVICE = 3 "services" "Service" "" ["v1"] { short: &["svc"], categories: &["all"], status: true };
    /// ConfigMaps.
    CONFIG_MAP = 4 "configmaps" "ConfigMap" "" ["v1"] { short: &["cm"] };
    /// Secrets.
    SECRET = 5 "secrets" "Secret" "" ["v1"] {};
    /// Service accounts.
    SERVICE_ACCOUNT = 6 "serviceaccounts" "ServiceAccount" "" ["v1"] { short: &["sa"] };
    /// Resource quotas.
    RESOURCE_QUOTA = 7 "resourcequotas" "ResourceQuota" "" ["v1"] { short: &["quota"], status: true };
    /// Events, stored in their core/v1 form.
    EVENT = 8 "events" "Event" "" ["v1"] { short: &["ev"], versions: &[("", "v1"), ("events.k8s.io", "v1")] };
    /// Deployments.
    DEPLOYMENT = 9 "deployments" "Deployment" "apps" ["v1"] { short: &["deploy"], categories: &["all"], status: true, scale: true, generation: true };
    /// ReplicaSets.
    REPLICA_SET = 10 "replicasets" "ReplicaSet" "apps" ["v1"] { short: &["rs"], categories: &["all"], status: true, scale: true, generation: true };
    /// StatefulSets: stored, not acted on.
    STATEFUL_SET = 11 "statefulsets" "StatefulSet" "apps" ["v1"] { short: &["sts"], categories: &["all"], status: true, scale: true, generation: true };
    /// DaemonSets: stored, not acted on.
    DAEMON_SET = 12 "daemonsets" "DaemonSet" "apps" ["v1"] { short: &["ds"], categories: &["all"], status: true, generation: true };
    /// Jobs.
    JOB = 13 "jobs" "Job" "batch" ["v1"] { categories: &["all"], status: true, generation: true };
    /// Horizontal pod autoscalers.
    HPA = 14 "horizontalpodautoscalers" "HorizontalPodAutoscaler" "autoscaling" ["v2", "v1"] { short: &["hpa"], categories: &["all"], status: true };
    /// Pod disruption budgets.
    PDB = 15 "poddisruptionbudgets" "PodDisruptionBudget" "policy" ["v1"] { short: &["pdb"], status: true, generation: true };
    /// EndpointSlices.
    ENDPOINT_SLICE = 16 "endpointslices" "EndpointSlice" "discovery.k8s.io" ["v1"] { generation: true };
    /// Ingresses.
    INGRESS = 17 "ingresses" "Ingress" "networking.k8s.io" ["v1"] { short: &["ing"], status: true, generation: true };
    /// Leases.
    LEASE = 18 "leases" "Lease" "coordination.k8s.io" ["v1"] {};
    /// Istio's VirtualServices.
    VIRTUAL_SERVICE = 19 "virtualservices" "VirtualService" "networking.istio.io" ["v1", "v1beta1"] { short: &["vs"], categories: &["istio-io", "networking-istio-io"], status: true, generation: true, custom: true };
    /// Istio's DestinationRules.
    DESTINATION_RULE = 20 "destinationrules" "DestinationRule" "networking.istio.io" ["v1", "v1beta1"] { short: &["dr"], categories: &["istio-io", "networking-istio-io"], status: true, generation: true, custom: true };
    /// Gateway API's HTTPRoutes.
    HTTP_ROUTE = 21 "httproutes" "HTTPRoute" "gateway.networking.k8s.io" ["v1", "v1beta1"] { categories: &["gateway-api"], status: true, generation: true, custom: true };
    /// Gateway API's Gateways.
    GATEWAY = 22 "gateways" "Gateway" "gateway.networking.k8s.io" ["v1", "v1beta1"] { short: &["gtw"], categories: &["gateway-api"], status: true, generation: true, custom: true };
    /// Argo CD's Applications.
    APPLICATION = 23 "applications" "Application" "argoproj.io" ["v1alpha1"] { short: &["app", "apps"], generation: true, custom: true };
    /// Argo Rollouts' Rollouts.
    ROLLOUT = 24 "rollouts" "Rollout" "argoproj.io" ["v1alpha1"] { short: &["ro"], status: true, scale: true, generation: true, custom: true };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_paths_lead_to_one_kind() {
        assert_eq!(ALL.iter().map(|r| r.id).collect::<BTreeSet<_>>().len(), ALL.len());
        assert_eq!(find("events.k8s.io", "v1", "events"), Some(&EVENT));
        assert_eq!(find("networking.istio.io", "v1beta1", "virtualservices"), Some(&VIRTUAL_SERVICE));
        assert_eq!(find("apps", "v1", "pods"), None);
        assert_eq!(of_kind("apps/v1", "Deployment"), Some(&DEPLOYMENT));
        assert_eq!(DEPLOYMENT.api_version(), "apps/v1");
    }
}
