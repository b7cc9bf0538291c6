//! Keys as the action table names them.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key press. Shift is folded into the letter's case; a letter held with Ctrl has no case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// Whether Ctrl is held.
    pub ctrl: bool,
}

/// A character key.
pub const fn ch(c: char) -> Chord {
    Chord { code: KeyCode::Char(c), ctrl: false }
}

/// A letter held with Ctrl, in lower case.
pub const fn ctrl(c: char) -> Chord {
    Chord { code: KeyCode::Char(c), ctrl: true }
}

/// A named key.
pub const fn key(code: KeyCode) -> Chord {
    Chord { code, ctrl: false }
}

impl Chord {
    /// The chord of an event; `None` for what no row may use (Alt, Super).
    pub fn of(event: &KeyEvent) -> Option<Chord> {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        if event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::META | KeyModifiers::HYPER) {
            return None;
        }
        let code = match event.code {
            KeyCode::Char(c) if ctrl => KeyCode::Char(c.to_ascii_lowercase()),
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            code => code,
        };
        Some(Chord { code, ctrl })
    }

    /// Whether every terminal, tmux and screen included, can send it and hands it on.
    pub fn is_typeable(self) -> bool {
        match (self.ctrl, self.code) {
            // h, i, j, m are Backspace, Tab, line feed and Enter; a and b belong to screen and tmux, s and q to the line.
            (true, KeyCode::Char(c)) => c.is_ascii_lowercase() && !"abhijmqs".contains(c),
            (true, _) => false,
            (false, KeyCode::Char(c)) => c.is_ascii_graphic() || c == ' ',
            (false, KeyCode::F(n)) => (1..=12).contains(&n),
            (false, code) => matches!(
                code,
                KeyCode::Enter
                    | KeyCode::Esc
                    | KeyCode::Tab
                    | KeyCode::BackTab
                    | KeyCode::Up
                    | KeyCode::Down
                    | KeyCode::Left
                    | KeyCode::Right
                    | KeyCode::Home
                    | KeyCode::End
                    | KeyCode::PageUp
                    | KeyCode::PageDown
            ),
        }
    }

    /// Whether it puts a character into a text field.
    pub fn is_text(self) -> bool {
        !self.ctrl && matches!(self.code, KeyCode::Char(_))
    }

    /// As in the footer: `^R`, `>`, `Esc`.
    pub fn short(self) -> String {
        if self.ctrl { self.to_string().replace("Ctrl-", "^") } else { self.to_string() }
    }
}

/// As in help and documents: `Ctrl-R`, `Shift-Tab`, `G`.
impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.code {
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(c) if self.ctrl => format!("Ctrl-{}", c.to_ascii_uppercase()),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::F(n) => format!("F{n}"),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            other => format!("{other:?}"),
        };
        f.pad(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_fold_to_chords() {
        let of = |code, modifiers| Chord::of(&KeyEvent::new(code, modifiers));
        assert_eq!(of(KeyCode::Char('P'), KeyModifiers::SHIFT), Some(ch('P')));
        assert_eq!(of(KeyCode::Char('R'), KeyModifiers::CONTROL | KeyModifiers::SHIFT), Some(ctrl('r')));
        assert_eq!(of(KeyCode::Tab, KeyModifiers::SHIFT), Some(key(KeyCode::BackTab)));
        assert_eq!(of(KeyCode::Char('x'), KeyModifiers::ALT), None);
        assert_eq!([ctrl('r').to_string(), ctrl('r').short(), key(KeyCode::Esc).to_string()], ["Ctrl-R", "^R", "Esc"]);
    }
}
