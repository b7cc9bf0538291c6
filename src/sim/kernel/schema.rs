//! What the API's types say of a place in an object: which fields are there and of which type, how lists and maps are merged
//! and owned. Read off the published schemas: nothing is known of a built-in kind by hand.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Resource, openapi, resource::GATEWAY};

/// How a list is merged and owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// As one value.
    Atomic,
    /// As a set of plain values.
    Set,
    /// Entry by entry, by these keys.
    Keyed(Keys),
}

/// The names of the fields that tell the entries of a list apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys(&'static [Value]);

impl Keys {
    /// The names.
    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter_map(Value::as_str)
    }
}

/// A place in the objects of a kind. Copied freely: it is two references.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// What is said of the place; `None` where nothing is known.
    said: Option<&'static Value>,
    /// What is said of the type that is there.
    of_type: Option<&'static Value>,
    /// The name of that type.
    name: Option<&'static str>,
    /// It is there in an empty object of the kind.
    structural: bool,
}

/// The schema of each kind, by its id.
static KINDS: LazyLock<Vec<Option<(&'static str, &'static Value)>>> = LazyLock::new(|| {
    let count = super::resource::ALL.iter().map(|resource| usize::from(resource.id) + 1).max().unwrap_or(0);
    let mut kinds = vec![None; count];
    for resource in super::resource::ALL.iter().filter(|resource| !resource.custom) {
        let named = resource.versions.first().and_then(|(group, version)| openapi::of_kind(group, version, resource.kind));
        if let (Some(slot), Some(name)) = (kinds.get_mut(usize::from(resource.id)), named) {
            *slot = openapi::get(name).map(|schema| (name, schema));
        }
    }
    kinds
});

/// What is known of custom kinds: their metadata is everybody's, and their definitions key these lists.
static CUSTOM: LazyLock<[Value; 2]> = LazyLock::new(|| {
    let keyed = |key: &str| json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key], "items": {}});
    let kind = |spec: Value| {
        json!({"properties": {
            "metadata": {"allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}], "default": {}},
            "spec": {"properties": spec},
            "status": {"properties": {"conditions": keyed("type")}},
        }})
    };
    [kind(json!({})), kind(json!({"listeners": keyed("name")}))]
});

impl Place {
    /// The object as a whole.
    pub fn root(resource: &Resource) -> Self {
        let [custom, gateway] = &*CUSTOM;
        let (name, schema) = match (resource.custom, KINDS.get(usize::from(resource.id)).copied().flatten()) {
            (false, Some((name, schema))) => (Some(name), Some(schema)),
            (false, None) => (None, None),
            (true, _) => (None, Some(if *resource == GATEWAY { gateway } else { custom })),
        };
        Self { said: schema, of_type: schema, name, structural: true }
    }

    /// A place of which nothing is known.
    pub(super) const UNKNOWN: Self = Self { said: None, of_type: None, name: None, structural: false };

    fn of(said: &'static Value, structural: bool) -> Self {
        match openapi::reference(said) {
            Some(name) => Self { said: Some(said), of_type: openapi::get(name), name: Some(name), structural },
            None => Self { said: Some(said), of_type: Some(said), name: None, structural },
        }
    }

