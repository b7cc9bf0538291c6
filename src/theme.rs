//! Themes: YAML files with a palette and semantic roles, resolved once to what the terminal can show.
//!
//! A widget asks for a [`Role`] and never for a colour. Roles are dotted and fall back to their parent
//! (`status.ok` → `status` → `text`), files inherit from each other, and whatever is wrong in a file is a
//! [`Warning`] with its line, never the end of the program. Knows nothing of releases.

pub mod color;
pub mod depth;
pub mod file;
pub mod library;
pub mod role;

use ratatui::style::Style;

pub use depth::Depth;
pub use library::{Library, Warning};
pub use role::Role;

/// Every role's style, final: frames carry these as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// Its name.
    pub name: String,
    /// What it was resolved to.
    pub depth: Depth,
    styles: Vec<Style>,
}

impl Theme {
    /// A role's style.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// The built-in theme `name` at a depth; an unknown name gives the mono theme.
    pub fn builtin(name: &str, depth: Depth) -> Theme {
        Library::builtin().load(name, depth).0
    }
}
