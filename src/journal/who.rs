//! Who acts, on this machine: `you@bastion1`.

/// The person, as journals and other operators read it.
pub fn actor() -> String {
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).filter(|u| !u.is_empty());
    format!("{}@{}", plain(&user.unwrap_or_else(|| "somebody".to_owned())), host())
}

/// This process, as a Lease names it: `you@bastion1#4711`.
pub fn holder() -> String {
    format!("{}#{}", actor(), std::process::id())
}

fn host() -> String {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let name = files.iter().find_map(|f| std::fs::read_to_string(f).ok()).or_else(|| std::env::var("HOSTNAME").ok());
    let name = name.unwrap_or_default();
    let short = plain(name.trim().split('.').next().unwrap_or(""));
    if short.is_empty() { "localhost".to_owned() } else { short }
}

/// What can stand in a Lease's holder and in a log line.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(63).collect()
}
