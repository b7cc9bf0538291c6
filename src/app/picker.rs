//! Lists to choose from by typing: the palette, contexts, namespaces.

use super::action::{self, Action, Row, Scope};
use super::field::Field;
use super::list::fuzzy;
use super::model::{Model, Screen};
use crate::domain::command::{self, Command};
use crate::domain::release::Track;
use crate::domain::weight::Weight;

/// `:`.
#[derive(Clone, Debug, Default)]
pub struct Palette {
    /// What is typed.
    pub field: Field,
    /// The chosen row.
    pub at: usize,
}

/// What the palette can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// A row of the action table.
    Action(Action),
    /// `:ctx NAME`.
    Context(String),
    /// `:ns NAME`; `None` is all.
    Namespace(Option<String>),
    /// `:weight N`.
    Weight(Weight),
    /// `:scale N`, `:scale COMPONENT[/candidate] N`.
    Scale(Command),
    /// `:NAME` opens a release.
    Release(super::model::ReleaseKey),
}

/// Contexts or namespaces.
#[derive(Clone, Debug)]
pub struct Picker {
    /// What is chosen.
    pub what: Choice,
    /// What is typed.
    pub field: Field,
    /// The chosen row.
    pub at: usize,
}

/// What is chosen from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Contexts of the kubeconfig.
    Context,
    /// Namespaces of the cluster.
    Namespace,
}

/// How the namespace picker calls "all".
pub const ALL: &str = "(all namespaces)";

/// What the palette offers for what is typed, best first, with a line for each.
pub fn offers(model: &Model, typed: &str) -> Vec<(Run, String)> {
    let typed = typed.trim();
    let mut words = typed.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("q" | "quit" | "q!"), None, None) => return vec![(Run::Action(Action::Quit), "quit".to_owned())],
        (Some("ctx" | "context"), Some(name), None) => return vec![(Run::Context(name.to_owned()), format!("change to context {name}"))],
        (Some("ns" | "namespace"), Some("all" | "-A" | "*"), None) => {
            return vec![(Run::Namespace(None), "look at all namespaces".to_owned())];
        }
        (Some("ns" | "namespace"), Some(name), None) => {
            return vec![(Run::Namespace(Some(name.to_owned())), format!("change to namespace {name}"))];
        }
        (Some("w" | "weight"), Some(n), None) => {
            let weight = n.trim_end_matches('%').parse().ok().and_then(Weight::new);
            return weight.map(|w| (Run::Weight(w), format!("set weight {w}"))).into_iter().collect();
        }
        (Some("scale"), Some(what), None) if what.parse::<u32>().is_ok() => return scale(None, what),
        (Some("scale"), Some(what), Some(n)) => return scale(Some(what), n),
        _ => {}
    }
    let rows = action::TABLE.iter().filter(|row| row.in_palette() && is_reachable(model, row));
    let actions = rows.filter_map(|row| {
        let score = [row.name, row.title].iter().filter_map(|name| fuzzy(typed, name)).min()?;
        Some((score, Run::Action(row.action), format!("{} – {}", row.title, row.help)))
    });
    let releases = model.releases.keys().filter(|_| !typed.is_empty()).filter_map(|key| {
        let score = fuzzy(typed, &key.name)?;
        Some((score, Run::Release(key.clone()), format!("open {key}")))
    });
    let mut found: Vec<_> = actions.chain(releases).collect();
    found.sort_by_key(|(score, ..)| *score);
    found.into_iter().map(|(_, run, line)| (run, line)).collect()
}

/// So many pods for a component's stable side, or the one that is named.
fn scale(what: Option<&str>, pods: &str) -> Vec<(Run, String)> {
    let Ok(side) = what.map(command::side).transpose() else { return Vec::new() };
    let (component, track) = side.map_or((None, None), |(name, track)| (Some(name.to_owned()), track));
    let track = track.unwrap_or(Track::Stable);
    let command = command::pods(pods).map(|replicas| Command::Scale { component, track, replicas });
    command.into_iter().map(|c| (Run::Scale(c.clone()), c.to_string())).collect()
}

/// Whether a row's keys work in the view below the palette.
fn is_reachable(model: &Model, row: &Row) -> bool {
    row.scopes.iter().any(|scope| match scope {
        Scope::Everywhere | Scope::Browse => true,
        Scope::Fleet => model.screen == Screen::Fleet,
        Scope::Release | Scope::Logs => matches!(model.screen, Screen::Release(_)),
        Scope::Dialog | Scope::Text | Scope::Checklist | Scope::Help => false,
    })
}

impl Picker {
    /// What there is to choose from, narrowed by what is typed; or why it cannot be told. `None` while it is being read.
    pub fn items(&self, model: &Model) -> Option<Result<Vec<String>, String>> {
        let known = match self.what {
            Choice::Context => model.contexts.clone(),
            Choice::Namespace => model.namespaces.clone().map(|r| r.map(|names| [vec![ALL.to_owned()], names].concat())),
        }?;
        Some(known.map(|names| {
            let mut found: Vec<(usize, String)> =
                names.into_iter().filter_map(|name| fuzzy(self.field.text().trim(), &name).map(|score| (score, name))).collect();
            found.sort_by_key(|(score, _)| *score);
            found.into_iter().map(|(_, name)| name).collect()
        }))
    }
}
