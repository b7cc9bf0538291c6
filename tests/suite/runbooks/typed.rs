//! The README's table of what people typed before and what they press and type now: only what exists.

use cutover::app::action::TABLE;

use super::root;

/// What the runbooks type, as it must appear in the first column.
const KINDS: [&str; 21] = [
    "patch virtualservice",
    "patch service",
    "set image",
    "rollout status",
    "rollout history",
    "rollout undo",
    "rollout pause",
    "scale",
    "get pods",
    "describe pod",
    "top pods",
    "get hpa",
    "get events",
    "logs",
    "curl",
    "PromQL",
    "istioctl",
    "helm",
    "argocd",
    "argo rollouts",
    "Jenkins",
];

/// The texts between backticks.
fn spans(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn rows<'a>(readme: &'a str) -> Vec<[&'a str; 3]> {
    let (_, rest) = readme.split_once("<!-- typed -->\n").expect("the table begins with <!-- typed -->");
    let (table, _) = rest.split_once("<!-- /typed -->").expect("the table ends with <!-- /typed -->");
    let cells = |line: &'a str| line.trim_matches('|').split(" | ").collect::<Vec<_>>().try_into();
    table.lines().skip(2).map(|line| cells(line).unwrap_or_else(|_| panic!("three columns: {line}"))).collect()
}

#[test]
fn every_key_and_command_of_the_table_exists_and_every_kind_is_there() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let rows = rows(&readme);
    for [typed, pressed, commands] in &rows {
        for key in spans(pressed) {
            let known = TABLE.iter().any(|row| !row.planned && row.chords.iter().any(|chord| chord.to_string() == key));
            assert!(known, "{typed}: no key {key}");
        }
        for command in spans(commands).into_iter().filter(|c| c.starts_with("cutover")) {
            assert!(cutover::cli::parse(command.split(' ')).is_ok(), "{typed}: no command {command}");
        }
        let offers = !spans(pressed).is_empty() || !spans(commands).is_empty();
        assert!(offers || commands.contains("not "), "{typed}: says neither what to do nor that it is not there");
    }
    for kind in KINDS {
        assert!(rows.iter().any(|[typed, ..]| typed.contains(kind)), "nothing about {kind}");
    }
}
