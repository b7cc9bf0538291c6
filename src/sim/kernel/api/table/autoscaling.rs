//! Tables of HPAs and disruption budgets.

use jiff::Timestamp;
use serde_json::Value;

use super::{AGE, Columns, NAME, age, column, count};
use crate::sim::kernel::object::Fields;

pub const HPA: Columns = Columns {
    columns: &[
        NAME,
        column("Reference", "string"),
        column("Targets", "string"),
        column("MinPods", "string"),
        column("MaxPods", "string"),
        column("Replicas", "string"),
        AGE,
    ],
    cells: hpa,
};

fn hpa(object: &Value, now: Timestamp) -> Vec<Value> {
    let reference = format!("{}/{}", object.text("/spec/scaleTargetRef/kind"), object.text("/spec/scaleTargetRef/name"));
    let min = object.int("/spec/minReplicas").map_or_else(|| "<unset>".into(), |min| min.to_string());
    vec![
        object.name().into(),
        reference.into(),
        targets(object).into(),
        min.into(),
        count(object, "/spec/maxReplicas"),
        count(object, "/status/currentReplicas"),
        age(object, now),
    ]
}

/// At most two metrics as `cpu: 31%/70%`, and how many more there are.
fn targets(object: &Value) -> String {
    const SHOWN: usize = 2;
    let specs = object.items("/spec/metrics");
    if specs.is_empty() {
        return "<none>".into();
    }
    let current = object.items("/status/currentMetrics");
    let texts: Vec<String> = specs.iter().take(SHOWN).enumerate().map(|(i, spec)| target(spec, current.get(i))).collect();
    let more = if specs.len() > SHOWN { format!(" + {} more...", specs.len() - SHOWN) } else { String::new() };
    format!("{}{more}", texts.join(", "))
}

fn target(spec: &Value, current: Option<&Value>) -> String {
    let kind = spec.text("/type");
    let key = match kind {
        "ContainerResource" => "containerResource".to_owned(),
        other => other.to_lowercase(),
    };
    let at = |pointer: &str| format!("/{key}/{pointer}");
    let current_text = |pointer: &str| current.map_or("", |c| c.text(&at(pointer)));
    let unknown = |text: &str| if text.is_empty() { "<unknown>".to_owned() } else { text.to_owned() };
    let average = spec.text(&at("target/averageValue"));
    match kind {
        "Resource" | "ContainerResource" => {
            let name = spec.text(&at("name"));
            let target = match spec.int(&at("target/averageUtilization")) {
                Some(percent) if average.is_empty() => {
                    let now = current.and_then(|c| c.int(&at("current/averageUtilization")));
                    return format!("{name}: {}/{percent}%", now.map_or_else(|| "<unknown>".into(), |now| format!("{now}%")));
                }
                _ => {
                    if average.is_empty() {
                        "<auto>"
                    } else {
                        average
                    }
                }
            };
            format!("{name}: {}/{target}", unknown(current_text("current/averageValue")))
        }
        _ if !average.is_empty() => {
            let suffix = if kind == "Pods" { "" } else { " (avg)" };
            format!("{}/{average}{suffix}", unknown(current_text("current/averageValue")))
        }
        _ => format!("{}/{}", unknown(current_text("current/value")), spec.text(&at("target/value"))),
    }
}

pub const PDB: Columns = Columns {
    columns: &[NAME, column("Min Available", "string"), column("Max Unavailable", "string"), column("Allowed Disruptions", "integer"), AGE],
    cells: |object, now| {
        let limit = |pointer: &str| match object.pointer(pointer) {
            Some(Value::String(text)) => Value::from(text.clone()),
            Some(Value::Number(number)) => number.to_string().into(),
            _ => "N/A".into(),
        };
        let allowed = count(object, "/status/disruptionsAllowed");
        vec![object.name().into(), limit("/spec/minAvailable"), limit("/spec/maxUnavailable"), allowed, age(object, now)]
    },
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn targets_show_current_and_wanted() {
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}});
        let current =
            json!({"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 31, "averageValue": "31m"}}});
        assert_eq!(targets(&json!({"spec": {"metrics": [metric]}})), "cpu: <unknown>/70%");
        let object = json!({"spec": {"metrics": [metric, metric, metric]}, "status": {"currentMetrics": [current]}});
        assert_eq!(targets(&object), "cpu: 31%/70%, cpu: <unknown>/70% + 1 more...");
    }
}
