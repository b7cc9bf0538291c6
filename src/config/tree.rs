//! Where in a file every value stands: line and column by path, and path by line and column.

use std::fmt::Write as _;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// Line and column, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// Line.
    pub line: u64,
    /// Column.
    pub column: u64,
}

impl From<serde_saphyr::Location> for At {
    fn from(l: serde_saphyr::Location) -> At {
        At { line: l.line().max(1), column: l.column().max(1) }
    }
}

/// A value of a document, with where it stands.
#[derive(Debug)]
pub struct Node {
    at: At,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Scalar,
    Seq(Vec<Node>),
    Map(Vec<(String, At, Node)>),
}

impl Node {
    /// Where the value at a path (`components[1].name`, empty for all of it) stands. Where the path ends early, the
    /// deepest part of it that exists.
    pub fn find(&self, path: &str) -> At {
        let mut node = self;
        for part in parts(path) {
            let Some((_, next)) = node.child(&part) else { break };
            node = next;
        }
        node.at
    }

    /// Where the key at a path stands; an item of a list stands where its value does.
    pub fn find_key(&self, path: &str) -> At {
        let mut node = self;
        let mut at = self.at;
        for part in parts(path) {
            let Some((key, next)) = node.child(&part) else { break };
            at = key.unwrap_or(next.at);
            node = next;
        }
        at
    }

    /// A child, and where its key stands.
    fn child(&self, part: &Part) -> Option<(Option<At>, &Node)> {
        match (&self.inner, part) {
            (Inner::Map(entries), Part::Key(key)) => entries.iter().find(|(k, _, _)| k == key).map(|(_, at, n)| (Some(*at), n)),
            (Inner::Seq(items), Part::Index(i)) => items.get(*i).map(|n| (None, n)),
            _ => None,
        }
    }

    /// The path of what stands at a place: the key or value that begins there, else the last that begins before it.
    pub fn path_at(&self, at: At) -> String {
        let mut best = (At::default(), String::new());
        self.walk(&mut String::new(), &mut |place, path| {
            if place <= at && place >= best.0 {
                best = (place, path.to_owned());
            }
        });
        best.1
    }

    fn walk(&self, path: &mut String, visit: &mut dyn FnMut(At, &str)) {
        visit(self.at, path);
        let length = path.len();
        match &self.inner {
            Inner::Scalar => {}
            Inner::Seq(items) => {
                for (n, item) in items.iter().enumerate() {
                    let _ = write!(path, "[{n}]");
                    item.walk(path, visit);
                    path.truncate(length);
                }
            }
            Inner::Map(entries) => {
                for (key, at, value) in entries {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                    visit(*at, path);
                    value.walk(path, visit);
                    path.truncate(length);
                }
            }
        }
    }
}

enum Part {
    Key(String),
    Index(usize),
}

fn parts(path: &str) -> Vec<Part> {
    let mut all = Vec::new();
    for dotted in path.split('.').filter(|p| !p.is_empty()) {
        let mut pieces = dotted.split('[');
        all.extend(pieces.next().filter(|k| !k.is_empty()).map(|k| Part::Key(k.to_owned())));
        all.extend(pieces.filter_map(|p| p.trim_end_matches(']').parse().ok()).map(Part::Index));
    }
    all
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Node, D::Error> {
        let spanned = Spanned::<Inner>::deserialize(d)?;
        Ok(Node { at: spanned.referenced.into(), inner: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Inner, D::Error> {
        d.deserialize_any(Any)
    }
}

struct Any;

macro_rules! scalars {
    ($($name:ident: $kind:ty),*) => {
        $(fn $name<E>(self, _: $kind) -> Result<Inner, E> {
            Ok(Inner::Scalar)
        })*
    };
}

impl<'de> Visitor<'de> for Any {
    type Value = Inner;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128, visit_f64: f64, visit_str: &str, visit_bytes: &[u8]);

    fn visit_unit<E>(self) -> Result<Inner, E> {
        Ok(Inner::Scalar)
    }

    fn visit_none<E>(self) -> Result<Inner, E> {
        Ok(Inner::Scalar)
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Inner, D::Error> {
        Inner::deserialize(d)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Inner, D::Error> {
        Inner::deserialize(d)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Inner, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Inner::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Inner, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            entries.push((key.value, key.referenced.into(), map.next_value()?));
        }
        Ok(Inner::Map(entries))
    }
}
