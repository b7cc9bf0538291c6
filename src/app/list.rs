//! A list with a cursor that stays on its object, and a filter that survives every refresh.

use super::field::Field;

/// A list's state. Rows are indexes into whatever it lists; the selection is the row's identity.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// What is typed behind `/`.
    pub filter: Field,
    /// Indexes of the rows that the filter lets through, in order.
    pub rows: Vec<usize>,
    /// How many rows there are without the filter.
    pub total: usize,
    /// Identity of the selected row.
    pub selected: Option<String>,
    /// Place of the selected row among [`List::rows`].
    pub at: usize,
}

impl List {
    /// Takes a new set of rows: `keep` says the identity and the searched text of each. The cursor stays on its object;
    /// when that is gone, on the row that took its place.
    pub fn refresh<'a, T: 'a>(
        &mut self,
        items: impl Iterator<Item = (usize, &'a T)>,
        id: impl Fn(&T) -> &str,
        text: impl Fn(&T) -> String,
    ) {
        let pattern = Pattern::new(self.filter.text());
        self.rows.clear();
        self.total = 0;
        let mut found = None;
        for (index, item) in items {
            self.total += 1;
            if !pattern.is_empty() && !pattern.matches(&text(item)) {
                continue;
            }
            if self.selected.as_deref() == Some(id(item)) {
                found = Some(self.rows.len());
            }
            self.rows.push(index);
        }
        match found {
            Some(at) => self.at = at,
            None => {
                self.at = self.at.min(self.rows.len().saturating_sub(1));
                self.selected = None;
            }
        }
    }

    /// Moves the cursor; the caller then tells the identity of the row it is on, by [`List::select`].
    pub fn step(&mut self, by: isize) {
        let last = self.rows.len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
    }

    /// The index of the row under the cursor.
    pub fn current(&self) -> Option<usize> {
        self.rows.get(self.at).copied()
    }

    /// Ties the cursor to an object. At the top of a list that nobody moves in (`used` says whether somebody may) it is
    /// tied to none: what comes in above it must not push the top out of sight.
    pub fn tie(&mut self, id: Option<String>, used: bool) {
        self.selected = id.filter(|_| used || self.at > 0);
    }

    /// Ties the cursor to an object, wherever it is.
    pub fn select(&mut self, id: Option<String>) {
        self.selected = id;
    }
}

/// What is typed behind `/`: a text, or `!text` for rows that do not hold it. Case does not matter.
#[derive(Clone, Debug, Default)]
pub struct Pattern {
    text: String,
    negative: bool,
}

impl Pattern {
    /// Reads a filter.
    pub fn new(text: &str) -> Pattern {
        let (negative, text) = match text.trim().strip_prefix('!') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, text.trim()),
        };
        Pattern { text: text.to_lowercase(), negative }
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether a row's text passes.
    pub fn matches(&self, text: &str) -> bool {
        self.is_empty() || (text.to_lowercase().contains(&self.text) != self.negative)
    }
}

/// How well a typed text fits a name: every character in order. Smaller is better; `None` does not fit.
pub fn fuzzy(typed: &str, name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    let typed = typed.to_lowercase();
    if let Some(at) = name.find(&typed) {
        return Some(at);
    }
    let mut rest = name.char_indices();
    let mut last = 0;
    let mut gaps = 100;
    for c in typed.chars().filter(|c| !c.is_whitespace()) {
        let (at, _) = rest.find(|(_, n)| *n == c)?;
        gaps += at - last;
        last = at;
    }
    Some(gaps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refresh(list: &mut List, names: &[&str]) {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        list.refresh(names.iter().enumerate(), |n| n.as_str(), |n| n.clone());
        let id = list.current().and_then(|i| names.get(i).cloned());
        list.select(id);
    }

    #[test]
    fn the_cursor_follows_its_object() {
        let mut list = List::default();
        refresh(&mut list, &["a", "b", "c"]);
        list.step(1);
        list.select(Some("b".to_owned()));
        refresh(&mut list, &["c", "x", "y", "b"]);
        assert_eq!((list.at, list.selected.as_deref()), (3, Some("b")));
        refresh(&mut list, &["c", "x"]);
        assert_eq!((list.at, list.selected.as_deref()), (1, Some("x")), "the row that took its place");
        refresh(&mut list, &[]);
        assert_eq!((list.current(), list.selected.as_deref()), (None, None));
    }

    #[test]
    fn the_top_of_a_list_that_nobody_uses_stays_in_sight() {
        let mut list = List::default();
        let rows = |list: &mut List, names: &[&str], used| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            list.refresh(names.iter().enumerate(), |n| n.as_str(), |n| n.clone());
            list.tie(list.current().and_then(|i| names.get(i).cloned()), used);
        };
        rows(&mut list, &["old"], false);
        rows(&mut list, &["new", "old"], false);
        assert_eq!(list.at, 0);
        rows(&mut list, &["new", "old"], true);
        rows(&mut list, &["newest", "new", "old"], true);
        assert_eq!(list.at, 1, "in use it is tied to its object");
    }

    #[test]
    fn a_filter_narrows_and_can_be_turned_round() {
        let mut list = List { filter: Field::new("WEB"), ..List::default() };
        refresh(&mut list, &["web-1", "api-1", "web-2"]);
        assert_eq!((list.rows.as_slice(), list.total), ([0, 2].as_slice(), 3));
        list.filter = Field::new("! web");
        refresh(&mut list, &["web-1", "api-1", "web-2"]);
        assert_eq!(list.rows, [1]);
    }

    #[test]
    fn names_are_found_by_their_letters() {
        assert!(fuzzy("rb", "roll-back").is_some());
        assert!(fuzzy("back", "roll-back") < fuzzy("bk", "roll-back"));
        assert_eq!(fuzzy("xyz", "roll-back"), None);
    }
}
