//! Bytes from a terminal to keys and pastes. Pure: time comes in as a length since any fixed moment.
//!
//! Ours instead of crossterm's reader, because that one (0.29) takes an escape that the network split for the Esc key,
//! blocks on half a sequence, and spins for ever when the terminal hangs up.

mod sequence;

use std::collections::VecDeque;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// How long the rest of a sequence that certainly is one may take.
const SEQUENCE_HOLD: Duration = Duration::from_millis(250);
/// How long a paste may pause before its end counts as lost.
const PASTE_HOLD: Duration = Duration::from_secs(1);
/// The longest sequence that is listened to.
const SEQUENCE_MAX: usize = 64;
/// The most bytes that are kept of one paste.
const PASTE_MAX: usize = 64 * 1024;
const PASTE_END: &[u8] = b"\x1b[201~";

/// What a person did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Pressed a key (repetitions included).
    Key(KeyEvent),
    /// Pasted a text.
    Paste(String),
    /// The terminal window was entered or left.
    Focus(bool),
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Ground,
    /// An escape, alone so far.
    Escape,
    /// `ESC [` and what followed.
    Csi(Vec<u8>),
    /// `ESC O`.
    Ss3,
    /// An answer of the terminal that nobody asked for: skipped up to its end. Holds how it began.
    Answer {
        first: u8,
        escaped: bool,
    },
    Paste(Vec<u8>),
    /// The first bytes of a character, and how many it has.
    Utf8(Vec<u8>, usize),
}

/// Makes sense of bytes.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// How long a lone Esc is held.
    hold: Duration,
    since: Duration,
    out: VecDeque<Typed>,
}

impl Decoder {
    /// A decoder that holds a lone Esc for so long.
    pub fn new(hold: Duration) -> Decoder {
        Decoder { state: State::Ground, hold, since: Duration::ZERO, out: VecDeque::new() }
    }

    /// Takes bytes that arrived at `now`.
    pub fn feed(&mut self, bytes: &[u8], now: Duration) {
        self.expire(now);
        self.since = now;
        for byte in bytes {
            self.byte(*byte);
        }
    }

    /// The next thing that was typed.
    pub fn pop(&mut self) -> Option<Typed> {
        self.out.pop_front()
    }

    /// When [`Decoder::expire`] must be called at the latest.
    pub fn deadline(&self) -> Option<Duration> {
        let hold = match self.state {
            State::Ground => return None,
            State::Escape => self.hold,
            State::Csi(_) | State::Ss3 | State::Answer { .. } | State::Utf8(..) => SEQUENCE_HOLD,
            State::Paste(_) => PASTE_HOLD,
        };
        Some(self.since.saturating_add(hold))
    }

