//! A theme file: `meta`, `palette`, `role`.

use std::collections::BTreeMap;

use ratatui::style::Modifier;
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::color::{Paint, Rgb, ansi_number};
use super::library::Warning;
use super::role::Role;

/// A theme file, read. Names of colours are not followed yet, because they may stand in a file it inherits from.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// The file or built-in name, for warnings.
    pub name: String,
    /// The theme it builds on.
    pub inherits: Option<String>,
    /// The background it was made for; the terminal's own is what is drawn on.
    pub background: Option<Rgb>,
    /// Colours by name.
    pub palette: BTreeMap<String, Paint>,
    /// Looks by role name.
    pub roles: BTreeMap<String, Look>,
}

/// How a role looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The line it stands on.
    pub line: u64,
    /// A palette name or `#rrggbb`; the terminal's own when not given.
    pub fg: Option<String>,
    /// The same for the background.
    pub bg: Option<String>,
    /// Bold and so on, where there are colours.
    pub mods: Modifier,
    /// The same where there are none; `mods` when not given.
    pub mono: Option<Modifier>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    meta: BTreeMap<String, Spanned<Value>>,
    #[serde(default)]
    palette: BTreeMap<String, Spanned<Value>>,
    #[serde(default)]
    role: BTreeMap<String, Spanned<Value>>,
}

/// Reads a theme file. What cannot be read is left out, with a warning each; a file that is no YAML is empty.
pub fn read(name: &str, text: &str) -> (File, Vec<Warning>) {
    let mut file = File { name: name.to_owned(), ..File::default() };
    let mut warnings = Vec::new();
    let mut warn = |line: u64, what: String| warnings.push(Warning { file: name.to_owned(), line, what });
    let raw: Raw = match serde_saphyr::from_str(text) {
        Ok(raw) => raw,
        Err(error) => {
            let line = error.location().map_or(0, |l| l.line());
            let what = error.to_string().lines().next().unwrap_or("not a theme file").to_owned();
            warn(line, what);
            return (file, warnings);
        }
    };
    for (key, value) in &raw.meta {
        let line = value.referenced.line();
        match (key.as_str(), value.value.as_str()) {
            ("name" | "variant", Some(_)) => {}
            ("inherits", Some(parent)) => file.inherits = Some(parent.to_owned()),
            ("background", Some(hex)) if Rgb::parse(hex).is_some() => file.background = Rgb::parse(hex),
            _ => warn(line, format!("meta.{key}: expected name, variant, inherits or background (#rrggbb), as text")),
        }
    }
    for (key, value) in &raw.palette {
        match paint(&value.value) {
            Ok(paint) => {
                file.palette.insert(key.clone(), paint);
            }
            Err(what) => warn(value.referenced.line(), format!("palette.{key}: {what}")),
        }
    }
    for (key, value) in &raw.role {
        let line = value.referenced.line();
        if !Role::is_name(key) {
            warn(line, format!("role.{key}: no such role"));
            continue;
        }
        match look(&value.value) {
            Ok(look) => {
                file.roles.insert(key.clone(), Look { line, ..look });
            }
            Err(what) => warn(line, format!("role.{key}: {what}")),
        }
    }
    (file, warnings)
}

/// `"#rrggbb"`, or `{ hex: "#rrggbb", x256: 72, ansi: green }`.
fn paint(value: &Value) -> Result<Paint, String> {
    let hex = |text: &str| Rgb::parse(text).ok_or_else(|| format!("`{text}` is no colour: expected #rrggbb"));
    let map = match value {
        Value::String(text) => return hex(text).map(Paint::new),
        Value::Object(map) => map,
        other => return Err(format!("`{other}` is no colour: expected #rrggbb")),
    };
    let mut paint = Paint::new(hex(map.get("hex").and_then(Value::as_str).unwrap_or_default())?);
    for (key, value) in map {
        match key.as_str() {
            "hex" => {}
            "x256" => {
                let number = value.as_u64().and_then(|n| u8::try_from(n).ok()).filter(|n| *n >= 16);
                paint.x256 = Some(number.ok_or("x256 is a number from 16 to 255")?);
            }
            "ansi" => {
                let number = value.as_str().and_then(ansi_number);
                paint.ansi = Some(number.ok_or_else(|| format!("`{value}` is none of the sixteen, such as green or bright-black"))?);
            }
            other => return Err(format!("`{other}` is unknown: expected hex, x256 or ansi")),
        }
    }
    Ok(paint)
}

/// `{ fg: good, bg: "#202020", mods: [bold], mono: [reversed] }`.
fn look(value: &Value) -> Result<Look, String> {
    let map = value.as_object().ok_or("expected { fg, bg, mods, mono }")?;
    let mut look = Look::default();
    for (key, value) in map {
        let text = || value.as_str().map(str::to_owned).ok_or_else(|| format!("{key} is a palette name or #rrggbb"));
        match key.as_str() {
            "fg" => look.fg = Some(text()?),
            "bg" => look.bg = Some(text()?),
            "mods" => look.mods = modifiers(value)?,
            "mono" => look.mono = Some(modifiers(value)?),
            other => return Err(format!("`{other}` is unknown: expected fg, bg, mods or mono")),
        }
    }
    Ok(look)
}

fn modifiers(value: &Value) -> Result<Modifier, String> {
    let list = value.as_array().ok_or("expected a list such as [bold]")?;
    list.iter().try_fold(Modifier::empty(), |all, item| {
        Ok(all
            | match item.as_str() {
                Some("bold") => Modifier::BOLD,
                Some("dim") => Modifier::DIM,
                Some("italic") => Modifier::ITALIC,
                Some("underlined") => Modifier::UNDERLINED,
                Some("reversed") => Modifier::REVERSED,
                _ => return Err(format!("{item} is none of bold, dim, italic, underlined, reversed")),
            })
    })
}
