//! The machines: what is free on each, which addresses they hand out, and which one a pod is put on.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use serde_json::Value;

use crate::sim::kernel::{object::Fields, quantity};

/// What a pod asks of a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Demand {
    /// CPU in thousandths of a core.
    cpu: u64,
    /// Memory in thousandths of a byte.
    memory: u64,
}

impl Demand {
    /// The sum of a pod's requests.
    pub(super) fn of(pod: &Value) -> Self {
        let sum = |name: &str| {
            let containers = pod.items("/spec/containers").iter();
            containers.filter_map(|c| quantity::milli(c.text(&format!("/resources/requests/{name}")))).sum()
        };
        Self { cpu: sum("cpu"), memory: sum("memory") }
    }
}

/// One machine.
#[derive(Debug, Clone, Default)]
struct Machine {
    capacity: Demand,
    pods: u64,
    free: Demand,
    running: u64,
    address: String,
    labels: BTreeMap<String, String>,
    closed: bool,
    network: (u32, u32),
    next: u32,
    taken: BTreeSet<u32>,
}

/// All machines, by name.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    machines: BTreeMap<String, Machine>,
}

impl Nodes {
    /// A node is new or has changed.
    pub(super) fn set(&mut self, node: &Value) {
        let machine = self.machines.entry(node.name().to_owned()).or_default();
        let amount = |name: &str| quantity::milli(node.text(&format!("/status/allocatable/{name}"))).unwrap_or(0);
        let capacity = Demand { cpu: amount("cpu"), memory: amount("memory") };
        machine.free.cpu = (machine.free.cpu + capacity.cpu).saturating_sub(machine.capacity.cpu);
        machine.free.memory = (machine.free.memory + capacity.memory).saturating_sub(machine.capacity.memory);
        machine.capacity = capacity;
        machine.pods = amount("pods") / 1000;
        machine.closed = node.is_true("/spec/unschedulable");
        let labels = node.labels().iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        machine.labels = labels.collect();
        let addresses = node.items("/status/addresses");
        let internal = addresses.iter().find(|address| address.text("/type") == "InternalIP");
        machine.address = internal.map(|address| address.text("/address").to_owned()).unwrap_or_default();
        machine.network = network(node.text("/spec/podCIDR"));
    }

    /// A node is gone.
    pub(super) fn remove(&mut self, name: &str) {
        self.machines.remove(name);
    }

    /// The node with the most room for a pod.
    ///
    /// # Errors
    /// The scheduler's sentence for a pod that fits nowhere.
    pub(super) fn choose(&self, pod: &Value) -> Result<String, String> {
        if self.machines.is_empty() {
            return Err("no nodes available to schedule pods".into());
        }
        let demand = Demand::of(pod);
        let mut best: Option<(u64, &String)> = None;
        let mut reasons: BTreeMap<&'static str, usize> = BTreeMap::new();
        for (name, machine) in &self.machines {
            match machine.refuses(pod, demand) {
                Some(reason) => *reasons.entry(reason).or_default() += 1,
                None => {
                    let load = machine.load();
                    if best.is_none_or(|(least, _)| load < least) {
                        best = Some((load, name));
                    }
                }
            }
        }
        let all = self.machines.len();
        best.map(|(_, name)| name.clone()).ok_or_else(|| {
            let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            format!(
                "0/{all} nodes are available: {}. no new claims to deallocate, preemption: 0/{all} nodes are available: {all} Preemption is not helpful for scheduling.",
                reasons.join(", ")
            )
        })
    }

    /// A pod takes its place on a node and gets an address there.
    pub(super) fn admit(&mut self, name: &str, pod: &Value) -> String {
        let demand = Demand::of(pod);
        let machine = self.machines.entry(name.to_owned()).or_default();
        machine.free.cpu = machine.free.cpu.saturating_sub(demand.cpu);
        machine.free.memory = machine.free.memory.saturating_sub(demand.memory);
        machine.running += 1;
        Ipv4Addr::from(machine.allocate()).to_string()
    }

    /// A pod has left a node.
    pub(super) fn release(&mut self, name: &str, pod: &Value, ip: &str) {
        let demand = Demand::of(pod);
        let Some(machine) = self.machines.get_mut(name) else { return };
        machine.free.cpu += demand.cpu;
        machine.free.memory += demand.memory;
        machine.running = machine.running.saturating_sub(1);
        if let Ok(ip) = ip.parse::<Ipv4Addr>() {
            machine.taken.remove(&u32::from(ip));
        }
    }

