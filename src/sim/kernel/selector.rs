//! Label selectors (as text in queries, as objects in specs) and field selectors.

use serde_json::{Map, Value};

use super::{object::Fields, validate};

/// One requirement on labels.
#[derive(Debug, Clone, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// A parsed label selector. The empty one matches everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    /// Parses the query form: `a=b,c!=d,e in (f,g),h,!i`.
    ///
    /// # Errors
    /// The API server's text for what it cannot parse.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text);
        let mut rest = tokens.as_slice();
        let mut requirements = Vec::new();
        while !rest.is_empty() {
            requirements.push(requirement(&mut rest)?);
            match next(&mut rest) {
                "" | "," => {}
                found => return Err(format!("found '{found}', expected: ',' or 'end of string'")),
            }
        }
        Ok(Self(requirements))
    }

    /// From a spec: `{matchLabels, matchExpressions}`. A missing selector matches nothing in Kubernetes; ask with
    /// [`matches_spec`] where that matters.
    pub fn from_spec(spec: &Value) -> Self {
        let mut requirements: Vec<Requirement> = spec.map("/matchLabels").iter().map(equals).collect();
        for expression in spec.items("/matchExpressions") {
            let key = expression.text("/key").to_owned();
            let values = expression.items("/values").iter().filter_map(Value::as_str).map(str::to_owned).collect();
            requirements.push(match expression.text("/operator") {
                "In" => Requirement::In(key, values),
                "NotIn" => Requirement::NotIn(key, values),
                "Exists" => Requirement::Exists(key),
                _ => Requirement::Absent(key),
            });
        }
        Self(requirements)
    }

    /// From a plain map, as in a Service's `spec.selector`.
    pub fn from_map(map: &Map<String, Value>) -> Self {
        Self(map.iter().map(equals).collect())
    }

    /// True when nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether labels satisfy every requirement.
    pub fn matches(&self, labels: &Map<String, Value>) -> bool {
        let value = |key: &str| labels.get(key).and_then(Value::as_str);
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => value(key).is_some_and(|v| values.iter().any(|w| w == v)),
            Requirement::NotIn(key, values) => !value(key).is_some_and(|v| values.iter().any(|w| w == v)),
            Requirement::Exists(key) => value(key).is_some(),
            Requirement::Absent(key) => value(key).is_none(),
        })
    }
}

/// Whether a workload's `spec.selector` (matchLabels form) selects these labels; a missing or empty one selects nothing.
pub fn matches_spec(selector: Option<&Value>, labels: &Map<String, Value>) -> bool {
    let selector = selector.map(LabelSelector::from_spec).unwrap_or_default();
    !selector.is_empty() && selector.matches(labels)
}

fn equals((key, value): (&String, &Value)) -> Requirement {
    Requirement::In(key.clone(), vec![value.as_str().unwrap_or_default().to_owned()])
}

/// A token of a selector: a word, or one of the operator signs.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '!' | '=' if rest.get(1..2) == Some("=") => 2,
            '!' | '=' | ',' | '(' | ')' | '>' | '<' => 1,
            _ => rest.find(|c: char| c.is_whitespace() || "!=,()<>".contains(c)).unwrap_or(rest.len()),
        };
        let (token, tail) = rest.split_at(length);
        tokens.push(token);
        rest = tail.trim_start();
    }
    tokens
}

/// Parses one requirement off the front of the tokens.
fn requirement(tokens: &mut &[&str]) -> Result<Requirement, String> {
    const OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";
    let absent = take(tokens, "!");
    let key = next(tokens);
    if !is_word(key) {
        return Err(format!("unable to parse requirement: found '{key}', expected: !, identifier, or 'end of string'"));
    }
    if let Some(why) = validate::wrong_key(key) {
        return Err(format!("unable to parse requirement: <nil>: Invalid value: {key:?}: {why}"));
    }
    let key = key.to_owned();
    if absent {
        return Ok(Requirement::Absent(key));
    }
    match tokens.first().copied().unwrap_or_default() {
        "" | "," => Ok(Requirement::Exists(key)),
        operator @ ("=" | "==" | "!=") => {
            next(tokens);
            if let Some(found) = tokens.first().filter(|token| !is_word(token) && **token != ",") {
                return Err(format!("unable to parse requirement: found '{found}', expected: identifier"));
            }
            let value = tokens.first().copied().filter(|word| is_word(word)).unwrap_or_default().to_owned();
            if !value.is_empty() {
                next(tokens);
            }
            Ok(if operator == "!=" { Requirement::NotIn(key, vec![value]) } else { Requirement::In(key, vec![value]) })
        }
        operator @ ("in" | "notin") => {
            next(tokens);
            let values = values(tokens)?;
            Ok(if operator == "in" { Requirement::In(key, values) } else { Requirement::NotIn(key, values) })
        }
        found => Err(format!("unable to parse requirement: found '{found}', expected: {OPERATORS}")),
    }
}

