//! A list's body taken apart while it arrives: of ten thousand objects no more than one is ever held as text.

/// Finds the items of a list in its bytes, however they are cut into chunks. Everything else is kept as the envelope: the
/// same list without items.
#[derive(Debug, Default)]
pub(super) struct Items {
    envelope: Vec<u8>,
    item: Vec<u8>,
    /// The last string at the top level: a key, where a colon follows.
    key: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Between `"items":[` and its bracket.
    inside: bool,
}

/// Depth of a list's fields, and of its items.
const FIELDS: usize = 1;
const ITEMS: usize = 2;

impl Items {
    /// Takes the next bytes; `each` is given every item that is whole now.
    pub fn push<E>(&mut self, chunk: &[u8], mut each: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        for byte in chunk {
            if self.in_string {
                self.text(*byte);
            } else if self.syntax(*byte) {
                each(&self.item)?;
                self.item.clear();
            }
        }
        Ok(())
    }

    /// The list without its items. Text that was cut off is in it, so that it cannot be read as a whole list.
    pub fn envelope(mut self) -> Vec<u8> {
        self.envelope.append(&mut self.item);
        self.envelope
    }

    /// Bytes that are held now.
    pub fn held(&self) -> usize {
        self.envelope.len() + self.item.len()
    }

    fn keep(&mut self, byte: u8) {
        if self.inside { self.item.push(byte) } else { self.envelope.push(byte) }
    }

    /// A byte of a string, its closing quote included.
    fn text(&mut self, byte: u8) {
        self.keep(byte);
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_string = false,
            _ => {}
        }
        if self.in_string && self.depth == FIELDS {
            self.key.push(byte);
        }
    }

    /// A byte outside of strings; answers whether it ends an item.
    fn syntax(&mut self, byte: u8) -> bool {
        match byte {
            b'"' => {
                self.in_string = true;
                self.key.clear();
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.inside && self.depth < ITEMS {
            self.inside = false;
            self.envelope.push(byte);
            return !self.item.is_empty();
        }
        if self.inside && self.depth == ITEMS && (byte == b',' || byte.is_ascii_whitespace()) {
            return byte == b',' && !self.item.is_empty();
        }
        self.keep(byte);
        if byte == b'[' && self.depth == ITEMS && self.key == b"items" {
            self.inside = true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Items and envelope of a text that arrives in chunks of so many bytes.
    fn apart(text: &str, size: usize) -> (Vec<String>, String) {
        let (mut items, mut found) = (Items::default(), vec![]);
        for chunk in text.as_bytes().chunks(size) {
            let done: Result<(), ()> = items.push(chunk, |item| {
                found.push(String::from_utf8(item.to_vec()).unwrap());
                Ok(())
            });
            done.unwrap();
        }
        (found, String::from_utf8(items.envelope()).unwrap())
    }

    #[test]
    fn brackets_in_strings_and_other_fields_are_no_items() {
        let text =
            r#"{"metadata":{"items":[1],"continue":"a\"],["}, "items" : [ {"a":"}]\\"} ,{"items":[{}]}, {} ],"kind":"items","other":[7]}"#;
        for size in [1, 2, 3, 1000] {
            let (items, envelope) = apart(text, size);
            assert_eq!(items, [r#"{"a":"}]\\"}"#, r#"{"items":[{}]}"#, "{}"]);
            let envelope: Value = serde_json::from_str(&envelope).unwrap();
            assert_eq!(envelope, json!({"metadata": {"items": [1], "continue": "a\"],["}, "items": [], "kind": "items", "other": [7]}));
        }
    }

    #[test]
    fn a_list_that_is_cut_off_is_no_list() {
        for text in [r#"{"items":[{"a":1"#, r#"{"items":[{"a":1}"#, r#"{"items":["#, "", "<html>"] {
            assert!(serde_json::from_str::<Value>(&apart(text, 4).1).is_err(), "{text}");
        }
        assert_eq!(apart(r#"{"items":null}"#, 4), (vec![], r#"{"items":null}"#.to_owned()));
    }

    proptest! {
        /// However it is cut, what comes out is what a parser of the whole finds.
        #[test]
        fn chunks_do_not_matter(values in prop::collection::vec(".{0,12}", 0..6), size in 1_usize..40, pretty: bool) {
            let items: Vec<Value> = values.iter().map(|v| json!({"metadata": {"name": v}, v: [v, {"items": [v]}]})).collect();
            let list = json!({"kind": "PodList", "metadata": {"continue": values.first()}, "items": items});
            let text = if pretty { serde_json::to_string_pretty(&list).unwrap() } else { list.to_string() };
            let (found, envelope) = apart(&text, size);
            let found: Vec<Value> = found.iter().map(|i| serde_json::from_str(i).unwrap()).collect();
            prop_assert_eq!(found, items);
            let envelope: Value = serde_json::from_str(&envelope).unwrap();
            prop_assert_eq!(&envelope["metadata"], &list["metadata"]);
        }
    }
}
