//! All themes by name: the built-in ones, and the user's, which win.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use ratatui::style::Style;

use super::Theme;
use super::color::{Paint, Rgb};
use super::depth::Depth;
use super::file::{self, File, Look};
use super::role::Role;

/// The themes that come with the program.
pub const BUILTIN: [(&str, &str); 3] = [
    ("dark", include_str!("../../themes/dark.yaml")),
    ("light", include_str!("../../themes/light.yaml")),
    ("mono", include_str!("../../themes/mono.yaml")),
];

/// How many themes may inherit from each other.
const GENERATIONS: usize = 8;

/// Something wrong in a theme; the rest of it is used all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The theme.
    pub file: String,
    /// The line, 0 when not known.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "theme {}: {}", self.file, self.what),
            line => write!(f, "theme {}, line {line}: {}", self.file, self.what),
        }
    }
}

/// Themes by name.
#[derive(Clone, Debug, Default)]
pub struct Library {
    files: BTreeMap<String, File>,
    warnings: Vec<Warning>,
}

impl Library {
    /// The built-in themes.
    pub fn builtin() -> Library {
        let mut library = Library::default();
        for (name, text) in BUILTIN {
            library.add(name, text);
        }
        library
    }

    /// Adds a theme; one of the same name is replaced.
    pub fn add(&mut self, name: &str, text: &str) {
        let (file, warnings) = file::read(name, text);
        self.files.insert(name.to_owned(), file);
        self.warnings.extend(warnings);
    }

    /// Adds every `NAME.yaml` of a folder, in the order of their names. A folder that does not exist holds none.
    pub fn add_folder(&mut self, folder: &Path) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "yaml" || e == "yml")) {
            let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
            match std::fs::read_to_string(path) {
                Ok(text) => self.add(name, &text),
                Err(error) => self.warnings.push(Warning { file: path.display().to_string(), line: 0, what: error.to_string() }),
            }
        }
    }

    /// Names of all themes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The background that a theme was made for.
    pub fn background(&self, name: &str) -> Option<Rgb> {
        self.files.get(name)?.background
    }

    /// Resolves a theme for a terminal. What is wrong in it comes as warnings; an unknown name gives the mono theme.
    pub fn load(&self, name: &str, depth: Depth) -> (Theme, Vec<Warning>) {
        let mut warnings: Vec<Warning> = self.warnings.clone();
        let chain = self.chain(name, &mut warnings);
        let palette: BTreeMap<&str, Paint> =
            chain.iter().rev().flat_map(|file| &file.palette).map(|(name, paint)| (name.as_str(), *paint)).collect();
        let roles: BTreeMap<&str, (&File, &Look)> =
            chain.iter().rev().flat_map(|file| file.roles.iter().map(|(name, look)| (name.as_str(), (*file, look)))).collect();
        for (role, (file, look)) in &roles {
            for color in [&look.fg, &look.bg].into_iter().flatten() {
                if color_of(color, &palette).is_none() {
                    let what = format!("role.{role}: no colour `{color}` in the palette");
                    warnings.push(Warning { file: file.name.clone(), line: look.line, what });
                }
            }
        }
        let styles = Role::ALL
            .iter()
            .map(|role| role.chain().find_map(|name| roles.get(name)).map(|(_, look)| style(look, &palette, depth)).unwrap_or_default())
            .collect();
        (Theme { name: name.to_owned(), depth, styles }, warnings)
    }

    /// The theme and those it inherits from, nearest first.
    fn chain(&self, name: &str, warnings: &mut Vec<Warning>) -> Vec<&File> {
        let mut chain: Vec<&File> = Vec::new();
        let mut next = Some(name.to_owned());
        while let Some(name) = next.take() {
            let from = chain.last().map_or_else(|| name.clone(), |file| file.name.clone());
            match self.files.get(&name) {
                Some(file) if chain.len() < GENERATIONS => {
                    next = file.inherits.clone();
                    chain.push(file);
                }
                Some(_) => {
                    let what = format!("inherits from `{name}` and so on without an end");
                    warnings.push(Warning { file: from, line: 0, what });
                }
                None => {
                    let known = self.names().collect::<Vec<_>>().join(", ");
                    warnings.push(Warning { file: from, line: 0, what: format!("there is no theme `{name}`; there are {known}") });
                    next = (chain.is_empty() && name != "mono").then(|| "mono".to_owned());
                }
            }
        }
        chain
    }
}

