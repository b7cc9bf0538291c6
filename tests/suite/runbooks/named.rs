//! Whether a test that the ledger names exists: `suite headless::commands::a_run_is_walked_by_hand`, `unit …`, `real …`.

use std::path::Path;

/// Why a named test is none; `None` where it exists.
pub fn missing(root: &Path, test: &str) -> Option<String> {
    find(root, test).err().map(|why| format!("test `{test}`: {why}"))
}

fn find(root: &Path, test: &str) -> Result<(), String> {
    let (binary, path) = test.split_once(' ').ok_or("it begins with suite, unit or real")?;
    let (dir, top) = match binary {
        "suite" => ("tests/suite", "main"),
        "real" => ("tests/real", "main"),
        "unit" => ("src", "lib"),
        _ => return Err("it begins with suite, unit or real".into()),
    };
    let parts: Vec<&str> = path.split("::").collect();
    let (name, modules) = parts.split_last().ok_or("it has no name")?;
    // The longest path that is a file; what is left are modules within it.
    let file = |n: usize| root.join(dir).join(modules[..n].join("/")).with_extension("rs");
    let depth = (1..=modules.len()).rev().find(|n| file(*n).is_file()).ok_or("there is no such module")?;
    let text = std::fs::read_to_string(file(depth)).map_err(|e| e.to_string())?;
    let parent = if depth == 1 { root.join(dir).join(top).with_extension("rs") } else { file(depth - 1) };
    let above = std::fs::read_to_string(parent).map_err(|e| e.to_string())?;
    if !above.lines().any(|line| line.trim_end().ends_with(&format!("mod {};", modules[depth - 1]))) {
        return Err("its file is no part of the tests".into());
    }
    if let Some(within) = modules[depth..].iter().find(|m| !text.contains(&format!("mod {m} {{"))) {
        return Err(format!("there is no module {within}"));
    }
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let begins = |line: &str| line.trim_start_matches("async ").strip_prefix(&format!("fn {name}(")).is_some();
    let at = lines.iter().position(|line| begins(line)).ok_or("there is no such function")?;
    let attributes = lines[..at].iter().rev().take_while(|line| line.starts_with('#') || line.starts_with("//"));
    let is_test = attributes.into_iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
    if is_test { Ok(()) } else { Err("the function is no test".into()) }
}

#[test]
fn tests_are_found_and_what_is_none_is_told() {
    let why = |test: &str| missing(super::root(), test).unwrap_or_default();
    assert_eq!(why("suite runbooks::named::tests_are_found_and_what_is_none_is_told"), "");
    assert_eq!(why("unit analysis::histogram::tests::quantiles_are_those_of_prometheus"), "");
    assert!(why("suite runbooks::named::find").contains("no test"));
    assert!(why("suite runbooks::named::nosuch").contains("no such function"));
    assert!(why("suite nosuch::x").contains("no such module"));
    assert!(why("other runbooks::x").contains("begins with"));
}
