//! Pod specs.

use std::collections::BTreeSet;

use serde_json::Value;

use super::name;
use crate::sim::kernel::{object::Fields, quantity, status::Cause};

/// Judges a pod's spec at `field`.
pub(super) fn spec(spec: Option<&Value>, field: &str, causes: &mut Vec<Cause>) {
    let none = Value::Null;
    let spec = spec.unwrap_or(&none);
    if spec.items("/containers").is_empty() {
        causes.push(Cause::required(format!("{field}.containers"), ""));
    }
    let mut names = BTreeSet::new();
    for list in ["initContainers", "containers"] {
        for (index, container) in spec.items(&format!("/{list}")).iter().enumerate() {
            self::container(container, &format!("{field}.{list}[{index}]"), &mut names, causes);
        }
    }
    let policy = spec.text("/restartPolicy");
    if !matches!(policy, "" | "Always" | "OnFailure" | "Never") {
        causes.push(Cause::unsupported(format!("{field}.restartPolicy"), &policy.into(), &["Always", "OnFailure", "Never"]));
    }
    if let Some(grace) = spec.int("/terminationGracePeriodSeconds").filter(|grace| *grace < 0) {
        causes.push(Cause::invalid(format!("{field}.terminationGracePeriodSeconds"), &grace.into(), "must be greater than or equal to 0"));
    }
}

fn container<'a>(container: &'a Value, field: &str, names: &mut BTreeSet<&'a str>, causes: &mut Vec<Cause>) {
    let name = container.text("/name");
    if name.is_empty() {
        causes.push(Cause::required(format!("{field}.name"), ""));
    } else if let Some(why) = name::wrong_label(name) {
        causes.push(Cause::invalid(format!("{field}.name"), &name.into(), why));
    } else if !names.insert(name) {
        causes.push(Cause::duplicate(format!("{field}.name"), &name.into()));
    }
    let image = container.text("/image");
    if image.is_empty() {
        causes.push(Cause::required(format!("{field}.image"), ""));
    } else if image.trim() != image {
        causes.push(Cause::invalid(format!("{field}.image"), &image.into(), "must not have leading or trailing whitespace"));
    }
    for (index, port) in container.items("/ports").iter().enumerate() {
        let field = format!("{field}.ports[{index}].containerPort");
        match port.int("/containerPort") {
            None | Some(0) => causes.push(Cause::required(field, "")),
            Some(1..=65_535) => {}
            Some(number) => causes.push(Cause::invalid(field, &number.into(), "must be between 1 and 65535, inclusive")),
        }
    }
    for (name, asked) in container.map("/resources/requests") {
        let Some(limit) = container.map("/resources/limits").get(name) else { continue };
        let amount = |value: &Value| value.as_str().and_then(quantity::milli);
        if amount(asked) > amount(limit) {
            let why = format!("must be less than or equal to {name} limit of {}", limit.as_str().unwrap_or_default());
            causes.push(Cause::invalid(format!("{field}.resources.requests"), asked, &why));
        }
    }
    for (index, variable) in container.items("/env").iter().enumerate() {
        if variable.text("/name").is_empty() {
            causes.push(Cause::required(format!("{field}.env[{index}].name"), ""));
        }
    }
}

/// Pods change only in their images, tolerations and deadline.
pub(super) fn unchanged(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let frozen = |pod: &Value| {
        let mut spec = pod.pointer("/spec").cloned().unwrap_or(Value::Null);
        for list in ["/containers", "/initContainers"] {
            for container in spec.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                container.cut("/image");
            }
        }
        for free in ["/activeDeadlineSeconds", "/tolerations", "/terminationGracePeriodSeconds"] {
            spec.cut(free);
        }
        // Binding writes the node once.
        if old.text("/spec/nodeName").is_empty() {
            spec.cut("/nodeName");
        }
        spec
    };
    if frozen(old) != frozen(new) {
        let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
                   `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
                   `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        causes.push(Cause::forbidden("spec", why));
    }
}