fn color_of(name: &str, palette: &BTreeMap<&str, Paint>) -> Option<Paint> {
    palette.get(name).copied().or_else(|| Rgb::parse(name).map(Paint::new))
}

fn style(look: &Look, palette: &BTreeMap<&str, Paint>, depth: Depth) -> Style {
    let paint = |name: &Option<String>| name.as_ref().and_then(|n| color_of(n, palette)).and_then(|p| p.at(depth));
    let mods = if depth == Depth::Mono { look.mono.unwrap_or(look.mods) } else { look.mods };
    Style { fg: paint(&look.fg), bg: paint(&look.bg), ..Style::new() }.add_modifier(mods)
}

#[cfg(test)]
mod tests {
    use ratatui::style::{Color, Modifier};

    use super::*;

    #[test]
    fn files_inherit_and_roles_fall_back() {
        let mut library = Library::builtin();
        library.add(
            "mine",
            "meta: { name: mine, inherits: dark }\npalette: { good: '#00ff00' }\nrole: { status: { fg: good, mods: [bold] } }\n",
        );
        let (theme, warnings) = library.load("mine", Depth::True);
        assert_eq!(warnings, []);
        assert_eq!(theme.style(Role::StatusOk).fg, Some(Color::Rgb(0, 255, 0)), "the palette of the heir colours the parent's roles");
        assert_eq!(theme.style(Role::Key), Theme::builtin("dark", Depth::True).style(Role::Key));
    }

    #[test]
    fn what_is_wrong_is_a_warning_with_its_line_and_the_rest_holds() {
        let mut library = Library::builtin();
        let text = "meta: { inherits: dark, age: 3 }\npalette:\n  a: '#12'\n  b: { hex: '#112233', x256: 3 }\n  c: '#112233'\nrole:\n  status.great: { fg: a }\n  text: { fg: c, mods: [loud] }\n  key: { fg: nope }\n  title: { fg: c, mods: [underlined] }\n";
        library.add("mine", text);
        let (theme, warnings) = library.load("mine", Depth::True);
        let lines: Vec<u64> = warnings.iter().map(|w| w.line).collect();
        assert_eq!(lines, [1, 3, 4, 7, 8, 9], "{warnings:#?}");
        assert_eq!(warnings[3].to_string(), "theme mine, line 7: role.status.great: no such role");
        assert_eq!(theme.style(Role::Title).fg, Some(Color::Rgb(0x11, 0x22, 0x33)));
        assert!(theme.style(Role::Title).add_modifier.contains(Modifier::UNDERLINED));
    }

    #[test]
    fn nonsense_gives_a_theme_all_the_same() {
        for text in ["", "[", "meta: 3", "role: []", "colours: {}", "meta: { inherits: mine }", "\u{0}\u{1b}[31m", "a: &a [*a]"] {
            let mut library = Library::builtin();
            library.add("mine", text);
            let (_, warnings) = library.load("mine", Depth::Ansi256);
            assert!(text.is_empty() || !warnings.is_empty(), "{text:?} was taken without a word");
        }
        let (theme, warnings) = Library::builtin().load("neon", Depth::Mono);
        assert_eq!(theme.style(Role::RowSelected), Theme::builtin("mono", Depth::Mono).style(Role::RowSelected));
        assert_eq!(warnings[0].to_string(), "theme neon: there is no theme `neon`; there are dark, light, mono");
    }

    #[test]
    fn a_folder_of_the_users_wins() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("dark.yaml"), "role: { text: { fg: '#010203' } }").unwrap();
        std::fs::write(folder.path().join("notes.txt"), "no theme").unwrap();
        let mut library = Library::builtin();
        library.add_folder(folder.path());
        let (theme, warnings) = library.load("dark", Depth::True);
        assert_eq!((theme.style(Role::Text).fg, warnings), (Some(Color::Rgb(1, 2, 3)), vec![]));
        library.add_folder(Path::new("/does/not/exist"));
    }
}