/// `(a,b)`
fn values(tokens: &mut &[&str]) -> Result<Vec<String>, String> {
    if !take(tokens, "(") {
        return Err(format!("unable to parse requirement: found '{}' expected: '('", tokens.first().copied().unwrap_or_default()));
    }
    let mut values = Vec::new();
    loop {
        match next(tokens) {
            ")" => return Ok(values),
            "," => {}
            word if is_word(word) => values.push(word.to_owned()),
            other => return Err(format!("unable to parse requirement: found '{other}', expected: ',', or ')'")),
        }
    }
}

fn next<'a>(tokens: &mut &[&'a str]) -> &'a str {
    let (first, rest) = tokens.split_first().map_or(("", &[][..]), |(first, rest)| (*first, rest));
    *tokens = rest;
    first
}

fn take(tokens: &mut &[&str], wanted: &str) -> bool {
    let found = tokens.first() == Some(&wanted);
    if found {
        next(tokens);
    }
    found
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
}

/// A parsed field selector: `metadata.name=x,status.phase!=Running`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FieldSelector(Vec<(String, bool, String)>);

impl FieldSelector {
    /// Parses the query form. Field names are not judged here.
    ///
    /// # Errors
    /// The API server's text for what it cannot parse.
    pub fn parse(text: &str) -> Result<Self, String> {
        let terms = text.split(',').filter(|term| !term.is_empty()).map(|term| {
            [("!=", false), ("==", true), ("=", true)]
                .into_iter()
                .find_map(|(op, equal)| term.split_once(op).map(|(field, value)| (field.to_owned(), equal, value.to_owned())))
                .ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{term}'"))
        });
        Ok(Self(terms.collect::<Result<_, _>>()?))
    }

    /// The same selector with other names for its fields.
    pub fn rename(self, name: impl Fn(&str) -> String) -> Self {
        Self(self.0.into_iter().map(|(field, equal, value)| (name(&field), equal, value)).collect())
    }

    /// The fields it names.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(field, _, _)| field.as_str())
    }

    /// The name it asks for, when it asks for exactly one.
    pub fn exact_name(&self) -> Option<&str> {
        self.0.iter().find(|(field, equal, _)| *equal && field == "metadata.name").map(|(_, _, value)| value.as_str())
    }

    /// Whether an object has these values.
    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(field, equal, value)| {
            let pointer = format!("/{}", field.replace('.', "/"));
            let here = match object.pointer(&pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Null) | None if field == "spec.unschedulable" => "false".into(),
                Some(Value::Null) | None => String::new(),
                Some(other) => other.to_string(),
            };
            (here == *value) == *equal
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(selector: &str, labels: Value) -> bool {
        LabelSelector::parse(selector).unwrap().matches(labels.as_object().unwrap())
    }

    #[test]
    fn every_operator_of_the_query_form() {
        let labels = json!({"app": "web", "tier": "a", "example.com/x": ""});
        for yes in ["", "app=web", "app==web,tier in (a,b)", "tier notin (c)", "!gone", "gone!=x", "example.com/x", "app in (web),tier"] {
            assert!(matches(yes, labels.clone()), "{yes}");
        }
        for no in ["app=api", "tier notin (a)", "!app", "app!=web", "gone in (a)", "gone"] {
            assert!(!matches(no, labels.clone()), "{no}");
        }
        for (bad, text) in [
            ("a=b=c", "found '=', expected: ',' or 'end of string'"),
            ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
            ("=x", "unable to parse requirement: found '=', expected: !, identifier, or 'end of string'"),
            ("a in b", "unable to parse requirement: found 'b' expected: '('"),
            ("a in (b", "unable to parse requirement: found '', expected: ',', or ')'"),
        ] {
            assert_eq!(LabelSelector::parse(bad).unwrap_err(), text, "{bad}");
        }
    }

    #[test]
    fn a_missing_spec_selector_selects_nothing() {
        let labels = json!({"a": "b"});
        assert!(!matches_spec(None, labels.as_object().unwrap()));
        let spec = json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "DoesNotExist"}]});
        assert!(matches_spec(Some(&spec), labels.as_object().unwrap()));
    }

    #[test]
    fn field_selectors_compare_text_and_treat_missing_as_empty() {
        let pod = json!({"metadata": {"name": "a"}, "status": {"phase": "Running"}});
        assert!(FieldSelector::parse("metadata.name=a,status.phase!=Failed").unwrap().matches(&pod));
        assert!(FieldSelector::parse("spec.nodeName=").unwrap().matches(&pod));
        assert!(!FieldSelector::parse("metadata.name!=a").unwrap().matches(&pod));
        assert_eq!(FieldSelector::parse("metadata.name=a").unwrap().exact_name(), Some("a"));
        assert!(FieldSelector::parse("nonsense").is_err());
    }
}
