//! What escape sequences stand for.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::Typed;

/// `ESC [ seen last`; nothing for what is no key.
pub(super) fn csi(seen: &[u8], last: u8) -> Option<Typed> {
    if seen == b"[" {
        return function_key(last.checked_sub(b'@')?, KeyModifiers::NONE);
    }
    match last {
        b'I' => return Some(Typed::Focus(true)),
        b'O' => return Some(Typed::Focus(false)),
        b'Z' => return Some(key(KeyCode::BackTab, KeyModifiers::SHIFT)),
        _ => {}
    }
    let text = std::str::from_utf8(seen).ok()?;
    let mut numbers = text.split(';').map(|part| part.split(':').next().unwrap_or_default().parse::<u32>());
    let first = numbers.next().and_then(Result::ok);
    let held = modifiers(numbers.next().and_then(Result::ok).unwrap_or(1));
    match last {
        b'~' => numbered(first?, held),
        // Some terminals name keys by their code point when asked to; we never ask, a shared terminal may.
        b'u' => code_point(first?, held),
        // Held modifiers follow a 1; any other number is an answer of the terminal, such as where its cursor is.
        _ if text.is_empty() || first == Some(1) => letter(last, held),
        _ => None,
    }
}

/// `ESC O last`.
pub(super) fn ss3(last: u8) -> Option<Typed> {
    if last == b'M' { Some(key(KeyCode::Enter, KeyModifiers::NONE)) } else { letter(last, KeyModifiers::NONE) }
}

fn key(code: KeyCode, held: KeyModifiers) -> Typed {
    Typed::Key(KeyEvent::new(code, held))
}

fn letter(last: u8, held: KeyModifiers) -> Option<Typed> {
    let code = match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P'..=b'S' => return function_key(last - b'P' + 1, held),
        _ => return None,
    };
    Some(key(code, held))
}

fn numbered(n: u32, held: KeyModifiers) -> Option<Typed> {
    let code = match n {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => return function_key(u8::try_from(n - 10).ok()?, held),
        17..=21 => return function_key(u8::try_from(n - 11).ok()?, held),
        23..=24 => return function_key(u8::try_from(n - 12).ok()?, held),
        _ => return None,
    };
    Some(key(code, held))
}

fn code_point(n: u32, held: KeyModifiers) -> Option<Typed> {
    let code = match n {
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        127 => KeyCode::Backspace,
        n => KeyCode::Char(char::from_u32(n).filter(|c| !c.is_control())?),
    };
    Some(key(code, held))
}

fn function_key(n: u8, held: KeyModifiers) -> Option<Typed> {
    (1..=12).contains(&n).then(|| key(KeyCode::F(n), held))
}

/// xterm's numbering: one more than the bits shift, alt, ctrl.
fn modifiers(n: u32) -> KeyModifiers {
    let bits = n.saturating_sub(1);
    let pairs = [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)];
    pairs.into_iter().filter(|(bit, _)| bits & bit != 0).fold(KeyModifiers::NONE, |all, (_, m)| all | m)
}
