//! How many colours a terminal shows, and which of them a person wants.

use std::fmt;
use std::str::FromStr;

/// How many colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: bold, reverse and underline carry the meaning.
    Mono,
    /// The terminal's own sixteen.
    Ansi16,
    /// xterm's cube and greys. The common case behind SSH.
    Ansi256,
    /// 24 bits.
    True,
}

impl Depth {
    /// Every depth.
    pub const ALL: [Depth; 4] = [Depth::Mono, Depth::Ansi16, Depth::Ansi256, Depth::True];
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Depth::Mono => "mono",
            Depth::Ansi16 => "16",
            Depth::Ansi256 => "256",
            Depth::True => "truecolor",
        })
    }
}

impl FromStr for Depth {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Depth::ALL
            .into_iter()
            .find(|d| d.to_string() == text)
            .ok_or_else(|| format!("`{text}` is no colour depth: use mono, 16, 256 or truecolor"))
    }
}

/// What there is to choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints<'a> {
    /// What the person asked for, by flag or setting.
    pub asked: Option<Depth>,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set.
    pub force: bool,
    /// `TERM`.
    pub term: &'a str,
    /// `COLORTERM`.
    pub colorterm: &'a str,
}

/// Chooses: what was asked, then `NO_COLOR`, then `CLICOLOR_FORCE`, then what the terminal says of itself.
pub fn choose(hints: &Hints<'_>) -> Depth {
    if let Some(asked) = hints.asked {
        return asked;
    }
    if hints.no_color {
        return Depth::Mono;
    }
    let told = if matches!(hints.colorterm, "truecolor" | "24bit") || hints.term.ends_with("-direct") {
        Depth::True
    } else if hints.term.contains("256") {
        Depth::Ansi256
    } else if matches!(hints.term, "dumb" | "") {
        Depth::Mono
    } else {
        Depth::Ansi16
    };
    if hints.force { told.max(Depth::Ansi16) } else { told }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder() {
        let base = Hints { term: "xterm-256color", colorterm: "truecolor", ..Hints::default() };
        assert_eq!(choose(&base), Depth::True);
        assert_eq!(choose(&Hints { no_color: true, force: true, ..base.clone() }), Depth::Mono);
        assert_eq!(choose(&Hints { no_color: true, asked: Some(Depth::Ansi256), ..base.clone() }), Depth::Ansi256);
        let term = |term| choose(&Hints { term, ..Hints::default() });
        assert_eq!(
            ["screen-256color", "xterm-direct", "xterm", "dumb", ""].map(term),
            [Depth::Ansi256, Depth::True, Depth::Ansi16, Depth::Mono, Depth::Mono]
        );
        assert_eq!(choose(&Hints { term: "dumb", force: true, ..Hints::default() }), Depth::Ansi16);
    }
}
