//! What a typed server does with the built-in kinds: a field of the wrong type is refused, an unknown one is dropped.

use serde_json::Value;

use super::{
    Feature, Features, Resource,
    schema::{Keys, List, Place},
};

mod mismatch;

use mismatch::Wanted;
pub use mismatch::{Mismatch, go_value, json_name};

/// Drops what the kind does not know and returns it. Of custom resources only the metadata is looked at.
///
/// # Errors
/// The first field that does not have the type it must have, once what is unknown has gone: a typed server tells of both,
/// and of what is unknown only where it is asked to be strict.
pub fn conform(features: Features, resource: &Resource, object: &mut Value) -> Result<Vec<Unknown>, Refused> {
    drop_nulls(object);
    let given = (!features.has(Feature::UnknownFieldsDropped)).then(|| object.clone());
    let mut judge = Judge::default();
    let root = Place::root(resource);
    let here = At { up: None, step: Step::Root, owner: resource.kind };
    if resource.custom && object.is_object() {
        if let Some(metadata) = object.get_mut("metadata") {
            judge.value(&At { up: Some(&here), step: Step::Field("metadata"), ..here }, root.field("metadata"), metadata);
        }
    } else {
        judge.value(&here, root, object);
    }
    if let Some(given) = given {
        *object = given;
    }
    match judge.wrong.filter(|_| features.has(Feature::FieldTypes)) {
        Some(mismatch) => Err(Refused { mismatch: Box::new(mismatch), unknown: judge.unknown }),
        None => Ok(judge.unknown),
    }
}

/// A field that a kind does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// `spec.template.spec.containers[0].nope`
    pub path: String,
    /// As an apply says it: `.spec.template.spec.containers[name="app"].nope`.
    pub applied: String,
}

/// An object that does not have its kind's form.
#[derive(Debug, Clone)]
pub struct Refused {
    /// What is wrong.
    pub mismatch: Box<Mismatch>,
    /// The fields that the kind does not know.
    pub unknown: Vec<Unknown>,
}

/// Where the judge is. It is put into words only where something is wrong.
#[derive(Clone, Copy)]
struct At<'a> {
    up: Option<&'a At<'a>>,
    step: Step<'a>,
    /// The Go type that holds the field.
    owner: &'static str,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Field(&'a str),
    /// Of a map, whose keys are no fields.
    Key(&'a str),
    /// Index, and what tells the entry apart.
    Entry(usize, &'a str),
}

impl At<'_> {
    fn steps(&self) -> Vec<Step<'_>> {
        let mut steps: Vec<Step<'_>> = std::iter::successors(Some(self), |at| at.up).map(|at| at.step).collect();
        steps.reverse();
        steps
    }

    /// `spec.template.spec.containers[0].image`
    fn path(&self) -> String {
        self.steps().into_iter().fold(String::new(), |path, step| match step {
            Step::Root => path,
            Step::Field(name) | Step::Key(name) if path.is_empty() => name.to_owned(),
            Step::Field(name) | Step::Key(name) => format!("{path}.{name}"),
            Step::Entry(index, _) => format!("{path}[{index}]"),
        })
    }

    /// As Go's JSON decoder says it: fields only.
    fn go(&self) -> String {
        let fields = self.steps().into_iter().filter_map(|step| if let Step::Field(name) = step { Some(name) } else { None });
        fields.collect::<Vec<_>>().join(".")
    }

    /// As an apply says it: `.spec.template.spec.containers[name="app"].image`.
    fn applied(&self) -> String {
        self.steps().into_iter().fold(String::new(), |path, step| match step {
            Step::Root => path,
            Step::Field(name) | Step::Key(name) => format!("{path}.{name}"),
            Step::Entry(index, "") => format!("{path}[{index}]"),
            Step::Entry(_, key) => format!("{path}[{key}]"),
        })
    }
}

#[derive(Debug, Default)]
struct Judge {
    unknown: Vec<Unknown>,
    wrong: Option<Mismatch>,
}

impl Judge {
    fn value(&mut self, at: &At<'_>, place: Place, value: &mut Value) {
        let Some(wanted) = Wanted::at(place) else { return };
        if let Some(text) = wanted.misses(value) {
            if self.wrong.is_none() {
                let (go, applied, type_name) = (at.go(), at.applied(), mismatch::go_type(place));
                self.wrong = Some(Mismatch { wanted, type_name, owner: at.owner, go, applied, value: value.clone(), text });
            }
            return;
        }
        match value {
            // A quantity may be written as a number, and is text from then on.
            Value::Number(number) if wanted == Wanted::Quantity => *value = number.to_string().into(),
            Value::Object(map) => {
                let closed = place.is_closed();
                let owner = place.type_name().map_or(at.owner, |(name, _)| name);
                map.retain(|name, inner| {
                    let step = if place.has(name) { Step::Field(name) } else { Step::Key(name) };
                    let at = At { up: Some(at), step, owner };
                    let known = !closed || matches!(step, Step::Field(_));
                    if known {
                        self.value(&at, place.field(name), inner);
                    } else {
                        self.unknown.push(Unknown { path: at.path(), applied: at.applied() });
                    }
                    known
                });
            }
            Value::Array(list) => {
                for (index, inner) in list.iter_mut().enumerate() {
                    let key = match place.list() {
                        List::Keyed(keys) => keyed(keys, inner),
                        _ => String::new(),
                    };
                    self.value(&At { up: Some(at), step: Step::Entry(index, &key), owner: at.owner }, place.entry(), inner);
                }
            }
            _ => {}
        }
    }
}

