//! Credential plugins (`users[].user.exec` of a kubeconfig), run by us: never on the terminal, never longer than 20 s.

use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use kube::config::ExecConfig;
use serde::Deserialize;
use serde_json::json;

use super::ConnectError;
use crate::cluster::error::brief;

/// How long a plugin may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// The version of the protocol when the kubeconfig names none.
const API: &str = "client.authentication.k8s.io/v1";

/// What a plugin handed out. It is not `Debug`: nothing of it belongs in a log.
#[derive(Clone)]
pub(super) struct Credential {
    pub token: Option<String>,
    /// Certificate and key, PEM.
    pub certificate: Option<(String, String)>,
    pub expires: Option<Timestamp>,
}

/// A plugin of one context.
#[derive(Clone)]
pub(super) struct Plugin {
    spec: ExecConfig,
    program: String,
    context: String,
}

#[derive(Deserialize)]
struct Answer {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<Timestamp>,
}

impl Plugin {
    pub fn new(spec: ExecConfig, context: &str) -> Result<Plugin, ConnectError> {
        match spec.command.clone().filter(|c| !c.is_empty()) {
            Some(program) => Ok(Plugin { spec, program, context: brief(context) }),
            None => {
                let why = "its user has `exec` without a `command`: correct the kubeconfig".to_owned();
                Err(ConnectError::Credentials { context: brief(context), why })
            }
        }
    }

    fn failed(&self, why: String) -> ConnectError {
        ConnectError::Plugin { command: brief(&self.program), context: self.context.clone(), why }
    }

    /// Runs it once.
    pub async fn run(&self) -> Result<Credential, ConnectError> {
        self.run_within(DEADLINE).await
    }

    async fn run_within(&self, deadline: Duration) -> Result<Credential, ConnectError> {
        let child = self.command().spawn().map_err(|e| {
            let hint = self.spec.install_hint.as_deref().map(|h| format!(" ({})", brief(h))).unwrap_or_default();
            self.failed(format!("cannot be started: {e}{hint}"))
        })?;
        let output = match tokio::time::timeout(deadline, child.wait_with_output()).await {
            Ok(done) => done.map_err(|e| self.failed(format!("cannot be read: {e}")))?,
            Err(_) => return Err(self.failed(format!("did not end within {} s; it may want to ask something", deadline.as_secs()))),
        };
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(self.failed(format!("failed ({}): {}", output.status, last_words(&words))));
        }
        self.read(&output.stdout)
    }

    fn command(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(self.spec.args.iter().flatten());
        for pair in self.spec.env.iter().flatten() {
            if let (Some(name), Some(value)) = (pair.get("name"), pair.get("value")) {
                command.env(name, value);
            }
        }
        let cluster = self.spec.cluster.as_ref().filter(|_| self.spec.provide_cluster_info);
        let mut spec = json!({ "interactive": false });
        if let (Some(cluster), Some(fields)) = (cluster.and_then(|c| serde_json::to_value(c).ok()), spec.as_object_mut()) {
            fields.insert("cluster".to_owned(), cluster);
        }
        let api = self.spec.api_version.as_deref().unwrap_or(API);
        let info = json!({ "apiVersion": api, "kind": "ExecCredential", "spec": spec });
        command.env("KUBERNETES_EXEC_INFO", info.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // A group of its own is in the background: it cannot read from our terminal.
        #[cfg(unix)]
        command.process_group(0);
        command
    }

    fn read(&self, answer: &[u8]) -> Result<Credential, ConnectError> {
        // Some plugins answer in YAML; kubectl takes it.
        let text = String::from_utf8_lossy(answer);
        let answer: Option<Answer> = serde_json::from_str(&text).ok().or_else(|| serde_saphyr::from_str(&text).ok());
        let Some(status) = answer.and_then(|a| a.status) else {
            return Err(self.failed("did not answer with an ExecCredential that has a status".to_owned()));
        };
        let certificate = status.client_certificate_data.zip(status.client_key_data);
        let token = status.token.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        if token.is_none() && certificate.is_none() {
            return Err(self.failed("handed out neither a token nor a certificate".to_owned()));
        }
        Ok(Credential { token, certificate, expires: status.expiration_timestamp })
    }
}

/// The end of what it said: that is where the reason stands.
fn last_words(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let tail: Vec<&str> = lines.iter().rev().take(3).rev().copied().collect();
    if tail.is_empty() { "it said nothing".to_owned() } else { brief(&tail.join(" / ")) }
}

/// RFC 4648, with padding: kubeconfigs hold certificates so.
pub(super) fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |n: u32| DIGITS.get((n & 63) as usize).map_or('A', |b| char::from(*b));
    let mut out = String::with_capacity(text.len().div_ceil(3) * 4);
    for chunk in text.as_bytes().chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (i, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            out.push(if i <= chunk.len() { digit(bits >> shift) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn shell(script: &str) -> Plugin {
        let env = vec![HashMap::from([("name".to_owned(), "WHO".to_owned()), ("value".to_owned(), "anna".to_owned())])];
        let spec = ExecConfig {
            command: Some("/bin/sh".into()),
            args: Some(vec!["-c".into(), script.into()]),
            env: Some(env),
            ..ExecConfig::default()
        };
        Plugin::new(spec, "prod").unwrap()
    }

    async fn refusal(script: &str) -> String {
        shell(script).run_within(Duration::from_millis(300)).await.err().unwrap().to_string()
    }

    #[tokio::test]
    async fn a_token_comes_with_its_end() {
        let script = r#"echo "{\"status\": {\"token\": \"t-$WHO\", \"expirationTimestamp\": \"2026-01-01T00:00:00Z\"}}""#;
        let credential = shell(script).run().await.ok().unwrap();
        assert_eq!(credential.token.as_deref(), Some("t-anna"));
        assert_eq!(credential.expires, Some("2026-01-01T00:00:00Z".parse().unwrap()));
    }

    #[tokio::test]
    async fn yaml_and_certificates_are_taken_too() {
        let script = "printf 'status:\\n  clientCertificateData: C\\n  clientKeyData: K\\n'";
        assert_eq!(shell(script).run().await.ok().unwrap().certificate, Some(("C".into(), "K".into())));
    }

    #[tokio::test]
    async fn it_is_told_that_nobody_answers_questions() {
        let script = r#"test "$(cat)" = "" && printf '{"status":{"token":%s}}' "\"$(echo $KUBERNETES_EXEC_INFO | tr -d '"')\"""#;
        let token = shell(script).run().await.ok().unwrap().token.unwrap();
        assert!(token.contains("interactive:false"), "{token}");
    }

    #[tokio::test]
    async fn failures_say_what_to_do() {
        let said = refusal("echo usage: x >&2; echo 'no session: run login' >&2; exit 3").await;
        assert!(
            said.contains("/bin/sh") && said.contains("no session: run login") && said.contains("kubectl --context prod version"),
            "{said}"
        );
        assert!(refusal("exec sleep 5").await.contains("did not end within"));
        assert!(refusal("echo hello").await.contains("ExecCredential"));
        assert!(refusal("echo '{\"status\":{}}'").await.contains("neither a token nor a certificate"));
        let spec = ExecConfig { command: Some("/no/such".into()), install_hint: Some("brew install it".into()), ..ExecConfig::default() };
        let said = Plugin::new(spec, "c").unwrap().run().await.err().unwrap().to_string();
        assert!(said.contains("cannot be started") && said.contains("brew install it"), "{said}");
    }

    #[test]
    fn base64_is_padded() {
        let all = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(base64);
        assert_eq!(all, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }
}
