//! Invariants of the action table.

use std::collections::BTreeSet;

use cutover::app::action::{Group, Scope, TABLE, lookup};
use cutover::app::keytable;

#[test]
fn no_key_means_two_things_in_one_place() {
    for (i, a) in TABLE.iter().enumerate() {
        for b in &TABLE[i + 1..] {
            let together = a.scopes.iter().any(|s| b.scopes.iter().any(|t| s.overlaps(*t)));
            for chord in a.chords.iter().filter(|_| together) {
                assert!(!b.chords.contains(chord), "{chord} is {} and {}", a.name, b.name);
            }
        }
    }
}

#[test]
fn every_key_can_be_typed_in_every_terminal() {
    for row in TABLE {
        assert!(!row.chords.is_empty(), "{} has no key", row.name);
        for chord in row.chords {
            assert!(chord.is_typeable(), "{chord} of {}", row.name);
            let in_text = row.scopes.iter().any(|s| matches!(s, Scope::Everywhere | Scope::Text));
            assert!(!(in_text && chord.is_text()), "{chord} of {} would eat a typed character", row.name);
        }
    }
}

#[test]
fn every_row_says_what_it_is() {
    let names: BTreeSet<&str> = TABLE.iter().map(|r| r.name).collect();
    assert_eq!(names.len(), TABLE.len(), "names are unique");
    for row in TABLE {
        assert!((1..=24).contains(&row.title.chars().count()), "{}", row.name);
        assert!(row.help.chars().count() >= 5 && !row.help.ends_with('.'), "{}: {}", row.name, row.help);
        assert!(row.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", row.name);
        assert!(!row.scopes.is_empty(), "{}", row.name);
        assert_eq!(row.writes, row.group == Group::Rollout, "{}", row.name);
        assert_eq!(row.planned, row.help.contains("not built yet"), "{}", row.name);
    }
}

#[test]
fn no_single_plain_key_takes_back_or_confirms_anywhere_but_in_its_dialog() {
    let back = TABLE.iter().find(|r| r.name == "roll-back").unwrap();
    assert!(back.scopes == [Scope::Everywhere] && back.chords.iter().all(|c| c.ctrl));
    let confirm = TABLE.iter().find(|r| r.name == "confirm").unwrap();
    assert_eq!(confirm.scopes, [Scope::Dialog]);
    for scopes in [&[Scope::Everywhere, Scope::Text][..], &[Scope::Everywhere, Scope::Dialog], &[Scope::Everywhere, Scope::Help]] {
        assert_eq!(lookup(scopes, back.chords[0]).map(|r| r.name), Some("roll-back"), "{scopes:?}");
    }
}

#[test]
fn documents_hold_every_row() {
    let (markdown, table, lines) = (keytable::markdown(), keytable::table(), keytable::lines());
    assert_eq!(lines.len(), TABLE.len());
    for row in TABLE {
        assert!(markdown.contains(row.help) && table.contains(row.name), "{}", row.name);
    }
    assert!(serde_json::to_string(&lines).unwrap().contains("\"Ctrl-R\""));
}

/// The README carries the generated table between two marks.
#[test]
fn the_readme_has_the_table_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).expect("the README");
    let (_, rest) = readme.split_once("<!-- keys -->\n").expect("the key table begins with <!-- keys -->");
    let (table, _) = rest.split_once("<!-- /keys -->").expect("the key table ends with <!-- /keys -->");
    assert_eq!(table, keytable::markdown(), "README.md: replace the key table by `cutover keys --markdown`");
}

/// The README's picture of the screen is the one that the screen tests drew.
#[test]
fn the_readme_shows_the_screen_as_it_is() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("the README");
    let drawn = include_str!("snapshots/live-80x24-dark.snap");
    let rows = drawn.lines().filter_map(|l| l.strip_prefix('|')?.strip_suffix('|')).map(str::trim_end);
    let picture = rows.collect::<Vec<_>>().join("\n");
    let (_, rest) = readme.split_once("<!-- screen -->\n```text\n").expect("the picture's beginning");
    let (shown, _) = rest.split_once("\n```\n<!-- /screen -->").expect("the picture's end");
    assert_eq!(shown, picture, "README.md: take the picture from tests/suite/snapshots/live-80x24-dark.snap");
}
