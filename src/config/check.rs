//! Values that cannot be, gathered with their places.

use super::error::Fault;
use super::tree::Node;

/// Gathers what is wrong with one document.
pub struct Check<'a> {
    tree: &'a Node,
    faults: Vec<Fault>,
}

impl<'a> Check<'a> {
    /// Nothing is wrong so far.
    pub fn new(tree: &'a Node) -> Check<'a> {
        Check { tree, faults: Vec::new() }
    }

    /// The value at a path is wrong.
    pub fn fault(&mut self, path: impl Into<String>, message: impl Into<String>) {
        let path = path.into();
        self.faults.push(Fault { at: self.tree.find(&path), path, message: message.into() });
    }

    /// What is wrong, in the file's order.
    pub fn into_faults(mut self) -> Vec<Fault> {
        self.faults.sort_by_key(|f| f.at);
        self.faults
    }

    /// A Kubernetes object's name.
    pub fn object_name(&mut self, path: &str, name: &str) {
        if let Some(why) = bad_name(name) {
            self.fault(path, format!("`{name}` cannot be an object's name: {why}"));
        }
    }

    /// Exactly one of several keys must be given; says which one, or what is wrong.
    pub fn one_of(&mut self, path: &str, keys: &[(&'static str, bool)]) -> Option<&'static str> {
        let given: Vec<&'static str> = keys.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect();
        let all = keys.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(", ");
        match given.as_slice() {
            [one] => return Some(one),
            [] => self.fault(path, format!("one of these keys is needed: {all}")),
            several => self.fault(path, format!("only one of {} can be given", several.join(", "))),
        }
        None
    }
}

/// Why a text is no DNS subdomain name (RFC 1123), as Kubernetes wants for most objects.
pub fn bad_name(name: &str) -> Option<&'static str> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > 253 {
        Some("it is longer than 253 characters")
    } else if !name.chars().all(good) {
        Some("it may hold a-z, 0-9, - and . only")
    } else if name.split('.').any(|part| part.is_empty() || part.starts_with('-') || part.ends_with('-')) {
        Some("it must begin and end with a letter or digit")
    } else {
        None
    }
}
