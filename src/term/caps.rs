//! What the terminal can show, told by the environment alone: probes answer late and look like typing.

/// What stands between us and the person's terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mux {
    /// Nothing.
    #[default]
    None,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
}

/// What the environment says of the terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// `TERM`.
    pub term: String,
    /// `COLORTERM`.
    pub colorterm: String,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set and neither empty nor 0.
    pub force_color: bool,
    /// The locale is UTF-8 and the terminal draws more than ASCII.
    pub unicode: bool,
    /// The terminal is at the other end of a network.
    pub remote: bool,
    /// What stands in between.
    pub mux: Mux,
}

impl Caps {
    /// Reads the environment through `var`.
    pub fn detect(var: impl Fn(&str) -> Option<String>) -> Caps {
        let get = |name: &str| var(name).unwrap_or_default();
        let term = get("TERM");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().map(get).find(|v| !v.is_empty()).unwrap_or_default().to_ascii_lowercase();
        let mux = if !get("TMUX").is_empty() || term.starts_with("tmux") {
            Mux::Tmux
        } else if !get("STY").is_empty() || term.starts_with("screen") {
            Mux::Screen
        } else {
            Mux::None
        };
        Caps {
            colorterm: get("COLORTERM"),
            no_color: !get("NO_COLOR").is_empty(),
            force_color: !matches!(get("CLICOLOR_FORCE").as_str(), "" | "0"),
            unicode: (locale.contains("utf-8") || locale.contains("utf8")) && !matches!(term.as_str(), "linux" | "dumb" | ""),
            remote: ["SSH_CONNECTION", "SSH_TTY", "MOSH_CONNECTION"].into_iter().any(|name| !get(name).is_empty()),
            mux,
            term,
        }
    }

    /// How long a lone Esc is held back for the rest of a key's sequence: the network may have split it.
    pub fn escape_hold(&self) -> std::time::Duration {
        std::time::Duration::from_millis(if self.remote { 50 } else { 25 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(vars: &[(&str, &str)]) -> Caps {
        Caps::detect(|name| vars.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn locale_and_terminal_decide_the_glyphs() {
        assert!(caps(&[("TERM", "xterm"), ("LANG", "en_US.UTF-8")]).unicode);
        assert!(caps(&[("TERM", "xterm"), ("LC_ALL", "C.utf8"), ("LANG", "C")]).unicode);
        assert!(!caps(&[("TERM", "xterm"), ("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]).unicode);
        assert!(!caps(&[("TERM", "linux"), ("LANG", "en_US.UTF-8")]).unicode);
        assert!(!caps(&[]).unicode);
    }

    #[test]
    fn the_way_to_the_terminal() {
        assert_eq!(caps(&[("TMUX", "/tmp/tmux-1/default,1,0"), ("TERM", "screen-256color")]).mux, Mux::Tmux);
        assert_eq!(caps(&[("TERM", "screen")]).mux, Mux::Screen);
        assert!(caps(&[("SSH_TTY", "/dev/pts/1")]).remote);
        assert!(!caps(&[("NO_COLOR", "")]).no_color, "empty means unset");
        assert!(caps(&[("NO_COLOR", "1")]).no_color);
    }
}
