//! One entry of `steps`: a word or a map.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::scalars::{Percent, Span};

/// `approve`, `approve: LABEL` or `weight: 25, hold: 10m`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StageFile {
    /// Wait for a person, with what is approved.
    Approve(Option<String>),
    /// Ask for a weight, then hold it.
    Weight {
        /// The share.
        weight: Percent,
        /// How long every gate must pass at it. Default: not at all.
        hold: Option<Span>,
    },
}

const KEYS: &[&str] = &["weight", "hold", "approve"];
const WHAT: &str = "`approve`, {approve: LABEL} or {weight: 25, hold: 10m}";

struct Stage;

impl<'de> Visitor<'de> for Stage {
    type Value = StageFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(WHAT)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<StageFile, E> {
        if word == "approve" { Ok(StageFile::Approve(None)) } else { Err(E::custom(format!("`{word}` is not a step; write {WHAT}"))) }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<StageFile, A::Error> {
        let (mut weight, mut hold, mut approve) = (None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "weight" => weight = Some(map.next_value()?),
                "hold" => hold = Some(map.next_value()?),
                "approve" => approve = Some(map.next_value::<Option<String>>()?),
                other => return Err(A::Error::unknown_field(other, KEYS)),
            }
        }
        match (weight, hold, approve) {
            (Some(weight), hold, None) => Ok(StageFile::Weight { weight, hold }),
            (None, None, Some(label)) => Ok(StageFile::Approve(label)),
            (Some(_), _, Some(_)) => Err(A::Error::custom("a step cannot be both a weight and an approval; write two steps")),
            (None, Some(_), _) => Err(A::Error::custom("a hold belongs to a weight; write {weight: 25, hold: 10m}")),
            (None, None, None) => Err(A::Error::custom(format!("an empty step; write {WHAT}"))),
        }
    }
}

impl<'de> Deserialize<'de> for StageFile {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<StageFile, D::Error> {
        d.deserialize_any(Stage)
    }
}

impl Serialize for StageFile {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            StageFile::Approve(None) => s.serialize_str("approve"),
            StageFile::Approve(Some(label)) => {
                let mut map = s.serialize_map(Some(1))?;
                map.serialize_entry("approve", label)?;
                map.end()
            }
            StageFile::Weight { weight, hold } => {
                let mut map = s.serialize_map(None)?;
                map.serialize_entry("weight", weight)?;
                if let Some(hold) = hold {
                    map.serialize_entry("hold", hold)?;
                }
                map.end()
            }
        }
    }
}

impl JsonSchema for StageFile {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(g: &mut SchemaGenerator) -> Schema {
        let weight = g.subschema_for::<Percent>();
        let hold = g.subschema_for::<Span>();
        json_schema!({
            "description": "Wait for an approval, or ask for a weight and hold it",
            "oneOf": [
                {"const": "approve"},
                {
                    "type": "object",
                    "properties": {"approve": {"type": ["string", "null"], "description": "What is approved"}},
                    "required": ["approve"],
                    "additionalProperties": false
                },
                {
                    "type": "object",
                    "properties": {"weight": weight, "hold": hold},
                    "required": ["weight"],
                    "additionalProperties": false
                }
            ]
        })
    }
}
