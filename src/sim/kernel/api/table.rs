//! Tables, as `kubectl get` prints them: columns and cells per kind.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sim::kernel::{
    Resource,
    object::Fields,
    resource::{
        APPLICATION, CONFIG_MAP, DAEMON_SET, DEPLOYMENT, DESTINATION_RULE, ENDPOINT_SLICE, EVENT, GATEWAY, HPA, HTTP_ROUTE, INGRESS, JOB,
        LEASE, NAMESPACE, NODE, PDB, POD, REPLICA_SET, RESOURCE_QUOTA, ROLLOUT, SECRET, SERVICE, SERVICE_ACCOUNT, STATEFUL_SET,
        VIRTUAL_SERVICE,
    },
};

mod autoscaling;
mod basic;
mod custom;
mod network;
mod node;
mod pod;
mod workload;

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    name: &'static str,
    kind: &'static str,
    format: &'static str,
    /// 0: always shown; 1: with `-o wide`.
    priority: u8,
}

/// The columns of a kind and how an object fills them.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    /// The columns.
    pub columns: &'static [Column],
    /// The cells of one object at a time.
    pub cells: fn(&Value, Timestamp) -> Vec<Value>,
}

const fn column(name: &'static str, kind: &'static str) -> Column {
    Column { name, kind, format: "", priority: 0 }
}

const fn wide(name: &'static str, kind: &'static str) -> Column {
    Column { priority: 1, ..column(name, kind) }
}

const NAME: Column = Column { format: "name", ..column("Name", "string") };
const AGE: Column = column("Age", "string");

/// The columns of a kind.
pub fn of(resource: &Resource) -> &'static Columns {
    let kinds: [(&Resource, &'static Columns); 25] = [
        (&POD, &pod::POD),
        (&NODE, &node::NODE),
        (&NAMESPACE, &basic::NAMESPACE),
        (&CONFIG_MAP, &basic::CONFIG_MAP),
        (&SECRET, &basic::SECRET),
        (&SERVICE_ACCOUNT, &basic::SERVICE_ACCOUNT),
        (&RESOURCE_QUOTA, &basic::RESOURCE_QUOTA),
        (&EVENT, &basic::EVENT),
        (&LEASE, &basic::LEASE),
        (&DEPLOYMENT, &workload::DEPLOYMENT),
        (&REPLICA_SET, &workload::REPLICA_SET),
        (&STATEFUL_SET, &workload::STATEFUL_SET),
        (&DAEMON_SET, &workload::DAEMON_SET),
        (&JOB, &workload::JOB),
        (&HPA, &autoscaling::HPA),
        (&PDB, &autoscaling::PDB),
        (&SERVICE, &network::SERVICE),
        (&ENDPOINT_SLICE, &network::ENDPOINT_SLICE),
        (&INGRESS, &network::INGRESS),
        (&VIRTUAL_SERVICE, &custom::VIRTUAL_SERVICE),
        (&DESTINATION_RULE, &custom::DESTINATION_RULE),
        (&HTTP_ROUTE, &custom::HTTP_ROUTE),
        (&GATEWAY, &custom::GATEWAY),
        (&APPLICATION, &custom::APPLICATION),
        (&ROLLOUT, &custom::ROLLOUT),
    ];
    kinds.into_iter().find(|(kind, _)| *kind == resource).map_or(&basic::NAMESPACE, |(_, columns)| columns)
}

/// Columns that any kind could have.
pub fn plain() -> &'static Columns {
    &basic::SERVICE_ACCOUNT
}

/// `columnDefinitions`.
pub fn definitions(columns: &Columns) -> Value {
    let definitions = columns.columns.iter().map(
        |column| json!({"name": column.name, "type": column.kind, "format": column.format, "description": "", "priority": column.priority}),
    );
    definitions.collect()
}

/// The age of an object.
fn age(object: &Value, now: Timestamp) -> Value {
    since(object.text("/metadata/creationTimestamp"), now).into()
}

/// How long ago a timestamp was, the way kubectl shortens it.
fn since(time: &str, now: Timestamp) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => human(now.duration_since(time).as_secs()),
        Err(_) => "<unknown>".into(),
    }
}

/// Seconds as `HumanDuration` of apimachinery prints them.
fn human(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, years) = (hours / 24, hours / 24 / 365);
    let pair = |big: i64, unit: &str, small: i64, rest: &str| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{rest}") }
    };
    match seconds {
        ..-1 => "<invalid>".into(),
        -1 => "0s".into(),
        0..120 => format!("{seconds}s"),
        120..600 => pair(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => pair(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => pair(days, "d", hours % 24, "h"),
        _ if days < 365 * 2 => format!("{days}d"),
        _ if years < 8 => pair(years, "y", days % 365, "d"),
        _ => format!("{years}y"),
    }
}

/// Text, or `<none>` when there is none.
fn or_none(text: impl Into<String>) -> Value {
    let text = text.into();
    if text.is_empty() { "<none>".into() } else { text.into() }
}

/// The number at a pointer, 0 when missing.
fn count(object: &Value, pointer: &str) -> Value {
    object.int(pointer).unwrap_or(0).into()
}

/// Containers and images of a pod template, joined by commas.
fn containers(object: &Value) -> [Value; 2] {
    let list = object.items("/spec/template/spec/containers");
    ["/name", "/image"].map(|field| list.iter().map(|c| c.text(field)).collect::<Vec<_>>().join(",").into())
}

/// A label selector as text; `<none>` when empty.
fn selector(object: &Value) -> Value {
    let mut parts: Vec<String> = map_text(object.map("/spec/selector/matchLabels"));
    for expression in object.items("/spec/selector/matchExpressions") {
        let (key, values) = (expression.text("/key"), expression.items("/values"));
        let values = values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",");
        parts.push(match expression.text("/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    or_none(parts.join(","))
}

fn map_text(map: &serde_json::Map<String, Value>) -> Vec<String> {
    map.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_shortened_as_kubectl_does() {
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (601, "10m"),
            (7_200, "120m"),
            (10_800, "3h"),
            (11_000, "3h3m"),
            (30_000, "8h"),
            (172_800, "2d"),
            (180_000, "2d2h"),
            (86_400 * 9, "9d"),
            (86_400 * 800, "2y70d"),
            (86_400 * 365 * 9, "9y"),
            (-2, "<invalid>"),
        ];
        for (seconds, text) in cases {
            assert_eq!(human(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn every_kind_has_as_many_cells_as_columns() {
        for resource in crate::sim::kernel::resource::ALL {
            let columns = of(resource);
            let cells = (columns.cells)(&json!({"metadata": {"name": "x"}}), Timestamp::UNIX_EPOCH);
            assert_eq!(cells.len(), columns.columns.len(), "{}", resource.kind);
        }
    }
}
