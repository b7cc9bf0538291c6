//! Resource quotas: pods beyond them are refused, and their status counts what there is. Quotas with scopes are stored,
//! and bind nobody here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Feature, Resource, Status, World,
    object::Fields,
    quantity::{Format, Parsed, milli},
    resource::{POD, RESOURCE_QUOTA},
    store::Store,
};

/// The field manager of the controller, which is the other controllers' process.
const MANAGER: &str = "kube-controller-manager";

/// Thousandths by resource.
type Amounts = BTreeMap<String, u64>;

/// What a container must say where a quota limits it.
const COMPUTE: [&str; 6] = ["cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"];

/// Refuses a pod that its namespace's quotas have no room for.
///
/// # Errors
/// `Forbidden`, with the texts of the real admission.
pub fn admit(store: &Store, resource: &Resource, object: &Value) -> Result<(), Status> {
    if *resource != POD || !store.features.has(Feature::QuotaAdmission) {
        return Ok(());
    }
    for quota in store.list(&RESOURCE_QUOTA, Some(object.namespace())).filter(|quota| binds(quota)) {
        let hard = amounts(quota.map("/spec/hard"));
        if let Some(missing) = unspecified(object, &hard) {
            return Err(refused(object, &format!("failed quota: {}: must specify {missing}", quota.name())));
        }
        let used = used(store, object.namespace(), &hard);
        let asked = takes(object, &hard);
        let of = |amounts: &Amounts, name: &String| amounts.get(name).copied().unwrap_or(0);
        let over = |name: &&String| of(&used, name) + of(&asked, name) > of(&hard, name);
        let over: Vec<&String> = asked.iter().filter(|(_, amount)| **amount > 0).map(|(name, _)| name).filter(over).collect();
        if !over.is_empty() {
            let told = |of: &Amounts| {
                let each = over.iter().map(|name| format!("{name}={}", text(name, of.get(*name).copied().unwrap_or(0))));
                each.collect::<Vec<_>>().join(",")
            };
            let numbers = format!("requested: {}, used: {}, limited: {}", told(&asked), told(&used), told(&hard));
            return Err(refused(object, &format!("exceeded quota: {}, {numbers}", quota.name())));
        }
    }
    Ok(())
}

/// Writes the status of every quota of a namespace.
pub fn sync(world: &mut World, namespace: &str) {
    if !world.has(Feature::QuotaStatus) {
        return;
    }
    let quotas: Vec<_> = world.store.list(&RESOURCE_QUOTA, Some(namespace)).filter(|quota| binds(quota)).cloned().collect();
    for quota in quotas {
        let limits = amounts(quota.map("/spec/hard"));
        let used = used(&world.store, namespace, &limits);
        let used: Value = used.iter().map(|(name, amount)| (name.clone(), json!(text(name, *amount)))).collect();
        let hard = Value::Object(quota.map("/spec/hard").clone());
        world
            .modify_status(&RESOURCE_QUOTA, namespace, quota.name(), MANAGER, |quota| {
                quota.put("/status/hard", hard);
                quota.put("/status/used", used);
            })
            .ok();
    }
}

fn binds(quota: &Value) -> bool {
    quota.items("/spec/scopes").is_empty() && quota.pointer("/spec/scopeSelector").is_none() && !quota.is_deleting()
}

fn refused(pod: &Value, why: &str) -> Status {
    let details = json!({"name": pod.name(), "kind": POD.plural});
    Status::custom(403, "Forbidden", format!("pods {:?} is forbidden: {why}", pod.name()), Some(details))
}

/// What pods can take of, in what is limited.
fn amounts(hard: &serde_json::Map<String, Value>) -> Amounts {
    let known = |name: &&String| COMPUTE.contains(&name.as_str()) || matches!(name.as_str(), "pods" | "count/pods");
    let amount = |name: &String| milli(hard.get(name).and_then(Value::as_str).unwrap_or_default());
    hard.keys().filter(known).filter_map(|name| Some((name.clone(), amount(name)?))).collect()
}

