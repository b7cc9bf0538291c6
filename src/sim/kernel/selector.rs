//! Label selectors (as text in queries, as objects in specs) and field selectors.

use serde_json::{Map, Value};

use super::object::Fields;

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
        let mut requirements = Vec::new();
        for part in split_outside_brackets(text) {
            let part = part.trim();
            if !part.is_empty() {
                requirements.push(requirement(part).ok_or_else(|| format!("unable to parse requirement: {part:?}"))?);
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

fn split_outside_brackets(text: &str) -> Vec<&str> {
    let mut depth = 0usize;
    text.split(move |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

fn requirement(text: &str) -> Option<Requirement> {
    if let Some(key) = text.strip_prefix('!') {
        return Some(Requirement::Absent(word(key)?));
    }
    for (operator, negative) in [(" notin ", true), (" in ", false), (" notin(", true), (" in(", false)] {
        if let Some((key, values)) = text.split_once(operator) {
            let values = values.trim().trim_start_matches('(').strip_suffix(')')?;
            let values = values.split(',').map(|v| v.trim().to_owned()).collect();
            let key = word(key)?;
            return Some(if negative { Requirement::NotIn(key, values) } else { Requirement::In(key, values) });
        }
    }
    for (operator, negative) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = text.split_once(operator) {
            let (key, value) = (word(key)?, value.trim().to_owned());
            if value.contains(['=', '!', ' ']) {
                return None;
            }
            return Some(if negative { Requirement::NotIn(key, vec![value]) } else { Requirement::In(key, vec![value]) });
        }
    }
    Some(Requirement::Exists(word(text)?))
}

fn word(text: &str) -> Option<String> {
    let text = text.trim();
    let valid = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    valid.then(|| text.to_owned())
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
        for bad in ["a=b=c", "a b", "=x", "a in b"] {
            assert!(LabelSelector::parse(bad).is_err(), "{bad}");
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
