//! `label_replace` and `label_join`.

use super::eval::Outcome;
use super::value::{Column, join_same, set_label};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::token::T_EQL_REGEX;

/// Sets a label from a match of another. `texts`: destination, replacement, source, regular expression.
///
/// # Errors
/// When the expression or the destination is not valid.
pub fn replace(mut columns: Vec<Column>, texts: &[String]) -> Outcome<Vec<Column>> {
    let [destination, replacement, source, expression] = texts else {
        return Err("expected 5 argument(s) in call to \"label_replace\"".to_owned());
    };
    let refusal = || format!("invalid regular expression in label_replace(): {expression}");
    let pattern = Pattern::new(expression).ok_or_else(refusal)?;
    if destination.is_empty() {
        return Err(format!("invalid destination label name in label_replace(): {destination}"));
    }
    for column in &mut columns {
        let value = column.labels.get(source).cloned().unwrap_or_default();
        if let Some(expanded) = pattern.expand(&value, replacement) {
            set_label(&mut column.labels, destination, &expanded);
        }
    }
    join_same(columns)
}

/// A regular expression as label matchers read it: it must match the whole text.
#[derive(Debug, Clone)]
pub struct Pattern(Matcher);

impl Pattern {
    /// Compiles it; nothing when it is not valid.
    #[must_use]
    pub fn new(expression: &str) -> Option<Self> {
        Matcher::new_matcher(T_EQL_REGEX, String::new(), expression.to_owned()).ok().map(Self)
    }

    /// Whether it matches a text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// A template (`$1`, `${name}`) filled in from its match with a text.
    #[must_use]
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let MatchOp::Re(regex) = &self.0.op else { return None };
        let mut expanded = String::new();
        regex.captures(text)?.expand(template, &mut expanded);
        Some(expanded)
    }
}

/// Sets a label to several others joined. `texts`: destination, separator, sources.
///
/// # Errors
/// When a label's name is not valid.
pub fn join(mut columns: Vec<Column>, texts: &[String]) -> Outcome<Vec<Column>> {
    let [destination, separator, sources @ ..] = texts else {
        return Err("expected at least 3 argument(s) in call to \"label_join\"".to_owned());
    };
    if let Some(source) = sources.iter().find(|source| source.is_empty()) {
        return Err(format!("invalid source label name in label_join(): {source}"));
    }
    if destination.is_empty() {
        return Err(format!("invalid destination label name in label_join(): {destination}"));
    }
    for column in &mut columns {
        let value = |source: &String| column.labels.get(source).cloned().unwrap_or_default();
        let joined = sources.iter().map(value).collect::<Vec<_>>().join(separator);
        set_label(&mut column.labels, destination, &joined);
    }
    join_same(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::kernel::tsdb::Labels;

    fn column(pairs: &[(&str, &str)]) -> Column {
        let labels: Labels = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Column { labels, values: vec![Some(1.0)] }
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn groups_of_the_match_are_filled_in() {
        let replaced = replace(vec![column(&[("pod", "backend-canary-abc")])], &texts(&["track", "<${1}>", "pod", "backend-(.*)-abc"]));
        assert_eq!(replaced.unwrap(), vec![column(&[("pod", "backend-canary-abc"), ("track", "<canary>")])]);
        // Anchored, so no match, so no change; and an empty replacement removes the label.
        let kept = replace(vec![column(&[("pod", "abc")])], &texts(&["pod", "x", "pod", "b"])).unwrap();
        assert_eq!(kept, vec![column(&[("pod", "abc")])]);
        let removed = replace(vec![column(&[("pod", "abc")])], &texts(&["pod", "", "pod", ".*"])).unwrap();
        assert_eq!(removed, vec![column(&[])]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(replace(vec![], &texts(&["a", "b", "c", "("])).unwrap_err().contains("invalid regular expression"));
        assert!(replace(vec![], &texts(&["", "b", "c", "d"])).unwrap_err().contains("invalid destination"));
        let same = replace(vec![column(&[("a", "1")]), column(&[("a", "2")])], &texts(&["a", "3", "a", ".*"]));
        assert!(same.unwrap_err().contains("same labelset"));
    }

    #[test]
    fn labels_are_joined_in_order() {
        let joined = join(vec![column(&[("a", "1"), ("c", "3")])], &texts(&["d", "-", "c", "b", "a"])).unwrap();
        assert_eq!(joined, vec![column(&[("a", "1"), ("c", "3"), ("d", "3--1")])]);
    }
}
