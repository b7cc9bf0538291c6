//! Thresholds, shares, lengths of time and the settings of manifests, told from other text.

/// Words that make a number a limit.
const UNITS: [&str; 11] = ["min", "minute", "minutes", "second", "seconds", "hour", "hours", "restart", "restarts", "pod", "pods"];

/// Keys of manifests and alerts that say how a release goes.
const SETTINGS: [&str; 12] = [
    "alert",
    "expr",
    "for",
    "weight",
    "maxSurge",
    "maxUnavailable",
    "replicas",
    "minReplicas",
    "maxReplicas",
    "averageUtilization",
    "selfHeal",
    "prune",
];

/// Whether a line names a threshold (`> 5%`, `<500ms`), a share (`25%`) or an amount (`10 min`, `3+ restarts`, `9 pods`).
pub fn has_limit(line: &str) -> bool {
    let compares = line.match_indices(['<', '>']).any(|(at, _)| {
        let rest = &line[at + 1..];
        let rest = rest.strip_prefix('=').unwrap_or(rest);
        rest.strip_prefix(' ').unwrap_or(rest).starts_with(|c: char| c.is_ascii_digit())
    });
    compares || amounts(line)
}

fn amounts(line: &str) -> bool {
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        rest = rest[at..].trim_start_matches(|c: char| c.is_ascii_digit());
        let unit = rest.strip_prefix('+').unwrap_or(rest);
        let unit = unit.strip_prefix(' ').unwrap_or(unit);
        let word = &unit[..unit.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(unit.len())];
        if unit.starts_with('%') || UNITS.contains(&word) {
            return true;
        }
    }
    false
}

/// Whether a line of YAML says how a release goes.
pub fn is_setting(line: &str) -> bool {
    let key = line.strip_prefix("- ").unwrap_or(line);
    key.split_once(':').is_some_and(|(key, _)| SETTINGS.contains(&key))
}

#[test]
fn limits_are_told_from_other_numbers() {
    for line in ["a > 5%", "x <500ms", ">= 3 of", "25%, 50%", "10 min", "3+ restarts in", "- 9 pods", "(5 minutes)", "}) > 0.05", "80 %"] {
        assert!(has_limit(line), "{line}");
    }
    for line in ["v1.25+", "Stable->>Users", "<br/>", "port 80", "10 minions", "A1 --> B1", "30s", "# 1. Deploy", "2>&1"] {
        assert!(!has_limit(line), "{line}");
    }
    assert!(is_setting("- alert: HighErrorRate") && is_setting("selfHeal: true") && !is_setting("name: x"));
}
