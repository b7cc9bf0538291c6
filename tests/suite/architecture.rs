//! The house rules, read off the source: who may name whom, what pure rooms never name, how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below a folder.
fn sources(dir: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let mut todo: Vec<PathBuf> = root.is_dir().then_some(root).into_iter().collect();
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            let path = entry.path();
            match path.extension() {
                _ if path.is_dir() => todo.push(path),
                Some(e) if e == "rs" => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_string_lossy().into_owned()
}

/// A file's room: `domain`, `driver::core`, `sim::kernel`.
fn room(path: &Path) -> String {
    let rel = relative(path);
    let inner = rel.trim_start_matches("src/").trim_end_matches(".rs");
    let parts: Vec<&str> = inner.split('/').collect();
    match parts.as_slice() {
        [a @ ("driver" | "sim"), b, ..] => format!("{a}::{b}"),
        [a, ..] => (*a).to_owned(),
        [] => String::new(),
    }
}

/// The lines of a file that are code: no comments, nothing from the first test module on.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = vec![];
    let mut all = text.lines().enumerate().peekable();
    while let Some((n, line)) = all.next() {
        if line.trim() == "#[cfg(test)]" && all.peek().is_some_and(|(_, next)| next.contains("mod ") && next.ends_with('{')) {
            break;
        }
        if !line.trim_start().starts_with("//") {
            lines.push((n + 1, line.to_owned()));
        }
    }
    lines
}

/// Files that are declared under `#[cfg(test)]` in their parent module.
fn is_test_file(path: &Path) -> bool {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let parent = path.parent().unwrap().with_extension("rs");
    let Ok(text) = fs::read_to_string(parent) else { return false };
    let lines: Vec<&str> = text.lines().collect();
    lines.windows(2).any(|w| w[0].trim() == "#[cfg(test)]" && w[1].trim().ends_with(&format!("mod {name};")))
}

/// Rooms named by a file with `crate::room`.
fn named_rooms(path: &Path) -> Vec<(usize, String)> {
    let mut found = vec![];
    for (n, line) in code(path) {
        for part in line.split("crate::").skip(1) {
            let word: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if word.is_empty() {
                let inner = part.trim_start_matches('{');
                found.extend(inner.split(',').map(|w| (n, w.trim().split("::").next().unwrap_or("").to_owned())));
            } else {
                found.push((n, word));
            }
        }
    }
    found
}

/// What each room may name besides itself.
fn allowed(room: &str) -> &'static [&'static str] {
    match room {
        "domain" | "theme" | "term" => &[],
        "analysis" => &["domain"],
        "engine" => &["domain", "analysis"],
        "driver::core" => &["domain", "analysis", "engine"],
        "driver::shell" => &["domain", "analysis", "engine", "driver"],
        "driver::handover" => &["domain"],
        "driver::world" => &["domain", "driver", "cluster", "metrics", "journal"],
        "cluster" | "metrics" | "journal" | "config" => &["domain"],
        "app" => &["domain", "engine"],
        "ui" => &["domain", "engine", "app", "theme"],
        r if r.starts_with("sim") => &["domain", "sim"],
        _ => &[
            "domain", "analysis", "engine", "driver", "cluster", "metrics", "journal", "config", "app", "ui", "theme", "term", "sim",
            "cli", "console",
        ],
    }
}

#[test]
fn imports_point_one_way() {
    let mut breaches = vec![];
    for path in sources("src") {
        let here = room(&path);
        let own = here.split("::").next().unwrap().to_owned();
        for (n, named) in named_rooms(&path) {
            let fine = named == own || allowed(&here).contains(&named.as_str()) || here == "lib" || here == "main";
            if !fine {
                breaches.push(format!("{}:{n}: {here} names {named}", relative(&path)));
            }
        }
    }
    assert!(breaches.is_empty(), "imports against the direction of src/lib.rs:\n{}", breaches.join("\n"));
}

#[test]
fn only_the_command_line_knows_the_embedded_cluster() {
    for path in sources("src") {
        let here = room(&path);
        if !here.starts_with("sim") && !matches!(here.as_str(), "cli" | "lib") {
            assert!(named_rooms(&path).iter().all(|(_, r)| r != "sim"), "{} names sim", relative(&path));
        }
    }
}

#[test]
fn pure_rooms_name_no_outside() {
    let outside = [
        "tokio",
        "kube::",
        "reqwest",
        "std::fs",
        "std::env",
        "std::net",
        "std::process",
        "std::thread",
        "Instant::now",
        "SystemTime",
        "Timestamp::now",
        "Zoned::now",
        "HashMap",
        "HashSet",
        "rand::",
        "getrandom",
    ];
    let pure = ["domain", "engine", "analysis", "driver::core", "sim::kernel", "app", "ui"];
    let mut breaches = vec![];
    for path in sources("src").into_iter().filter(|p| pure.contains(&room(p).as_str()) && !is_test_file(p)) {
        for (n, line) in code(&path) {
            breaches.extend(outside.iter().filter(|o| line.contains(**o)).map(|o| format!("{}:{n}: {o}", relative(&path))));
        }
    }
    assert!(breaches.is_empty(), "pure rooms name the outside:\n{}", breaches.join("\n"));
}

#[test]
fn colours_live_in_the_theme() {
    for path in sources("src/ui").into_iter().chain(sources("src/app")) {
        for (n, line) in code(&path) {
            assert!(!line.contains("Color::"), "{}:{n}: a widget asks a role, never a colour", relative(&path));
        }
    }
}

#[test]
fn files_stay_small() {
    let long: Vec<String> = ["src", "tests", "benches"]
        .iter()
        .flat_map(|d| sources(d))
        .filter_map(|p| {
            let n = fs::read_to_string(&p).unwrap().lines().count();
            (n > 420).then(|| format!("{} has {n} lines", relative(&p)))
        })
        .collect();
    assert!(long.is_empty(), "split by job:\n{}", long.join("\n"));
}

#[test]
fn the_shell_of_the_driver_is_thin() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/driver/shell.rs")).unwrap();
    assert!(text.lines().count() <= 300, "driver::shell decides nothing and stays under 300 lines");
}

#[test]
fn there_are_few_test_binaries() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let tests = manifest.matches("[[test]]").count();
    assert!(tests < 4, "suites are modules: linking is the slow part");
    assert!(manifest.contains("autotests = false"));
}
