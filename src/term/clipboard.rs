//! Copies through the terminal (OSC 52), so that it works on a bastion.

use crossterm::Command;
use crossterm::clipboard::CopyToClipboard;
use thiserror::Error;

use super::caps::Mux;

/// The longest text that terminals take: about 74 KB of base64.
pub const MAX_BYTES: usize = 54 * 1024;
/// GNU screen takes device control strings only up to 768 bytes.
const SCREEN_CHUNK: usize = 512;

/// Why a text cannot be copied.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CopyError {
    /// Terminals would cut it.
    #[error("{bytes} bytes are more than terminals take ({MAX_BYTES})")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

/// The bytes that make the terminal copy `text`. Inside a multiplexer they are wrapped, so that they reach the outer
/// terminal. (tmux: `set-clipboard` on, or `allow-passthrough` on.)
///
/// # Errors
/// When the text is too long.
pub fn copy(text: &str, mux: Mux) -> Result<Vec<u8>, CopyError> {
    if text.len() > MAX_BYTES {
        return Err(CopyError::TooLong { bytes: text.len() });
    }
    let mut plain = String::new();
    // Writing to a string does not fail.
    let _infallible = CopyToClipboard::to_clipboard_from(text).write_ansi(&mut plain);
    Ok(match mux {
        Mux::None => plain.into_bytes(),
        // Both: tmux takes the plain form for its own buffer, and passes the wrapped one through.
        Mux::Tmux => format!("{plain}\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")).into_bytes(),
        Mux::Screen => {
            // The string terminator would end screen's wrapping.
            let plain = plain.replace("\x1b\\", "\x07");
            plain.as_bytes().chunks(SCREEN_CHUNK).flat_map(|chunk| [b"\x1bP".as_slice(), chunk, b"\x1b\\"].concat()).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_multiplexer_gets_its_wrapping() {
        let text = |mux| String::from_utf8(copy("hi", mux).unwrap()).unwrap();
        assert!(text(Mux::None).starts_with("\x1b]52;c;aGk="));
        assert!(text(Mux::Tmux).contains("\x1bPtmux;\x1b\x1b]52;c;aGk="));
        assert!(text(Mux::Screen).starts_with("\x1bP\x1b]52;c;aGk="));
        let long = copy(&"x".repeat(2000), Mux::Screen).unwrap();
        assert_eq!(String::from_utf8(long).unwrap().matches("\x1bP").count(), 6);
    }

    #[test]
    fn what_terminals_would_cut_is_refused() {
        assert_eq!(copy(&"x".repeat(MAX_BYTES + 1), Mux::None), Err(CopyError::TooLong { bytes: MAX_BYTES + 1 }));
    }
}
