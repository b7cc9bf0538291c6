//! A kubeconfig for the embedded cluster.

use std::{fs, io, io::Write, path::Path};

/// The text.
pub(super) fn text(url: &str, token: Option<&str>, namespace: &str) -> String {
    let user = match token {
        Some(token) => serde_json::json!({"token": token}).to_string(),
        None => "{}".to_owned(),
    };
    let namespace = serde_json::Value::from(namespace);
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: cutover-demo\n  cluster: {{server: \"{url}\"}}\nusers:\n- name: cutover-demo\n  user: \
         {user}\ncontexts:\n- name: cutover-demo\n  context: {{cluster: cutover-demo, user: cutover-demo, namespace: {namespace}}}\n\
         current-context: cutover-demo\n"
    )
}

/// Writes it beside the target first: a reader never sees half of it.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let beside = path.with_file_name(name);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}
