//! The real binary: help, generated documents, bad input and exit codes.

use std::process::{Command, Output};

use tempfile::TempDir;

/// A machine on which nothing is configured.
struct Machine {
    home: TempDir,
}

impl Machine {
    fn new() -> Machine {
        Machine { home: tempfile::tempdir().unwrap() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.args(args).env_clear().env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin").current_dir(self.home.path());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.home.path().join(name), text).unwrap();
    }

    /// Exit code, standard output and standard error as one text, with the home folder's name left out.
    fn told(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*self.home.path().to_string_lossy(), "~");
        format!(
            "$ cutover {}\n{}{}exit {}\n",
            args.join(" "),
            text(&output.stdout),
            text(&output.stderr),
            output.status.code().unwrap_or(-1)
        )
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

const COMMANDS: [&str; 23] = [
    "demo",
    "status",
    "plan",
    "run",
    "drive",
    "step",
    "approve",
    "reject",
    "pause",
    "resume",
    "accept",
    "promote",
    "take-over",
    "rollback",
    "undo",
    "restore-sync",
    "scale",
    "history",
    "init",
    "schema",
    "keys",
    "completions",
    "man",
];

#[test]
fn help_teaches_with_examples() {
    let machine = Machine::new();
    insta::assert_snapshot!("help", stdout(&machine.run(&["--help"])));
    insta::assert_snapshot!("help_short", stdout(&machine.run(&["-h"])));
    for name in COMMANDS {
        let help = stdout(&machine.run(&[name, "--help"]));
        // The options that hold everywhere are in `help` already.
        let own = help.split("\nGlobal options:").next().unwrap();
        let examples = help.split_once("\nExamples:").map(|(_, e)| format!("\nExamples:{e}")).unwrap_or_default();
        insta::assert_snapshot!(format!("help_{name}"), format!("{own}{examples}"));
    }
}

#[test]
fn every_command_has_a_help_and_no_other_exists() {
    let help = stdout(&Machine::new().run(&["-h"]));
    let listed: Vec<&str> = help
        .lines()
        .skip_while(|l| !l.starts_with("Commands:"))
        .skip(1)
        .take_while(|l| l.starts_with("  "))
        .filter_map(|l| l.split_whitespace().next())
        .filter(|c| *c != "help")
        .collect();
    assert_eq!(listed, COMMANDS);
}

#[test]
fn the_schema_is_published() {
    let output = Machine::new().run(&["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    insta::assert_json_snapshot!("schema", schema);
}

#[test]
fn shells_complete_every_command() {
    let machine = Machine::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = stdout(&machine.run(&["completions", shell]));
        for name in COMMANDS {
            assert!(text.contains(name), "{shell} does not complete {name}");
        }
    }
}

#[test]
fn manual_pages_exist_for_every_command() {
    let machine = Machine::new();
    assert!(stdout(&machine.run(&["man"])).contains(".TH cutover 1"));
    let folder = machine.home.path().join("man1");
    assert_eq!(machine.run(&["man", folder.to_str().unwrap()]).status.code(), Some(0));
    for name in COMMANDS {
        assert!(folder.join(format!("cutover-{name}.1")).is_file(), "{name}");
    }
}

#[test]
fn a_wrong_command_line_says_what_would_be_right() {
    let machine = Machine::new();
    let lines: &[&[&str]] = &[
        &["rolback"],
        &["run", "--image", "backend=a b"],
        &["run", "--image", "=x:1"],
        &["step", "--to", "101"],
        &["step", "--to", "5", "--back"],
        &["status", "-o", "yaml"],
        &["status", "-A", "-n", "x"],
        &["run", "--timeout", "5"],
        &["demo", "--speed", "fast"],
        &["status", "--color", "pink"],
        &["completions", "tcsh"],
        &["undo", "--to-revision", "-1"],
    ];
    let told: String = lines.iter().map(|args| machine.told(args)).collect();
    insta::assert_snapshot!("usage_errors", told);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let machine = Machine::new();
    let mut child = machine.command(&["schema"]).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

/// A kubeconfig whose server nobody answers at, with what a test adds.
fn kubeconfig(server: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- {{name: c, cluster: {{server: \"{server}\"}}}}\nusers:\n- {{name: u, user: {user}}}\n\
         contexts:\n- {{name: prod-eu, context: {{cluster: c, user: u, namespace: shop}}}}\ncurrent-context: prod-eu\n"
    )
}

#[test]
fn bad_input_says_what_to_do() {
    let machine = Machine::new();
    let mut told = machine.told(&["status"]);
    machine.file("kubeconfig", "clusters: [");
    told += &machine.told(&["status", "--kubeconfig", "kubeconfig"]);
    told += &machine.told(&["status", "--kubeconfig", "missing"]);
    machine.file("kubeconfig", &kubeconfig("http://127.0.0.1:9", "{}"));
    told += &machine.told(&["status", "--kubeconfig", "kubeconfig", "--context", "prod-us"]);
    told += &machine.told(&["status", "--kubeconfig", "kubeconfig"]);
    machine.file(
        "kubeconfig",
        &kubeconfig("http://127.0.0.1:9", "{exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin}}"),
    );
    told += &machine.told(&["status", "--kubeconfig", "kubeconfig"]);
    machine.file("kubeconfig", &kubeconfig("http://127.0.0.1:9", "{tokenFile: no-such-token}"));
    told += &machine.told(&["rollback", "--kubeconfig", "kubeconfig"]);
    machine.file("cutover.yaml", "name: shop\ncomponets: []\n");
    told += &machine.told(&["status", "--kubeconfig", "kubeconfig"]);
    told += &machine.told(&["plan", "--config", "nowhere.yaml"]);
    machine.file("binary.yaml", "name: x");
    std::fs::write(machine.home.path().join("binary.yaml"), b"name: \xff\xfe").unwrap();
    told += &machine.told(&["plan", "--config", "binary.yaml"]);
    insta::assert_snapshot!("bad_input", told);
}