/// What the pods of a namespace take. Those that have ended take nothing, but are still there.
fn used(store: &Store, namespace: &str, hard: &Amounts) -> Amounts {
    let mut sum: Amounts = hard.keys().map(|name| (name.clone(), 0)).collect();
    for pod in store.list(&POD, Some(namespace)) {
        let ended = matches!(pod.text("/status/phase"), "Succeeded" | "Failed");
        for (name, amount) in takes(pod, hard).into_iter().filter(|(name, _)| !ended || name == "count/pods") {
            *sum.entry(name).or_default() += amount;
        }
    }
    sum
}

/// What a pod takes of each limited resource.
fn takes(pod: &Value, hard: &Amounts) -> Amounts {
    let one = |name: &String| match name.as_str() {
        "pods" | "count/pods" => 1000,
        name => pod.items("/spec/containers").iter().filter_map(|c| asks(c, name)).sum(),
    };
    hard.keys().map(|name| (name.clone(), one(name))).collect()
}

/// What a container says of a resource; a missing request is the limit.
fn asks(container: &Value, name: &str) -> Option<u64> {
    let of = |list: &str, name: &str| milli(container.text(&format!("/resources/{list}/{name}")));
    match name.split_once('.') {
        Some(("limits", name)) => of("limits", name),
        Some((_, name)) => of("requests", name).or_else(|| of("limits", name)),
        None => of("requests", name).or_else(|| of("limits", name)),
    }
}

/// `limits.cpu for: app; requests.cpu for: app`, of what is limited and not said.
fn unspecified(pod: &Value, hard: &Amounts) -> Option<String> {
    let missing = |name: &&str| {
        let silent: Vec<&str> = pod.items("/spec/containers").iter().filter(|c| asks(c, name).is_none()).map(|c| c.text("/name")).collect();
        (!silent.is_empty()).then(|| format!("{name} for: {}", silent.join(",")))
    };
    let all: Vec<String> = COMPUTE.iter().filter(|name| hard.contains_key(**name)).filter_map(missing).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// A quantity as the API server writes it.
fn text(name: &str, milli: u64) -> String {
    let whole = milli.is_multiple_of(1000);
    let format = if name.ends_with("memory") { Format::BinarySi } else { Format::DecimalSi };
    let value = i64::try_from(if whole { milli / 1000 } else { milli }).unwrap_or(i64::MAX);
    Parsed { value, scale: if whole { 0 } else { -3 }, format, canonical: false }.text().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(requests: Value, limits: Value) -> Value {
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "app", "resources": {"requests": requests, "limits": limits}}]}})
    }

    fn hard(names: &[&str]) -> Amounts {
        names.iter().map(|name| ((*name).to_owned(), 1)).collect()
    }

    #[test]
    fn a_container_must_say_what_is_limited() {
        let all = hard(&["requests.cpu", "limits.memory", "pods"]);
        assert_eq!(unspecified(&pod(json!({}), json!({})), &all).as_deref(), Some("limits.memory for: app; requests.cpu for: app"));
        assert_eq!(unspecified(&pod(json!({}), json!({"cpu": "1", "memory": "1Mi"})), &all), None, "a missing request is the limit");
    }

    #[test]
    fn amounts_are_written_in_their_shortest_form() {
        assert_eq!([text("requests.cpu", 250), text("cpu", 1500), text("pods", 3000)], ["250m", "1500m", "3"]);
        assert_eq!([text("limits.memory", 1000 << 30), text("memory", 0)], ["1Gi", "0"]);
        let taken = takes(&pod(json!({"cpu": "100m"}), json!({"cpu": "1"})), &hard(&["requests.cpu", "limits.cpu", "cpu", "pods"]));
        assert_eq!(taken.into_values().collect::<Vec<_>>(), [100, 1000, 1000, 100]);
    }
}