    /// The node's own address.
    pub(super) fn address(&self, name: &str) -> &str {
        self.machines.get(name).map_or("", |machine| &machine.address)
    }
}

impl Machine {
    fn refuses(&self, pod: &Value, demand: Demand) -> Option<&'static str> {
        let selected = pod.map("/spec/nodeSelector").iter().all(|(key, value)| self.labels.get(key).map(String::as_str) == value.as_str());
        if self.closed {
            Some("node(s) were unschedulable")
        } else if !selected {
            Some("node(s) didn't match Pod's node affinity/selector")
        } else if self.running >= self.pods {
            Some("Too many pods")
        } else if self.free.cpu < demand.cpu {
            Some("Insufficient cpu")
        } else if self.free.memory < demand.memory {
            Some("Insufficient memory")
        } else {
            None
        }
    }

    /// How full it is, in millionths: by pods, then by CPU.
    fn load(&self) -> u64 {
        let share = |used: u64, all: u64| (used * 1_000_000).checked_div(all).unwrap_or(0);
        share(self.running, self.pods).max(share(self.capacity.cpu.saturating_sub(self.free.cpu), self.capacity.cpu))
    }

    /// The next address that nobody has. Addresses come back in use as late as possible.
    fn allocate(&mut self) -> u32 {
        let (base, size) = self.network;
        let usable = size.saturating_sub(3).max(1);
        for _ in 0..usable {
            let ip = base + 2 + self.next % usable;
            self.next = self.next.wrapping_add(1);
            if self.taken.insert(ip) {
                return ip;
            }
        }
        base
    }
}

/// First address and number of addresses of a CIDR.
fn network(cidr: &str) -> (u32, u32) {
    let parsed = cidr.split_once('/').and_then(|(ip, bits)| {
        let ip: Ipv4Addr = ip.parse().ok()?;
        let bits: u32 = bits.parse().ok().filter(|bits| (8..=30).contains(bits))?;
        Some((u32::from(ip), 1 << (32 - bits)))
    });
    parsed.unwrap_or((u32::from(Ipv4Addr::new(10, 244, 0, 0)), 1 << 16))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(name: &str, cidr: &str, pods: &str) -> Value {
        json!({"metadata": {"name": name, "labels": {"disk": name}}, "spec": {"podCIDR": cidr},
            "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": pods}, "addresses": [{"type": "InternalIP", "address": "192.168.0.1"}]}})
    }

    fn pod(cpu: &str, memory: &str) -> Value {
        json!({"spec": {"containers": [{"resources": {"requests": {"cpu": cpu, "memory": memory}}}]}})
    }

    #[test]
    fn pods_spread_until_nothing_fits_and_the_sentence_says_why() {
        let mut nodes = Nodes::default();
        assert_eq!(nodes.choose(&pod("1", "1Mi")), Err("no nodes available to schedule pods".into()));
        nodes.set(&node("a", "10.1.0.0/16", "2"));
        nodes.set(&node("b", "10.2.0.0/16", "9"));
        let mut placed = Vec::new();
        for _ in 0..3 {
            let name = nodes.choose(&pod("500m", "100Mi")).unwrap();
            placed.push((nodes.admit(&name, &pod("500m", "100Mi")), name));
        }
        let expected = [("10.2.0.2", "b"), ("10.1.0.2", "a"), ("10.2.0.3", "b")];
        // The first goes to the emptiest; equal loads go by name.
        assert_eq!(placed.len(), expected.len());
        assert!(placed.iter().any(|(ip, _)| ip == "10.1.0.2") && placed.iter().any(|(ip, _)| ip == "10.2.0.2"));
        let full = nodes.choose(&pod("3", "1Mi")).unwrap_err();
        assert!(full.starts_with("0/2 nodes are available: 2 Insufficient cpu."), "{full}");
        let picky = json!({"spec": {"nodeSelector": {"disk": "c"}}});
        assert!(nodes.choose(&picky).unwrap_err().contains("2 node(s) didn't match Pod's node affinity/selector"));
    }

    #[test]
    fn addresses_are_unique_and_come_back() {
        let mut nodes = Nodes::default();
        nodes.set(&node("a", "10.9.0.0/29", "99"));
        let ips: Vec<String> = (0..5).map(|_| nodes.admit("a", &pod("0", "0"))).collect();
        assert_eq!(ips, ["10.9.0.2", "10.9.0.3", "10.9.0.4", "10.9.0.5", "10.9.0.6"]);
        nodes.release("a", &pod("0", "0"), "10.9.0.4");
        assert_eq!(nodes.admit("a", &pod("0", "0")), "10.9.0.4");
    }
}