/// `name="app"`.
fn keyed(keys: Keys, entry: &Value) -> String {
    keys.iter().filter_map(|key| Some(format!("{key}={}", entry.get(key)?))).collect::<Vec<_>>().join(",")
}

/// Removes `null` map entries: a typed server cannot hold them.
pub(super) fn drop_nulls(value: &mut Value) {
    // Nor does it write these when they are empty.
    if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
        let empty = |entry: &Value| entry.as_object().is_some_and(serde_json::Map::is_empty) || entry.as_array().is_some_and(Vec::is_empty);
        metadata.retain(|name, entry| !(EMPTY_IS_NOTHING.contains(&name.as_str()) && empty(entry)));
    }
    nulls(value);
}

const EMPTY_IS_NOTHING: [&str; 4] = ["labels", "annotations", "finalizers", "ownerReferences"];

fn nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, entry| !entry.is_null());
            map.values_mut().for_each(nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sim::kernel::resource::{ALL, DEPLOYMENT, SECRET, SERVICE, VIRTUAL_SERVICE};

    #[test]
    fn unknown_fields_go_and_known_ones_stay_as_they_were_written() {
        let written = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "annotations": {"a/b": "c"}},
            "spec": {"strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}}, "template": {"spec": {"containers":
                [{"name": "a", "resources": {"limits": {"cpu": "0.10"}}, "readinessProbe": {"httpGet": {"port": "http"}}}]}}}});
        let mut object = written.clone();
        assert!(conform(Features::default(), &DEPLOYMENT, &mut object).unwrap().is_empty());
        assert_eq!(object, written);
        object["spec"]["nope"] = json!(1);
        object["spec"]["template"]["spec"]["containers"][0]["nope"] = json!({"x": []});
        object["spec"]["paused"] = Value::Null;
        let unknown = conform(Features::default(), &DEPLOYMENT, &mut object).unwrap();
        let paths: Vec<&str> = unknown.iter().map(|unknown| unknown.path.as_str()).collect();
        assert_eq!(paths, ["spec.nope", "spec.template.spec.containers[0].nope"]);
        assert_eq!(unknown[1].applied, ".spec.template.spec.containers[name=\"a\"].nope");
        assert_eq!(object, written);
    }

    #[test]
    fn wrong_types_are_refused_in_the_words_of_each_way_to_write() {
        let told = |resource: &Resource, mut wrong: Value| {
            let refused = conform(Features::default(), resource, &mut wrong).unwrap_err().mismatch;
            (refused.decoded(), refused.converted(), refused.applied())
        };
        let (decoded, converted, applied) = told(&DEPLOYMENT, json!({"spec": {"replicas": "3"}}));
        assert_eq!(decoded, "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32");
        assert_eq!(converted, "unrecognized type: int32");
        assert_eq!(applied.unwrap(), ".spec.replicas: expected numeric (int or float), got string");
        let (decoded, ..) = told(&DEPLOYMENT, json!({"spec": {"template": {"spec": {"containers": [{"env": [{"name": 1}]}]}}}}));
        assert_eq!(
            decoded,
            "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.name of type string"
        );
        let (decoded, converted, _) = told(&DEPLOYMENT, json!({"spec": {"template": {"spec": {"containers": {}}}}}));
        assert_eq!(
            decoded,
            "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container"
        );
        assert_eq!(converted, "cannot restore slice from map");
        let (decoded, ..) = told(&DEPLOYMENT, json!({"spec": {"selector": {"matchLabels": {"a": 1}}}}));
        assert_eq!(decoded, "json: cannot unmarshal number into Go struct field LabelSelector.spec.selector.matchLabels of type string");
        let (decoded, ..) = told(&DEPLOYMENT, json!({"spec": {"replicas": 3.5}}));
        assert_eq!(decoded, "json: cannot unmarshal number 3.5 into Go struct field DeploymentSpec.spec.replicas of type int32");
        let (decoded, converted, applied) =
            told(&DEPLOYMENT, json!({"spec": {"template": {"spec": {"containers": [{"resources": {"limits": {"cpu": "x"}}}]}}}}));
        assert!(decoded.starts_with("quantities must match") && converted == decoded && applied.is_none(), "{decoded}");
        for (resource, wrong) in [
            (&SERVICE, json!({"spec": {"ports": [{"port": "http"}]}})),
            (&SERVICE, json!({"metadata": {"creationTimestamp": "yesterday"}})),
            (&SECRET, json!({"data": {"a": "%"}})),
            (&VIRTUAL_SERVICE, json!({"metadata": {"labels": ["a"]}})),
            (&SERVICE, json!([])),
        ] {
            assert!(conform(Features::default(), resource, &mut wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_built_in_kind_has_its_type() {
        for resource in ALL.iter().filter(|resource| !resource.custom) {
            let mut object = json!({"apiVersion": resource.api_version(), "kind": resource.kind, "metadata": {"nope": 1}});
            conform(Features::default(), resource, &mut object).unwrap();
            assert!(object["metadata"].get("nope").is_none(), "{}", resource.kind);
        }
    }
}
