//! Field numbers, from the `generated.proto` files of Kubernetes's API.

use super::{
    Field,
    Type::{Bool, BytesMap, Ignored, Inline, Int, IntOrString, Message, Messages, Pointer, Quantity, QuantityMap, Text, TextMap, Texts},
};

/// The fields of a kind; `None` for kinds that are only read as JSON.
pub(super) fn of(api_version: &str, kind: &str) -> Option<&'static [Field]> {
    Some(match (api_version, kind) {
        ("v1", "Namespace") => NAMESPACE,
        ("v1", "ConfigMap") => CONFIG_MAP,
        ("v1", "Secret") => SECRET,
        ("v1", "ServiceAccount") => SERVICE_ACCOUNT,
        ("v1", "ResourceQuota") => RESOURCE_QUOTA,
        ("v1", "Service") => SERVICE,
        ("v1" | "meta.k8s.io/v1", "DeleteOptions") => DELETE_OPTIONS,
        ("apps/v1", "Deployment") => DEPLOYMENT,
        ("autoscaling/v2", "HorizontalPodAutoscaler") => AUTOSCALER,
        ("autoscaling/v1", "HorizontalPodAutoscaler") => OLD_AUTOSCALER,
        ("policy/v1", "PodDisruptionBudget") => DISRUPTION_BUDGET,
        ("networking.k8s.io/v1", "Ingress") => INGRESS,
        ("batch/v1", "Job") => JOB,
        ("authorization.k8s.io/v1", "SelfSubjectAccessReview") => ACCESS_REVIEW,
        ("authorization.k8s.io/v1", "SelfSubjectRulesReview") => RULES_REVIEW,
        ("authentication.k8s.io/v1", "SelfSubjectReview") => &[Field(1, "metadata", Message(META)), Field(2, "status", Ignored)],
        _ => return None,
    })
}

/// The envelope; its `raw` is read on its own.
pub(super) const UNKNOWN: &[Field] = &[
    Field(1, "typeMeta", Message(&[Field(1, "apiVersion", Text), Field(2, "kind", Text)])),
    Field(2, "raw", Ignored),
    Field(3, "contentEncoding", Text),
    Field(4, "contentType", Text),
];

pub(super) const QUANTITY: &[Field] = &[Field(1, "string", Text)];
pub(super) const INT_OR_STRING: &[Field] = &[Field(1, "type", Int), Field(2, "intVal", Pointer), Field(3, "strVal", Text)];

const META: &[Field] = &[
    Field(1, "name", Text),
    Field(2, "generateName", Text),
    Field(3, "namespace", Text),
    Field(4, "selfLink", Ignored),
    Field(5, "uid", Text),
    Field(6, "resourceVersion", Text),
    Field(7, "generation", Ignored),
    Field(8, "creationTimestamp", Ignored),
    Field(11, "labels", TextMap),
    Field(12, "annotations", TextMap),
    Field(13, "ownerReferences", Messages(OWNER)),
    Field(14, "finalizers", Texts),
    Field(17, "managedFields", Ignored),
];

const OWNER: &[Field] = &[
    Field(1, "kind", Text),
    Field(3, "name", Text),
    Field(4, "uid", Text),
    Field(5, "apiVersion", Text),
    Field(6, "controller", Bool),
    Field(7, "blockOwnerDeletion", Bool),
];

const NAMESPACE: &[Field] =
    &[Field(1, "metadata", Message(META)), Field(2, "spec", Message(&[Field(1, "finalizers", Texts)])), Field(3, "status", Ignored)];

const CONFIG_MAP: &[Field] =
    &[Field(1, "metadata", Message(META)), Field(2, "data", TextMap), Field(3, "binaryData", BytesMap), Field(4, "immutable", Bool)];

const SECRET: &[Field] = &[
    Field(1, "metadata", Message(META)),
    Field(2, "data", BytesMap),
    Field(3, "type", Text),
    Field(4, "stringData", TextMap),
    Field(5, "immutable", Bool),
];

const SERVICE_ACCOUNT: &[Field] = &[Field(1, "metadata", Message(META))];

const RESOURCE_QUOTA: &[Field] = &[
    Field(1, "metadata", Message(META)),
    Field(2, "spec", Message(&[Field(1, "hard", QuantityMap), Field(2, "scopes", Texts)])),
    Field(3, "status", Ignored),
];

const SERVICE: &[Field] = &[Field(1, "metadata", Message(META)), Field(2, "spec", Message(SERVICE_SPEC)), Field(3, "status", Ignored)];

