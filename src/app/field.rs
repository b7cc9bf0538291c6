//! A line of text that is being typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

/// The longest text a field takes, in characters.
const MAX: usize = 1024;

/// A text field.
#[derive(Clone, Debug, Default)]
pub struct Field {
    input: Input,
}

impl Field {
    /// A field that holds a text, with the cursor at its end.
    pub fn new(text: impl Into<String>) -> Field {
        Field { input: Input::new(text.into()) }
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Where the cursor is, in characters.
    pub fn cursor(&self) -> usize {
        self.input.cursor()
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.input.reset();
    }

    /// Takes a key; whether it was one for a text field.
    pub fn key(&mut self, event: &KeyEvent) -> bool {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        let request = match event.code {
            KeyCode::Char(c) if !ctrl && !alt => {
                if self.text().chars().count() >= MAX {
                    return true;
                }
                InputRequest::InsertChar(c)
            }
            KeyCode::Char('w') if ctrl => InputRequest::DeletePrevWord,
            KeyCode::Char('u') if ctrl => InputRequest::DeleteFromStart,
            KeyCode::Char('k') if ctrl => InputRequest::DeleteTillEnd,
            KeyCode::Char('e') if ctrl => InputRequest::GoToEnd,
            KeyCode::Char('d') if ctrl => InputRequest::DeleteNextChar,
            KeyCode::Backspace if alt => InputRequest::DeletePrevWord,
            KeyCode::Backspace => InputRequest::DeletePrevChar,
            KeyCode::Delete => InputRequest::DeleteNextChar,
            KeyCode::Left if ctrl => InputRequest::GoToPrevWord,
            KeyCode::Right if ctrl => InputRequest::GoToNextWord,
            KeyCode::Left => InputRequest::GoToPrevChar,
            KeyCode::Right => InputRequest::GoToNextChar,
            KeyCode::Home => InputRequest::GoToStart,
            KeyCode::End => InputRequest::GoToEnd,
            _ => return false,
        };
        self.input.handle(request);
        true
    }

    /// Takes a pasted text: one line, line breaks and tabs as blanks, control characters left out.
    pub fn paste(&mut self, text: &str) {
        let room = MAX.saturating_sub(self.text().chars().count());
        let line = text.trim_end_matches('\n').chars().map(|c| if matches!(c, '\n' | '\t') { ' ' } else { c });
        for c in line.filter(|c| !c.is_control()).take(room) {
            self.input.handle(InputRequest::InsertChar(c));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_and_pasting() {
        let mut field = Field::new("shop/web:v1");
        for code in [KeyCode::Backspace, KeyCode::Char('2')] {
            assert!(field.key(&KeyEvent::new(code, KeyModifiers::NONE)));
        }
        assert_eq!(field.text(), "shop/web:v2");
        assert!(field.key(&KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)));
        field.paste("a\tb\u{1b}[2J\nc\n");
        assert_eq!(field.text(), "a b[2J c");
        assert!(!field.key(&KeyEvent::new(KeyCode::Char('r'), KeyModifiers::CONTROL)));
        field.paste(&"x".repeat(5000));
        assert_eq!(field.text().len(), MAX);
    }
}
