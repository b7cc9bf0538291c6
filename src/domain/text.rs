//! Text that came from outside. Nothing from a cluster, a metrics server or a file reaches a terminal unescaped.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The most characters a piece of foreign text keeps.
pub const MAX_CHARS: usize = 4096;

/// Whether a character could move the cursor, change the terminal or disguise a name.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
}

/// Foreign text made fit for one line of a terminal: line breaks and tabs become blanks; control, bidirectional and
/// invisible characters are *shown* as `<U+202E>` (a person may be about to confirm this name); what is longer than
/// [`MAX_CHARS`] is cut with `…`.
pub fn sanitize(raw: &str) -> Cow<'_, str> {
    if raw.len() <= MAX_CHARS && !raw.chars().any(is_dangerous) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len().min(MAX_CHARS) + 16);
    for (n, c) in raw.chars().enumerate() {
        if n == MAX_CHARS {
            out.push('…');
            break;
        }
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if is_dangerous(c) => out.push_str(&format!("<U+{:04X}>", u32::from(c))),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Text that has been through [`sanitize`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct SafeText(String);

impl SafeText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SafeText {
    fn from(raw: &str) -> Self {
        SafeText(sanitize(raw).into_owned())
    }
}

impl From<String> for SafeText {
    fn from(raw: String) -> Self {
        SafeText::from(raw.as_str())
    }
}

impl From<SafeText> for String {
    fn from(text: SafeText) -> Self {
        text.0
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_shown_not_sent() {
        assert_eq!(sanitize("web\u{1b}[2J\u{202e}gpj"), "web<U+001B>[2J<U+202E>gpj");
        assert_eq!(sanitize("two\r\nlines"), "two  lines");
        assert!(matches!(sanitize("plain – ünï"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn nothing_dangerous_survives(raw in any::<String>()) {
            prop_assert!(!sanitize(&raw).chars().any(is_dangerous));
        }
    }
}
