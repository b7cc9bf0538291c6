//! Another room's state, kept and passed on unread.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Some state as JSON text: it stands as it is inside of whatever it is stored with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opaque(Arc<str>);

impl Opaque {
    /// The text of a state; `None` when it cannot be told in JSON.
    pub fn of(state: &impl Serialize) -> Option<Opaque> {
        Some(Opaque(serde_json::to_string(state).ok()?.into()))
    }

    /// The state, where the text tells one of this kind.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.0).ok()
    }
}

impl Serialize for Opaque {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(serde::ser::Error::custom)?.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Opaque {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Opaque, D::Error> {
        let raw = Box::<RawValue>::deserialize(from)?;
        Ok(Opaque(Box::<str>::from(raw).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Beside {
        kept: Option<Opaque>,
    }

    #[test]
    fn it_stands_as_an_object_in_what_it_is_stored_with_and_comes_back() {
        let before = Beside { kept: Opaque::of(&vec![(1, "a")]) };
        let text = serde_json::to_string(&before).unwrap();
        assert_eq!(text, r#"{"kept":[[1,"a"]]}"#);
        let whole: Beside = serde_json::from_str(&text).unwrap();
        let through_a_value: Beside = serde_json::from_value(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!((&whole, &through_a_value), (&before, &before));
        assert_eq!(whole.kept.as_ref().unwrap().read(), Some(vec![(1, "a".to_owned())]));
        assert_eq!(whole.kept.unwrap().read::<String>(), None);
    }
}
