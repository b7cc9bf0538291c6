//! From a query's text to its tree, refusing with Prometheus' words.

use super::lexer::{Kind, Token, tokens};
use super::locate::{Positions, line_and_column};
use promql_parser::label::Matchers;
use promql_parser::parser::token::{T_LIMIT_RATIO, T_LIMITK};
use promql_parser::parser::{Expr, VectorSelector, parse};

/// A parsed query. The positions name places of this very tree, which therefore stays in its box.
#[derive(Debug)]
pub struct Query {
    /// The expression.
    pub expr: Box<Expr>,
    /// Where its parts stand.
    pub positions: Positions,
}

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    /// The text of Prometheus' parse error, position first.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expr = Box::new(parse(text).map_err(|reason| refusal(text, &reason))?);
        let positions = Positions::of(text, &expr);
        check(&expr, &positions)?;
        Ok(Self { expr, positions })
    }
}

/// Parses a series selector such as those of `match[]`.
///
/// # Errors
/// The text of Prometheus' parse error.
pub fn selector(text: &str) -> Result<VectorSelector, String> {
    match *Query::parse(text)?.expr {
        Expr::VectorSelector(selector) if selector.offset.is_none() && selector.at.is_none() => Ok(selector),
        _ => Err(format!("1:1: parse error: {text:?} is not a series selector")),
    }
}

/// Refuses what the parser knows but a Prometheus without experimental features does not.
fn check(expr: &Expr, positions: &Positions) -> Result<(), String> {
    let refuse = |reason: String| Err(format!("{}: parse error: {reason}", positions.at(expr)));
    match expr {
        Expr::Aggregate(aggregate) => {
            if matches!(aggregate.op.id(), T_LIMITK | T_LIMIT_RATIO) {
                return refuse(format!(
                    "{}() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
                    aggregate.op
                ));
            }
            if let Some(param) = &aggregate.param {
                check(param, positions)?;
            }
            check(&aggregate.expr, positions)
        }
        Expr::Call(call) => {
            if call.func.experimental {
                return refuse(format!("function \"{}\" is not enabled", call.func.name));
            }
            call.args.args.iter().try_for_each(|arg| check(arg, positions))
        }
        Expr::Binary(binary) => {
            let fill = binary.modifier.as_ref().map(|modifier| &modifier.fill_values);
            if fill.is_some_and(|fill| fill.lhs.is_some() || fill.rhs.is_some()) {
                return refuse("binop fill modifiers are experimental and not enabled".to_owned());
            }
            check(&binary.lhs, positions)?;
            check(&binary.rhs, positions)
        }
        Expr::Unary(unary) => check(&unary.expr, positions),
        Expr::Paren(paren) => check(&paren.expr, positions),
        Expr::Subquery(subquery) => check(&subquery.expr, positions),
        Expr::VectorSelector(selector) => plain(&selector.matchers).or_else(refuse),
        Expr::MatrixSelector(matrix) => plain(&matrix.vs.matchers).or_else(refuse),
        _ => Ok(()),
    }
}

fn plain(matchers: &Matchers) -> Result<(), String> {
    if matchers.or_matchers.is_empty() { Ok(()) } else { Err("unexpected <op:or> in label matching, expected \",\" or \"}\"".to_owned()) }
}

/// The parser's reason in Prometheus' words, with the place that it is about as far as the text shows it.
fn refusal(text: &str, reason: &str) -> String {
    let all = tokens(text);
    let quoted = quoted(reason);
    let named = || quoted.split('"').nth(1).and_then(|name| all.iter().position(|token| token.text == name));
    let start = |place: Option<usize>| place.and_then(|place| all.get(place)).map_or(0, |token| token.start);
    let (at, reason) = match quoted.as_str() {
        "no expression found in input" if text.trim().is_empty() => return format!("unknown position: parse error: {quoted}"),
        "unclosed left parenthesis" | "unexpected end of input inside braces" => (text.len(), quoted),
        "unexpected end of input inside brackets" => (text.len(), "unclosed left bracket".to_owned()),
        "unexpected right parenthesis ')'" => (text.rfind(')').map_or(0, |at| at + 1), quoted),
        "invalid promql query" => unexpected(text, &all),
        // The place is that of the argument: the first, which is the only one of nearly all functions.
        other if other.contains("in call to function") => (start(named().map(|place| place + 2)), documented(other)),
        other if other.contains("in aggregation expression") => {
            let open = all.iter().position(|token| token.text == "(").map(|place| place + 1);
            (start(open), documented(other))
        }
        other => (start(named()), other.to_owned()),
    };
    format!("{}: parse error: {reason}", line_and_column(text, at))
}

