//! Another room's state, kept and passed on unread.

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A text that is made when it is first wanted.
type Text = LazyLock<Box<str>, Box<dyn FnOnce() -> Box<str> + Send>>;

/// Some state as JSON text: it stands as it is inside of whatever it is stored with. The text is made where it is written or
/// read, not where a state is put aside.
#[derive(Clone)]
pub struct Opaque(Arc<Text>);

impl Opaque {
    /// A state, as it is now. What cannot be told in JSON is told as `null`.
    pub fn of(state: Arc<impl Serialize + Send + Sync + 'static>) -> Opaque {
        Opaque::later(move || serde_json::to_string(&*state).unwrap_or_else(|_| "null".to_owned()).into())
    }

    /// The state, where the text tells one of this kind.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.text()).ok()
    }

    fn later(text: impl FnOnce() -> Box<str> + Send + 'static) -> Opaque {
        Opaque(Arc::new(LazyLock::new(Box::new(text))))
    }

    fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Opaque").field(&self.text()).finish()
    }
}

impl PartialEq for Opaque {
    fn eq(&self, other: &Opaque) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.text() == other.text()
    }
}

impl Eq for Opaque {}

impl Serialize for Opaque {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.text().to_owned()).map_err(serde::ser::Error::custom)?.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Opaque {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Opaque, D::Error> {
        let raw = Box::<RawValue>::deserialize(from)?;
        let text: Box<str> = raw.into();
        Ok(Opaque::later(move || text))
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
        let before = Beside { kept: Some(Opaque::of(Arc::new(vec![(1, "a")]))) };
        let text = serde_json::to_string(&before).unwrap();
        assert_eq!(text, r#"{"kept":[[1,"a"]]}"#);
        let whole: Beside = serde_json::from_str(&text).unwrap();
        let through_a_value: Beside = serde_json::from_value(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!((&whole, &through_a_value), (&before, &before));
        assert_eq!(whole.kept.as_ref().unwrap().read(), Some(vec![(1, "a".to_owned())]));
        assert_eq!(whole.kept.unwrap().read::<String>(), None);
    }
}
