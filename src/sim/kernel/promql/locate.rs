//! Where each expression stands in the query's text.
//!
//! The parser's tree carries no positions, but Prometheus names them in warnings and errors. Both walk in the same order, so
//! the tree is laid over the query's tokens.

use super::lexer::{Kind, Token, tokens};
use promql_parser::parser::{Expr, VectorSelector};
use std::collections::BTreeMap;

/// Words whose parenthesised list holds labels, not expressions.
const LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// The position of each expression of one tree. Only valid for the tree it was made from, and while that does not move.
#[derive(Debug, Clone, Default)]
pub struct Positions {
    starts: BTreeMap<usize, usize>,
    text: String,
}

impl Positions {
    /// Lays `expr` over the text it was parsed from.
    #[must_use]
    pub fn of(text: &str, expr: &Expr) -> Self {
        let all = tokens(text);
        let mut walk = Walk { tokens: &all, next: 0, starts: BTreeMap::new() };
        walk.expr(expr);
        Self { starts: walk.starts, text: text.to_owned() }
    }

    /// `line:column` of an expression, counted from 1.
    #[must_use]
    pub fn at(&self, expr: &Expr) -> String {
        self.starts.get(&address(expr)).map_or_else(String::new, |start| line_and_column(&self.text, *start))
    }
}

/// `line:column` of a byte offset, counted from 1; columns are bytes.
#[must_use]
pub fn line_and_column(text: &str, offset: usize) -> String {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    format!("{line}:{}", before.len() - start + 1)
}

fn address(expr: &Expr) -> usize {
    std::ptr::from_ref(expr) as usize
}

struct Walk<'a> {
    tokens: &'a [Token<'a>],
    next: usize,
    starts: BTreeMap<usize, usize>,
}

impl Walk<'_> {
    /// Walks over one expression and yields where it starts.
    fn expr(&mut self, expr: &Expr) -> usize {
        let start = match expr {
            Expr::Aggregate(aggregate) => {
                let name = aggregate.op.to_string();
                let start = self.seek(|token| token.kind == Kind::Word && token.text.eq_ignore_ascii_case(&name));
                self.seek(|token| token.text == "(");
                if let Some(param) = &aggregate.param {
                    self.expr(param);
                }
                self.expr(&aggregate.expr);
                start
            }
            Expr::Call(call) => {
                let start = self.seek(|token| token.kind == Kind::Word && token.text == call.func.name);
                self.seek(|token| token.text == "(");
                for arg in &call.args.args {
                    self.expr(arg);
                }
                start
            }
            Expr::Unary(unary) => {
                let start = self.seek(|token| token.text == "-");
                self.expr(&unary.expr);
                start
            }
            Expr::Binary(binary) => {
                let start = self.expr(&binary.lhs);
                self.expr(&binary.rhs);
                start
            }
            Expr::Paren(paren) => {
                let start = self.seek(|token| token.text == "(");
                self.expr(&paren.expr);
                start
            }
            Expr::Subquery(subquery) => self.expr(&subquery.expr),
            Expr::NumberLiteral(_) => self.number(),
            Expr::StringLiteral(_) => self.seek(|token| token.kind == Kind::Text),
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs),
            Expr::Extension(_) => 0,
        };
        self.starts.insert(address(expr), start);
        start
    }

    /// Passes a number; a sign that can only be its own belongs to it.
    fn number(&mut self) -> usize {
        let start = self.seek(|token| token.is_number());
        let before = |back: usize| self.next.checked_sub(back).and_then(|at| self.tokens.get(at));
        let is_operand = |token: &Token<'_>| token.kind != Kind::Sign || matches!(token.text, ")" | "]" | "}");
        match before(2).filter(|sign| matches!(sign.text, "-" | "+")) {
            Some(sign) if !before(3).is_some_and(is_operand) => sign.start,
            _ => start,
        }
    }

    fn selector(&mut self, selector: &VectorSelector) -> usize {
        let start = match &selector.name {
            Some(name) => self.seek(|token| token.kind == Kind::Word && token.text == name),
            None => return self.braces().unwrap_or(0),
        };
        if self.peek().is_some_and(|token| token.text == "{") {
            self.braces();
        }
        start
    }

    /// Passes the next `{...}` and yields where it starts.
    fn braces(&mut self) -> Option<usize> {
        let start = self.seek(|token| token.text == "{");
        self.seek(|token| token.text == "}");
        Some(start)
    }

    fn peek(&self) -> Option<&Token<'_>> {
        self.tokens.get(self.next)
    }

    /// Passes tokens up to the first that is wanted, outside label lists, ranges, offsets and timestamps.
    fn seek(&mut self, wanted: impl Fn(&Token<'_>) -> bool) -> usize {
        while let Some(token) = self.tokens.get(self.next) {
            self.next += 1;
            let opens_list = LISTS.contains(&token.text) && self.peek().is_some_and(|next| next.text == "(");
            if opens_list {
                self.pass(")");
            } else if token.text == "[" {
                self.pass("]");
            } else if token.text == "@" || token.text.eq_ignore_ascii_case("offset") {
                self.pass_time();
            } else if wanted(token) {
                return token.start;
            }
        }
        0
    }

    fn pass(&mut self, closing: &str) {
        while let Some(token) = self.tokens.get(self.next) {
            self.next += 1;
            if token.text == closing {
                return;
            }
        }
    }

    /// Passes what follows `offset` or `@`: a signed number, or `start()` and `end()`.
    fn pass_time(&mut self) {
        if self.peek().is_some_and(|token| matches!(token.text, "-" | "+")) {
            self.next += 1;
        }
        if self.peek().is_some_and(|token| matches!(token.text, "start" | "end")) {
            self.pass(")");
        } else {
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(query: &str) -> Vec<String> {
        let expr = promql_parser::parser::parse(query).unwrap();
        let positions = Positions::of(query, &expr);
        let mut found: Vec<String> = positions.starts.values().map(|start| line_and_column(query, *start)).collect();
        found.sort();
        found
    }

    #[test]
    fn selectors_are_found_behind_label_lists_ranges_and_offsets() {
        let query = "sum by (up) (rate(up{up=\"(\"}[5m] offset 1m)) / on (up) group_left (no) up";
        assert_eq!(starts(query), ["1:1", "1:1", "1:14", "1:19", "1:72"]);
    }

    #[test]
    fn parameters_stand_before_their_vector() {
        assert_eq!(starts("histogram_quantile(0.9, sum by (le) (foo))"), ["1:1", "1:20", "1:25", "1:38"]);
        assert_eq!(starts("clamp_min(up, -1) - 1"), ["1:1", "1:1", "1:11", "1:15", "1:21"]);
        assert_eq!(starts("topk(3, -(foo @ start()))"), ["1:1", "1:10", "1:11", "1:6", "1:9"]);
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!(starts("foo\n  + # bar\n  bar"), ["1:1", "1:1", "3:3"]);
    }
}
