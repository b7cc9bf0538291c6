//! The tokens of a query, as far as positions need them.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A metric, label, function or keyword.
    Word,
    /// A number or a duration.
    Number,
    /// A quoted string.
    Text,
    /// Anything else, one character.
    Sign,
}

/// A piece of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// As it is written.
    pub text: &'a str,
    /// Its first byte's offset.
    pub start: usize,
}

impl Token<'_> {
    /// Whether it is a number literal, `Inf` and `NaN` included.
    #[must_use]
    pub fn is_number(&self) -> bool {
        self.kind == Kind::Number || (self.kind == Kind::Word && matches!(self.text.to_ascii_lowercase().as_str(), "inf" | "nan"))
    }
}

/// Cuts a query into tokens; blanks and comments are left out.
#[must_use]
pub fn tokens(query: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(rest) = query.get(start..) {
        let Some(first) = rest.chars().next() else { break };
        let (kind, length) = match first {
            '#' => (None, rest.find('\n').unwrap_or(rest.len())),
            c if c.is_whitespace() => (None, c.len_utf8()),
            '"' | '\'' | '`' => (Some(Kind::Text), text_length(rest, first)),
            c if c.is_ascii_digit() || (c == '.' && rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit())) => {
                (Some(Kind::Number), number_length(rest))
            }
            c if c.is_ascii_alphabetic() || c == '_' || c == ':' => (Some(Kind::Word), word_length(rest)),
            c => (Some(Kind::Sign), c.len_utf8()),
        };
        if let (Some(kind), Some(text)) = (kind, rest.get(..length)) {
            found.push(Token { kind, text, start });
        }
        start += length.max(1);
    }
    found
}

fn word_length(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len())
}

fn number_length(rest: &str) -> usize {
    let mut before = ' ';
    let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
    for (at, c) in rest.char_indices() {
        let exponent_sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !hexadecimal;
        if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || exponent_sign) {
            return at;
        }
        before = c;
    }
    rest.len()
}

fn text_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote != '`' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_cut_into_words_numbers_texts_and_signs() {
        let found = tokens("rate(a:b_c{d=~\"x\\\"}\"}[1m30s]) # no\n>= bool 1e-3 + .5");
        let texts: Vec<&str> = found.iter().map(|token| token.text).collect();
        let want =
            ["rate", "(", "a:b_c", "{", "d", "=", "~", "\"x\\\"}\"", "}", "[", "1m30s", "]", ")", ">", "=", "bool", "1e-3", "+", ".5"];
        assert_eq!(texts, want);
    }

    #[test]
    fn broken_text_still_ends() {
        assert_eq!(tokens("'abc").len(), 1);
        assert_eq!(tokens("é€").len(), 2);
        assert!(tokens("").is_empty());
    }
}