/// Names in double quotes; single characters stay in single ones.
fn quoted(reason: &str) -> String {
    let parts: Vec<&str> = reason.split('\'').collect();
    let is_character =
        |i: usize| i % 2 == 1 && parts.get(i).is_some_and(|part| part.chars().count() == 1 && !part.starts_with(char::is_alphanumeric));
    let mut text = String::new();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            text.push(if is_character(i) || is_character(i - 1) { '\'' } else { '"' });
        }
        text.push_str(part);
    }
    text
}

/// Value types by the names of the documentation.
fn documented(reason: &str) -> String {
    let Some(rest) = reason.strip_prefix("expected type ") else { return reason.to_owned() };
    let name = |kind: &str| match kind {
        "vector" => "instant vector".to_owned(),
        "matrix" => "range vector".to_owned(),
        other => other.to_owned(),
    };
    match (rest.split_once(" in "), rest.rsplit_once(", got ")) {
        (Some((want, _)), Some((middle, got))) => {
            let place = middle.strip_prefix(want).unwrap_or(middle);
            format!("expected type {}{place}, got {}", name(want), name(got))
        }
        _ => reason.to_owned(),
    }
}

/// A query that ends too early, or a token where none can stand.
fn unexpected(text: &str, all: &[Token<'_>]) -> (usize, String) {
    let Some(last) = all.last() else { return (0, "no expression found in input".to_owned()) };
    if last.kind == Kind::Sign && !matches!(last.text, ")" | "]" | "}") {
        return (text.len(), "unexpected end of input".to_owned());
    }
    let operand = |token: &Token<'_>| token.kind != Kind::Sign;
    let pair = all.windows(2).find(|pair| matches!(pair, [a, b] if operand(a) && operand(b)));
    match pair {
        Some([_, second]) => (second.start, format!("unexpected {} {:?}", described(second), second.text)),
        _ => (0, "unexpected token".to_owned()),
    }
}

fn described(token: &Token<'_>) -> &'static str {
    match token.kind {
        Kind::Word => "identifier",
        Kind::Number => "number",
        Kind::Text => "string",
        Kind::Sign => "character",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_use_the_documented_words() {
        for (query, text) in [
            ("", "unknown position: parse error: no expression found in input"),
            ("sum(up", "1:7: parse error: unclosed left parenthesis"),
            ("up{", "1:4: parse error: unexpected end of input inside braces"),
            ("up[5m", "1:6: parse error: unclosed left bracket"),
            ("up)", "1:4: parse error: unexpected right parenthesis ')'"),
            ("sum(up[5m])", "1:5: parse error: expected type instant vector in aggregation expression, got range vector"),
            ("up +", "1:5: parse error: unexpected end of input"),
            ("up down", "1:4: parse error: unexpected identifier \"down\""),
            ("2 * nope(up)", "1:5: parse error: unknown function with name \"nope\""),
            ("rate(up)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"),
            (
                "1 + limitk(1, up)",
                "1:5: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
            ),
            ("max_of(1, 2)", "1:1: parse error: function \"max_of\" is not enabled"),
        ] {
            assert_eq!(Query::parse(query).unwrap_err(), text, "{query}");
        }
        assert!(Query::parse("up{a=\"b\" or a=\"c\"}").is_err());
    }

    #[test]
    fn only_plain_selectors_select_series() {
        assert!(selector("up{a=\"b\"}").is_ok());
        assert!(selector("up offset 5m").is_err());
        assert!(selector("sum(up)").is_err());
    }
}
