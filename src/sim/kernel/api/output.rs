//! Content negotiation: whole objects, metadata only, or tables.

use serde_json::{Map, Value, json};

use super::{Target, convert, table};
use crate::sim::kernel::{Feature, Features, Request, Resource, Response, Status, World, object::Fields};

/// In which form objects are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Whole,
    /// `PartialObjectMetadata`.
    Metadata,
    /// `Table`, with this much of each object in its row.
    Table(Include),
}

/// What a table's row carries of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Include {
    /// Nothing.
    None,
    /// Its metadata.
    Metadata,
    /// All of it.
    Object,
}

/// How to answer: the form, and the target that names the version.
#[derive(Debug)]
pub struct Output<'a> {
    features: Features,
    /// The form.
    pub form: Form,
    target: &'a Target,
}

/// `metadata` of a list.
#[derive(Debug, Default)]
pub struct ListMeta {
    /// `resourceVersion`.
    pub revision: u64,
    /// `continue`; empty at the end.
    pub next: String,
    /// `remainingItemCount`.
    pub remaining: Option<usize>,
}

impl<'a> Output<'a> {
    /// The first clause of `Accept` that we serve.
    ///
    /// # Errors
    /// `NotAcceptable`; `BadRequest` for an unknown `includeObject`.
    pub fn negotiate(features: Features, request: &Request, target: &'a Target) -> Result<Self, Status> {
        let accept = if request.accept.trim().is_empty() { "*/*" } else { &request.accept };
        let include = match request.param("includeObject") {
            _ if !features.has(Feature::IncludeObject) => Include::Metadata,
            Some("None") => Include::None,
            Some("Object") => Include::Object,
            Some("Metadata" | "") | None => Include::Metadata,
            Some(other) => return Err(Status::bad_request(format!("unrecognized includeObject value: {other:?}"))),
        };
        let form = match accept.split(',').find_map(|clause| form(clause, include)) {
            Some(Form::Table(_)) if !features.has(Feature::Tables) => Form::Whole,
            Some(Form::Metadata) if !features.has(Feature::PartialMetadata) => Form::Whole,
            None if !features.has(Feature::NotAcceptable) => Form::Whole,
            form => form.ok_or_else(|| Status::not_acceptable(target.resource))?,
        };
        Ok(Self { features, form, target })
    }

    /// One object.
    ///
    /// # Errors
    /// None today; the signature lets callers end with it.
    pub fn one(&self, world: &World, status: u16, object: &Value) -> Result<Response, Status> {
        let value = match self.form {
            Form::Table(include) => {
                let meta = ListMeta { revision: object.revision(), ..ListMeta::default() };
                self.table(world, [object], &meta, include, true)
            }
            _ => self.single(object),
        };
        Ok(Response::json(status, &value))
    }

    /// One object outside of a table.
    fn single(&self, object: &Value) -> Value {
        match self.form {
            Form::Metadata => partial(object),
            _ => convert::to_served(self.features, self.target, object),
        }
    }

    /// A list.
    pub fn list<'v>(&self, world: &World, objects: impl IntoIterator<Item = &'v Value>, meta: &ListMeta) -> Value {
        let resource = self.target.resource;
        match self.form {
            Form::Table(include) => self.table(world, objects, meta, include, true),
            Form::Metadata => json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta.to_value(),
                "items": objects.into_iter().map(partial).collect::<Vec<_>>(),
            }),
            Form::Whole => {
                let items = objects.into_iter().map(|object| {
                    let mut item = convert::to_served(self.features, self.target, object);
                    // Typed lists leave these out of their items; custom resources keep them.
                    if let (false, Some(map)) = (resource.custom, item.as_object_mut()) {
                        map.remove("kind");
                        map.remove("apiVersion");
                    }
                    item
                });
                json!({
                    "kind": format!("{}List", resource.kind),
                    "apiVersion": crate::sim::kernel::resource::api_version(self.target.group, self.target.version),
                    "metadata": meta.of(resource), "items": items.collect::<Vec<_>>(),
                })
            }
        }
    }

    /// The object of a watch event; `headers` are only wanted in a table's first event.
    pub fn watched(&self, world: &World, object: &Value, headers: bool) -> Value {
        match self.form {
            Form::Table(include) => {
                let meta = ListMeta { revision: object.revision(), ..ListMeta::default() };
                self.table(world, [object], &meta, include, headers)
            }
            _ => self.single(object),
        }
    }

    fn table<'v>(
        &self,
        world: &World,
        objects: impl IntoIterator<Item = &'v Value>,
        meta: &ListMeta,
        include: Include,
        headers: bool,
    ) -> Value {
        let columns = if self.features.has(Feature::Columns) { table::of(self.target.resource) } else { table::plain() };
        let now = world.now();
        let rows = objects.into_iter().map(|object| {
            let mut row = Map::new();
            row.insert("cells".into(), Value::Array((columns.cells)(object, now)));
            match include {
                Include::None => drop(row.insert("object".into(), Value::Null)),
                Include::Metadata => drop(row.insert("object".into(), partial(object))),
                Include::Object => drop(row.insert("object".into(), convert::to_served(self.features, self.target, object))),
            }
            Value::Object(row)
        });
        json!({
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta.to_value(),
            "columnDefinitions": if headers { table::definitions(columns) } else { Value::Null },
            "rows": rows.collect::<Vec<_>>(),
        })
    }
}

impl ListMeta {
    /// As the lists of a kind write it: custom resources show an empty token, too.
    fn of(&self, resource: &Resource) -> Value {
        let mut meta = self.to_value();
        if resource.custom {
            meta.put_default("/continue", "");
        }
        meta
    }

    fn to_value(&self) -> Value {
        let mut meta = json!({"resourceVersion": self.revision.to_string()});
        if !self.next.is_empty() {
            meta.put("/continue", self.next.clone());
        }
        if let Some(remaining) = self.remaining {
            meta.put("/remainingItemCount", remaining);
        }
        meta
    }
}

fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.map("/metadata")})
}

/// What one clause of `Accept` asks for; `None` when we do not serve it.
fn form(clause: &str, include: Include) -> Option<Form> {
    let mut parts = clause.split(';').map(str::trim);
    let media = parts.next()?;
    if !matches!(media, "application/json" | "application/*" | "*/*") {
        return None;
    }
    let (mut kind, mut group, mut version) = ("", "", "");
    for part in parts {
        match part.split_once('=') {
            Some(("as", value)) => kind = value,
            Some(("g", value)) => group = value,
            Some(("v", value)) => version = value,
            _ => {}
        }
    }
    match (kind, group, version) {
        ("", ..) => Some(Form::Whole),
        ("Table", "meta.k8s.io", "v1") => Some(Form::Table(include)),
        ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1") => Some(Form::Metadata),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_clause_that_is_served_wins() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        let pick = |accept: &str| accept.split(',').find_map(|clause| form(clause, Include::Metadata));
        assert_eq!(pick(kubectl), Some(Form::Table(Include::Metadata)));
        assert_eq!(pick("application/vnd.kubernetes.protobuf, application/json"), Some(Form::Whole));
        assert_eq!(pick("application/json;as=Table;v=v1beta1;g=meta.k8s.io, */*"), Some(Form::Whole));
        assert_eq!(pick("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"), Some(Form::Metadata));
        assert_eq!(pick("application/cbor"), None);
    }
}
