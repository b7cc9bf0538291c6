//! Tables of the custom resources, by their definitions' printer columns.

use jiff::Timestamp;
use serde_json::Value;

use super::{Column, Columns, NAME, age, column};
use crate::sim::kernel::object::Fields;

const AGE: Column = Column { name: "Age", kind: "date", format: "", priority: 0 };

pub const VIRTUAL_SERVICE: Columns = Columns {
    columns: &[NAME, column("Gateways", "string"), column("Hosts", "string"), AGE],
    cells: |object, now| vec![object.name().into(), at(object, "/spec/gateways"), at(object, "/spec/hosts"), age(object, now)],
};

pub const DESTINATION_RULE: Columns = Columns {
    columns: &[NAME, column("Host", "string"), AGE],
    cells: |object, now| vec![object.name().into(), at(object, "/spec/host"), age(object, now)],
};

pub const HTTP_ROUTE: Columns = Columns {
    columns: &[NAME, column("Hostnames", "string"), AGE],
    cells: |object, now| vec![object.name().into(), at(object, "/spec/hostnames"), age(object, now)],
};

pub const GATEWAY: Columns = Columns {
    columns: &[NAME, column("Class", "string"), column("Address", "string"), column("Programmed", "string"), AGE],
    cells: |object, now| {
        let addresses: Vec<&str> = object.items("/status/addresses").iter().map(|address| address.text("/value")).collect();
        vec![object.name().into(), at(object, "/spec/gatewayClassName"), addresses.join(",").into(), programmed(object), age(object, now)]
    },
};

pub const APPLICATION: Columns = Columns {
    columns: &[
        NAME,
        column("Sync Status", "string"),
        column("Health Status", "string"),
        Column { priority: 10, ..column("Revision", "string") },
        Column { priority: 10, ..column("Project", "string") },
    ],
    cells: application,
};

fn application(object: &Value, _now: Timestamp) -> Vec<Value> {
    let fields = ["/status/sync/status", "/status/health/status", "/status/sync/revision", "/spec/project"];
    let mut cells = vec![Value::from(object.name())];
    cells.extend(fields.map(|pointer| at(object, pointer)));
    cells
}

pub const ROLLOUT: Columns = Columns {
    columns: &[
        NAME,
        column("Desired", "integer"),
        column("Current", "integer"),
        column("Up-to-date", "integer"),
        column("Available", "integer"),
        AGE,
    ],
    cells: |object, now| {
        let fields = ["/spec/replicas", "/status/replicas", "/status/updatedReplicas", "/status/availableReplicas"];
        let mut cells = vec![Value::from(object.name())];
        cells.extend(fields.map(|pointer| object.int(pointer).map_or(Value::Null, Value::from)));
        cells.push(age(object, now));
        cells
    },
};

fn programmed(object: &Value) -> Value {
    let condition = object.items("/status/conditions").iter().find(|c| c.text("/type") == "Programmed");
    condition.map_or(Value::Null, |c| c.text("/status").into())
}

/// What a JSON path finds: text as it is, a list as JSON, nothing as an empty cell.
fn at(object: &Value, pointer: &str) -> Value {
    match object.pointer(pointer) {
        None => Value::Null,
        Some(Value::String(text)) => text.clone().into(),
        Some(other) => other.to_string().into(),
    }
}