const SERVICE_SPEC: &[Field] = &[
    Field(1, "ports", Messages(SERVICE_PORT)),
    Field(2, "selector", TextMap),
    Field(3, "clusterIP", Text),
    Field(4, "type", Text),
    Field(5, "externalIPs", Texts),
    Field(7, "sessionAffinity", Text),
    Field(8, "loadBalancerIP", Text),
    Field(10, "externalName", Text),
    Field(11, "externalTrafficPolicy", Text),
    Field(12, "healthCheckNodePort", Int),
    Field(13, "publishNotReadyAddresses", Bool),
    Field(17, "ipFamilyPolicy", Text),
    Field(18, "clusterIPs", Texts),
    Field(19, "ipFamilies", Texts),
    Field(22, "internalTrafficPolicy", Text),
];

const SERVICE_PORT: &[Field] = &[
    Field(1, "name", Text),
    Field(2, "protocol", Text),
    Field(3, "port", Int),
    Field(4, "targetPort", IntOrString),
    Field(5, "nodePort", Int),
    Field(6, "appProtocol", Text),
];

const DELETE_OPTIONS: &[Field] = &[
    Field(1, "gracePeriodSeconds", Pointer),
    Field(2, "preconditions", Message(&[Field(1, "uid", Text), Field(2, "resourceVersion", Text)])),
    Field(3, "orphanDependents", Bool),
    Field(4, "propagationPolicy", Text),
    Field(5, "dryRun", Texts),
];

const SELECTOR: &[Field] = &[Field(1, "matchLabels", TextMap), Field(2, "matchExpressions", Messages(EXPRESSION))];
const EXPRESSION: &[Field] = &[Field(1, "key", Text), Field(2, "operator", Text), Field(3, "values", Texts)];

const DEPLOYMENT: &[Field] = &[
    Field(1, "metadata", Message(META)),
    Field(
        2,
        "spec",
        Message(&[
            Field(1, "replicas", Pointer),
            Field(2, "selector", Message(SELECTOR)),
            Field(3, "template", Message(&[Field(1, "metadata", Message(META)), Field(2, "spec", Message(POD_SPEC))])),
            Field(4, "strategy", Message(&[Field(1, "type", Text), Field(2, "rollingUpdate", Message(ROLLING))])),
            Field(5, "minReadySeconds", Int),
            Field(6, "revisionHistoryLimit", Pointer),
            Field(7, "paused", Bool),
            Field(9, "progressDeadlineSeconds", Pointer),
        ]),
    ),
    Field(3, "status", Ignored),
];

const ROLLING: &[Field] = &[Field(1, "maxUnavailable", IntOrString), Field(2, "maxSurge", IntOrString)];

const POD_SPEC: &[Field] = &[
    Field(2, "containers", Messages(CONTAINER)),
    Field(3, "restartPolicy", Text),
    Field(4, "terminationGracePeriodSeconds", Pointer),
    Field(6, "dnsPolicy", Text),
    Field(7, "nodeSelector", TextMap),
    Field(8, "serviceAccountName", Text),
    Field(9, "serviceAccount", Text),
    Field(10, "nodeName", Text),
    Field(11, "hostNetwork", Bool),
    Field(12, "hostPID", Bool),
    Field(13, "hostIPC", Bool),
    Field(16, "hostname", Text),
    Field(17, "subdomain", Text),
    Field(19, "schedulerName", Text),
    Field(24, "priorityClassName", Text),
];

const CONTAINER: &[Field] = &[
    Field(1, "name", Text),
    Field(2, "image", Text),
    Field(3, "command", Texts),
    Field(4, "args", Texts),
    Field(5, "workingDir", Text),
    Field(6, "ports", Messages(CONTAINER_PORT)),
    Field(7, "env", Messages(&[Field(1, "name", Text), Field(2, "value", Text)])),
    Field(8, "resources", Message(&[Field(1, "limits", QuantityMap), Field(2, "requests", QuantityMap)])),
    Field(13, "terminationMessagePath", Text),
    Field(14, "imagePullPolicy", Text),
    Field(16, "stdin", Bool),
    Field(17, "stdinOnce", Bool),
    Field(18, "tty", Bool),
    Field(20, "terminationMessagePolicy", Text),
];

const CONTAINER_PORT: &[Field] = &[
    Field(1, "name", Text),
    Field(2, "hostPort", Int),
    Field(3, "containerPort", Int),
    Field(4, "protocol", Text),
    Field(5, "hostIP", Text),
];

const SCALE_TARGET: &[Field] = &[Field(1, "kind", Text), Field(2, "name", Text), Field(3, "apiVersion", Text)];

