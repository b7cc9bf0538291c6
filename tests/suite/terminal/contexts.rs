//! From one context to another: whatever the other one is like, keys are heard.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::{Cluster, NAMESPACE, Terminal};

/// A kubeconfig with a context for each server, the first one current.
fn kubeconfig(contexts: &[(&str, String)]) -> String {
    let list = |item: &dyn Fn(&str, &str) -> String| contexts.iter().map(|(name, server)| item(name, server)).collect::<String>();
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {}\nusers:\n- {{name: u, user: {{}}}}\nclusters:\n{}contexts:\n{}",
        contexts[0].0,
        list(&|name, server| format!("- {{name: {name}, cluster: {{server: \"{server}\"}}}}\n")),
        list(&|name, _| format!("- {{name: {name}, context: {{cluster: {name}, user: u, namespace: {NAMESPACE}}}}}\n")),
    )
}

/// A server that speaks HTTP and is none of Kubernetes. It ends with the test's process.
fn hello() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _asked = stream.read(&mut [0; 4096]);
            let _told = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_heard_while_another_context_does_not_answer() {
    let cluster = Cluster::of("healthy").await;
    // Connections are taken by the system; nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("kubeconfig");
    let contexts = [("shop-eu", cluster.server.url()), ("silent-eu", silent_url), ("hello-eu", hello())];
    std::fs::write(&path, kubeconfig(&contexts)).unwrap();
    let mut terminal = Terminal::of(&["--kubeconfig", path.to_str().unwrap()]);
    terminal.see("3/3 ready");
    terminal.press(":ctx silent-eu\r");
    terminal.see("connecting to silent-eu");
    terminal.press("?");
    terminal.until("help while it is still connecting", |s| s.has("Keys j k scroll") && s.has("connecting to silent-eu"));
    terminal.press("\x1b");
    terminal.see_no("Keys j k scroll");
    // One that cannot be used is said to be so, and is not asked again; a namespace chosen then is none of the context before.
    terminal.press(":ctx hello-eu\r");
    terminal.until("why it cannot be used", |s| s.has("not connected") && s.has("does not answer as a Kubernetes"));
    terminal.press(":ns other\r");
    terminal.until("the same place, other namespace", |s| s.has("hello-eu ▸ other") && s.has("not connected"));
    // And back: everything is there again.
    terminal.press(":ctx shop-eu\r");
    terminal.until("the release", |s| s.has("3/3 ready") && !s.has("not connected"));
    terminal.press("\x03");
    assert_eq!(terminal.ends_clean(), 0);
    drop(silent);
}
