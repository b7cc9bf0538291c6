//! Whether the API server is reached through the proxy that the environment names.

use std::net::IpAddr;

use http::Uri;

/// The proxy to use: one that the kubeconfig names always, one of the environment (`HTTPS_PROXY`) only for `https`, never
/// for this machine, and not for what `NO_PROXY` lists.
pub(super) fn choose(proxy: Option<Uri>, named: bool, server: &Uri) -> Option<Uri> {
    let proxy = proxy?;
    if named {
        return Some(proxy);
    }
    let listed = ["NO_PROXY", "no_proxy"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let direct = server.scheme_str() != Some("https") || is_here(&host) || is_listed(&host, server.port_u16(), &listed);
    (!direct).then_some(proxy)
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// `NO_PROXY` as Go reads it: `*`, names (with their subdomains), addresses, networks, each with a port or without.
fn is_listed(host: &str, port: Option<u16>, list: &str) -> bool {
    list.split(',').map(|e| e.trim().to_ascii_lowercase()).filter(|e| !e.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        let (name, wanted) = match entry.rsplit_once(':') {
            Some((name, p)) if !name.contains(':') => (name.to_owned(), p.parse().ok()),
            _ => (entry, None),
        };
        if wanted.is_some() && wanted != port {
            return false;
        }
        let bare = name.trim_start_matches("*.").trim_start_matches('.');
        host == bare || host.ends_with(&format!(".{bare}")) || in_network(host, &name)
    })
}

fn in_network(host: &str, network: &str) -> bool {
    let Some((base, bits)) = network.split_once('/') else { return false };
    let (Ok(host), Ok(base), Ok(bits)) = (host.parse::<IpAddr>(), base.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    let same = |a: u128, b: u128, width: u32| bits <= width && (bits == 0 || a >> (width - bits) == b >> (width - bits));
    match (host, base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn this_machine_and_plain_http_need_no_proxy() {
        let proxy = || Some(uri("http://proxy:3128"));
        for direct in ["https://127.0.0.1:6443", "https://localhost:6443", "https://[::1]:6443", "http://10.0.0.1:8001"] {
            assert_eq!(choose(proxy(), false, &uri(direct)), None, "{direct}");
        }
        assert_eq!(choose(proxy(), true, &uri("https://127.0.0.1:6443")), proxy(), "the kubeconfig says so");
        assert_eq!(choose(None, true, &uri("https://api.example")), None);
    }

    #[test]
    fn lists_hold_names_addresses_and_networks() {
        let listed = |host: &str, list: &str| is_listed(host, Some(6443), list);
        assert!(listed("api.corp.example", "other, .corp.example"));
        assert!(listed("corp.example", "corp.example"));
        assert!(!listed("notcorp.example", "corp.example"));
        assert!(listed("10.2.3.4", "10.0.0.0/8"));
        assert!(!listed("11.2.3.4", "10.0.0.0/8,10.0.0.0/99"));
        assert!(listed("fd00::1", "fd00::/16"));
        assert!(listed("a.example", "a.example:6443"));
        assert!(!listed("a.example", "a.example:443"));
        assert!(listed("anything", "*"));
        assert!(!listed("anything", ""));
    }
}