    /// Gives up waiting for what should have come by `now`.
    pub fn expire(&mut self, now: Duration) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match std::mem::take(&mut self.state) {
            State::Escape => self.key(KeyCode::Esc, KeyModifiers::NONE),
            State::Ss3 => self.key(KeyCode::Char('O'), KeyModifiers::ALT),
            State::Csi(rest) if rest.is_empty() => self.key(KeyCode::Char('['), KeyModifiers::ALT),
            State::Answer { first, escaped: false } => self.key(KeyCode::Char(char::from(first)), KeyModifiers::ALT),
            State::Paste(text) => self.paste(text),
            // Half a sequence is no key: its letters must not be taken for commands.
            State::Ground | State::Csi(_) | State::Answer { .. } | State::Utf8(..) => {}
        }
    }

    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        self.out.push_back(Typed::Key(KeyEvent::new(code, modifiers)));
    }

    fn paste(&mut self, bytes: Vec<u8>) {
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n").replace('\r', "\n");
        self.out.push_back(Typed::Paste(text));
    }

    fn byte(&mut self, byte: u8) {
        self.state = match std::mem::take(&mut self.state) {
            State::Ground => self.ground(byte, KeyModifiers::NONE),
            State::Escape => self.escape(byte),
            State::Csi(seen) => self.csi(seen, byte),
            State::Ss3 => self.ss3(byte),
            State::Answer { first, escaped } => match byte {
                0x07 => State::Ground,
                b'\\' if escaped => State::Ground,
                _ => State::Answer { first, escaped: byte == 0x1b },
            },
            State::Paste(text) => self.pasted(text, byte),
            State::Utf8(bytes, len) => self.utf8(bytes, len, byte),
        };
    }

    fn ground(&mut self, byte: u8, held: KeyModifiers) -> State {
        let ctrl = held | KeyModifiers::CONTROL;
        match byte {
            0x1b => return State::Escape,
            b'\r' => self.key(KeyCode::Enter, held),
            b'\t' => self.key(KeyCode::Tab, held),
            0x7f | 0x08 => self.key(KeyCode::Backspace, held),
            0x00 => self.key(KeyCode::Char(' '), ctrl),
            0x01..=0x1a => self.key(KeyCode::Char(char::from(byte + 0x60)), ctrl),
            0x1c..=0x1f => self.key(KeyCode::Char(char::from(byte + 0x18)), ctrl),
            0x20..=0x7e => {
                let c = char::from(byte);
                self.key(KeyCode::Char(c), if c.is_ascii_uppercase() { held | KeyModifiers::SHIFT } else { held });
            }
            0xc2..=0xdf => return State::Utf8(vec![byte], 2),
            0xe0..=0xef => return State::Utf8(vec![byte], 3),
            0xf0..=0xf4 => return State::Utf8(vec![byte], 4),
            // No character begins like this.
            0x80..=0xff => {}
        }
        State::Ground
    }

    fn escape(&mut self, byte: u8) -> State {
        match byte {
            b'[' => State::Csi(Vec::new()),
            b'O' => State::Ss3,
            b']' | b'P' | b'^' | b'_' | b'X' => State::Answer { first: byte, escaped: false },
            0x1b => {
                self.key(KeyCode::Esc, KeyModifiers::NONE);
                State::Escape
            }
            _ => self.ground(byte, KeyModifiers::ALT),
        }
    }

    fn csi(&mut self, mut seen: Vec<u8>, byte: u8) -> State {
        match byte {
            0x1b => State::Escape,
            // The Linux console writes F1 to F5 as `ESC [ [ A` to `E`.
            b'[' if seen.is_empty() => State::Csi(vec![b'[']),
            0x20..=0x3f if seen.len() < SEQUENCE_MAX => {
                seen.push(byte);
                State::Csi(seen)
            }
            0x40..=0x7e if seen == b"200" && byte == b'~' => State::Paste(Vec::new()),
            0x40..=0x7e => {
                self.out.extend(sequence::csi(&seen, byte));
                State::Ground
            }
            _ => State::Ground,
        }
    }

    fn ss3(&mut self, byte: u8) -> State {
        if byte == 0x1b {
            return State::Escape;
        }
        self.out.extend(sequence::ss3(byte));
        State::Ground
    }

    fn pasted(&mut self, mut text: Vec<u8>, byte: u8) -> State {
        text.push(byte);
        if text.ends_with(PASTE_END) {
            text.truncate(text.len().saturating_sub(PASTE_END.len()));
            text.truncate(PASTE_MAX);
            self.paste(text);
            return State::Ground;
        }
        if text.len() > PASTE_MAX + PASTE_END.len() {
            // Keep the beginning, and the end for recognising the mark.
            text.remove(PASTE_MAX);
        }
        State::Paste(text)
    }

    fn utf8(&mut self, mut bytes: Vec<u8>, len: usize, byte: u8) -> State {
        if !(0x80..=0xbf).contains(&byte) {
            return self.ground(byte, KeyModifiers::NONE);
        }
        bytes.push(byte);
        if bytes.len() < len {
            return State::Utf8(bytes, len);
        }
        if let Some(c) = std::str::from_utf8(&bytes).ok().and_then(|s| s.chars().next()) {
            self.key(KeyCode::Char(c), KeyModifiers::NONE);
        }
        State::Ground
    }
}

#[cfg(test)]
mod tests;