    /// A field of the map that is here.
    pub fn field(self, name: &str) -> Self {
        let Some(here) = self.of_type else { return Self::UNKNOWN };
        if let Some(said) = here.get("properties").and_then(|properties| properties.get(name)) {
            let required = || here.get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|other| other == name));
            let filled = said.get("default").is_some_and(Value::is_object);
            return Self::of(said, self.structural && (filled || required()));
        }
        self.said("additionalProperties").map_or(Self::UNKNOWN, |said| Self::of(said, false))
    }

    /// An entry of the list that is here.
    pub fn entry(self) -> Self {
        self.said("items").map_or(Self::UNKNOWN, |said| Self::of(said, false))
    }

    /// How the list that is here is owned, and merged by an apply.
    pub fn list(self) -> List {
        match self.said("x-kubernetes-list-type").and_then(Value::as_str) {
            Some("set") => List::Set,
            Some("map") => {
                let keys = self.said("x-kubernetes-list-map-keys").and_then(Value::as_array);
                keys.map_or(List::Atomic, |keys| List::Keyed(Keys(keys.as_slice())))
            }
            _ => List::Atomic,
        }
    }

    /// How a strategic merge patch merges the list that is here.
    pub fn patch(self) -> List {
        let merges = self.said("x-kubernetes-patch-strategy").and_then(Value::as_str).is_some_and(|strategy| strategy.contains("merge"));
        match (merges, self.said("x-kubernetes-patch-merge-key")) {
            (true, Some(key)) => List::Keyed(Keys(std::slice::from_ref(key))),
            (true, None) => List::Set,
            (false, _) => List::Atomic,
        }
    }

    /// Whether the map that is here is owned as one value.
    pub fn is_atomic(self) -> bool {
        self.said("x-kubernetes-map-type").is_some_and(|kind| kind == "atomic")
    }

    /// Whether it is there in an empty object of the kind: its being there is nobody's doing.
    pub fn is_structural(self) -> bool {
        self.structural
    }

    /// The value that a field has when it is not given.
    pub fn default(self) -> Option<&'static Value> {
        self.said("default")
    }

    /// Whether nothing may stand here but the fields that are declared.
    pub fn is_closed(self) -> bool {
        self.of_type.is_some_and(|here| here.get("properties").is_some() && here.get("additionalProperties").is_none())
    }

    /// Whether the type names a field.
    pub fn has(self, name: &str) -> bool {
        self.of_type.and_then(|here| here.get("properties")).is_some_and(|properties| properties.get(name).is_some())
    }

    /// What is said of the place or else of its type.
    pub(super) fn said(self, key: &str) -> Option<&'static Value> {
        let of_type = || self.of_type.and_then(|schema| schema.get(key));
        self.said.and_then(|schema| schema.get(key)).or_else(of_type)
    }

    /// The type's short name, `DeploymentSpec`, and its package, `v1`.
    pub(super) fn type_name(self) -> Option<(&'static str, &'static str)> {
        let mut parts = self.name?.rsplit('.');
        Some((parts.next()?, parts.next()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::kernel::resource::{DEPLOYMENT, SERVICE, VIRTUAL_SERVICE};

    fn at(resource: &Resource, path: &str) -> Place {
        path.split('/').fold(Place::root(resource), |place, name| if name == "*" { place.entry() } else { place.field(name) })
    }

    fn keys(list: List) -> Vec<&'static str> {
        match list {
            List::Keyed(keys) => keys.iter().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lists_are_merged_and_owned_as_published() {
        let containers = at(&DEPLOYMENT, "spec/template/spec/containers");
        assert_eq!((keys(containers.list()), keys(containers.patch())), (vec!["name"], vec!["name"]));
        let ports = at(&DEPLOYMENT, "spec/template/spec/containers/*/ports");
        assert_eq!((keys(ports.list()), keys(ports.patch())), (vec!["containerPort", "protocol"], vec!["containerPort"]));
        assert_eq!(ports.entry().field("protocol").default(), Some(&json!("TCP")));
        assert_eq!(keys(at(&SERVICE, "spec/ports").list()), ["port", "protocol"]);
        assert_eq!(at(&DEPLOYMENT, "spec/template/spec/tolerations").patch(), List::Atomic);
        assert_eq!(at(&DEPLOYMENT, "metadata/finalizers").list(), List::Set);
        assert_eq!(at(&VIRTUAL_SERVICE, "metadata/finalizers").list(), List::Set);
        assert_eq!(at(&VIRTUAL_SERVICE, "spec/http").list(), List::Atomic);
        assert_eq!(keys(at(&GATEWAY, "spec/listeners").list()), ["name"]);
        assert!(at(&DEPLOYMENT, "spec/selector").is_atomic() && !at(&SERVICE, "metadata/labels").is_atomic());
        assert!(at(&SERVICE, "spec/selector").is_atomic());
    }

    #[test]
    fn an_empty_object_has_some_places() {
        for there in ["metadata", "spec", "spec/strategy", "spec/template/spec/containers", "status"] {
            assert!(at(&DEPLOYMENT, there).is_structural(), "{there}");
        }
        for missing in ["metadata/labels", "spec/strategy/rollingUpdate", "spec/template/spec/containers/*/resources", "spec/replicas"] {
            assert!(!at(&DEPLOYMENT, missing).is_structural(), "{missing}");
        }
        assert!(!at(&VIRTUAL_SERVICE, "spec").is_structural());
    }
}