const AUTOSCALER: &[Field] = &[
    Field(1, "metadata", Message(META)),
    Field(
        2,
        "spec",
        Message(&[
            Field(1, "scaleTargetRef", Message(SCALE_TARGET)),
            Field(2, "minReplicas", Pointer),
            Field(3, "maxReplicas", Int),
            Field(4, "metrics", Messages(&[Field(1, "type", Text), Field(4, "resource", Message(RESOURCE_METRIC))])),
        ]),
    ),
    Field(3, "status", Ignored),
];

const OLD_AUTOSCALER: &[Field] = &[
    Field(1, "metadata", Message(META)),
    Field(
        2,
        "spec",
        Message(&[
            Field(1, "scaleTargetRef", Message(SCALE_TARGET)),
            Field(2, "minReplicas", Pointer),
            Field(3, "maxReplicas", Int),
            Field(4, "targetCPUUtilizationPercentage", Pointer),
        ]),
    ),
    Field(3, "status", Ignored),
];

const RESOURCE_METRIC: &[Field] = &[
    Field(1, "name", Text),
    Field(2, "target", Message(&[Field(1, "type", Text), Field(3, "averageValue", Quantity), Field(4, "averageUtilization", Pointer)])),
];

const DISRUPTION_BUDGET: &[Field] = &[
    Field(1, "metadata", Message(META)),
    Field(
        2,
        "spec",
        Message(&[Field(1, "minAvailable", IntOrString), Field(2, "selector", Message(SELECTOR)), Field(3, "maxUnavailable", IntOrString)]),
    ),
    Field(3, "status", Ignored),
];

const INGRESS: &[Field] = &[
    Field(1, "metadata", Message(META)),
    Field(
        2,
        "spec",
        Message(&[
            Field(1, "defaultBackend", Message(INGRESS_BACKEND)),
            Field(2, "tls", Messages(&[Field(1, "hosts", Texts), Field(2, "secretName", Text)])),
            Field(3, "rules", Messages(INGRESS_RULE)),
            Field(4, "ingressClassName", Text),
        ]),
    ),
    Field(3, "status", Ignored),
];

const INGRESS_RULE: &[Field] =
    &[Field(1, "host", Text), Field(2, "http", Inline(&[Field(1, "http", Message(&[Field(1, "paths", Messages(INGRESS_PATH))]))]))];

const INGRESS_PATH: &[Field] = &[Field(1, "path", Text), Field(2, "backend", Message(INGRESS_BACKEND)), Field(3, "pathType", Text)];

const INGRESS_BACKEND: &[Field] = &[
    Field(3, "resource", Message(&[Field(1, "apiGroup", Text), Field(2, "kind", Text), Field(3, "name", Text)])),
    Field(4, "service", Message(&[Field(1, "name", Text), Field(2, "port", Message(&[Field(1, "name", Text), Field(2, "number", Int)]))])),
];

const JOB: &[Field] = &[
    Field(1, "metadata", Message(META)),
    Field(
        2,
        "spec",
        Message(&[
            Field(1, "parallelism", Pointer),
            Field(2, "completions", Pointer),
            Field(3, "activeDeadlineSeconds", Pointer),
            Field(4, "selector", Message(SELECTOR)),
            Field(5, "manualSelector", Bool),
            Field(6, "template", Message(&[Field(1, "metadata", Message(META)), Field(2, "spec", Message(POD_SPEC))])),
            Field(7, "backoffLimit", Pointer),
            Field(8, "ttlSecondsAfterFinished", Pointer),
            Field(9, "completionMode", Text),
            Field(10, "suspend", Bool),
        ]),
    ),
    Field(3, "status", Ignored),
];

const ACCESS_REVIEW: &[Field] = &[
    Field(1, "metadata", Message(META)),
    Field(
        2,
        "spec",
        Message(&[
            Field(1, "resourceAttributes", Message(ATTRIBUTES)),
            Field(2, "nonResourceAttributes", Message(&[Field(1, "path", Text), Field(2, "verb", Text)])),
        ]),
    ),
    Field(3, "status", Ignored),
];

const ATTRIBUTES: &[Field] = &[
    Field(1, "namespace", Text),
    Field(2, "verb", Text),
    Field(3, "group", Text),
    Field(4, "version", Text),
    Field(5, "resource", Text),
    Field(6, "subresource", Text),
    Field(7, "name", Text),
];

const RULES_REVIEW: &[Field] =
    &[Field(1, "metadata", Message(META)), Field(2, "spec", Message(&[Field(1, "namespace", Text)])), Field(3, "status", Ignored)];
