//! Tables of Services, EndpointSlices and Ingresses.

use jiff::Timestamp;
use serde_json::Value;

use super::{AGE, Columns, NAME, age, column, map_text, or_none, wide};
use crate::sim::kernel::object::Fields;

pub const SERVICE: Columns = Columns {
    columns: &[
        NAME,
        column("Type", "string"),
        column("Cluster-IP", "string"),
        column("External-IP", "string"),
        column("Port(s)", "string"),
        AGE,
        wide("Selector", "string"),
    ],
    cells: |object, now| {
        let ports = object.items("/spec/ports").iter().map(|port| {
            let protocol = port.text("/protocol");
            match port.int("/nodePort").filter(|node| *node > 0) {
                Some(node) => format!("{}:{node}/{protocol}", port.int("/port").unwrap_or(0)),
                None => format!("{}/{protocol}", port.int("/port").unwrap_or(0)),
            }
        });
        vec![
            object.name().into(),
            object.text("/spec/type").into(),
            or_none(object.text("/spec/clusterIP")),
            external(object).into(),
            or_none(ports.collect::<Vec<_>>().join(",")),
            age(object, now),
            or_none(map_text(object.map("/spec/selector")).join(",")),
        ]
    },
};

fn external(object: &Value) -> String {
    let listed = || object.items("/spec/externalIPs").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",");
    let none = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
    match object.text("/spec/type") {
        "ExternalName" => object.text("/spec/externalName").to_owned(),
        "LoadBalancer" => match load_balancer(object) {
            ip if ip.is_empty() => Some(listed()).filter(|l| !l.is_empty()).unwrap_or_else(|| "<pending>".into()),
            ip => ip,
        },
        _ => none(listed()),
    }
}

fn load_balancer(object: &Value) -> String {
    let ingress = object.items("/status/loadBalancer/ingress").iter();
    ingress.map(|i| if i.text("/ip").is_empty() { i.text("/hostname") } else { i.text("/ip") }).collect::<Vec<_>>().join(",")
}

pub const ENDPOINT_SLICE: Columns = Columns {
    columns: &[NAME, column("AddressType", "string"), column("Ports", "string"), column("Endpoints", "string"), AGE],
    cells: |object, now| {
        let ports = object.items("/ports").iter().map(|port| match port.int("/port") {
            Some(number) => number.to_string(),
            None => "*".into(),
        });
        let ports: Vec<String> = ports.collect();
        let ports = if ports.is_empty() { "<unset>".into() } else { shortened(&ports) };
        let endpoints: Vec<String> =
            object.items("/endpoints").iter().flat_map(|e| e.items("/addresses")).filter_map(Value::as_str).map(str::to_owned).collect();
        let endpoints = if endpoints.is_empty() { "<unset>".into() } else { shortened(&endpoints) };
        vec![object.name().into(), object.text("/addressType").into(), ports.into(), endpoints.into(), age(object, now)]
    },
};

/// The first three, and how many more.
fn shortened(list: &[String]) -> String {
    let shown = list.iter().take(3).cloned().collect::<Vec<_>>().join(",");
    if list.len() > 3 { format!("{shown} + {} more...", list.len() - 3) } else { shown }
}

pub const INGRESS: Columns = Columns {
    columns: &[NAME, column("Class", "string"), column("Hosts", "string"), column("Address", "string"), column("Ports", "string"), AGE],
    cells: ingress,
};

fn ingress(object: &Value, now: Timestamp) -> Vec<Value> {
    let hosts: Vec<&str> = object.items("/spec/rules").iter().map(|rule| rule.text("/host")).filter(|host| !host.is_empty()).collect();
    let hosts = match hosts.as_slice() {
        [] => "*".to_owned(),
        [first, second, third, rest @ ..] if !rest.is_empty() => format!("{first},{second},{third} + {} more...", rest.len()),
        all => all.join(","),
    };
    let ports = if object.items("/spec/tls").is_empty() { "80" } else { "80, 443" };
    vec![
        object.name().into(),
        or_none(object.text("/spec/ingressClassName")),
        hosts.into(),
        load_balancer(object).into(),
        ports.into(),
        age(object, now),
    ]
}
