//! What is wrong with a file: where, on which key, and what would be right.

use std::fmt;

use thiserror::Error;

use crate::domain::text::sanitize;

use super::tree::At;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub at: At,
    /// The key's path, `components[1].traffic`; empty for the whole file.
    pub path: String,
    /// What, and what would be right.
    pub message: String,
}

/// Why a release file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{file}: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        why: String,
    },
    /// It holds something else than releases.
    #[error("{}", lines(file, faults))]
    Faulty {
        /// The file.
        file: String,
        /// What is wrong with it, in order.
        faults: Vec<Fault>,
    },
}

fn lines(file: &str, faults: &[Fault]) -> String {
    faults.iter().map(|f| format!("{}:{f}", sanitize(file))).collect::<Vec<_>>().join("\n")
}

/// `12:5: components[1].trafic: unknown key; did you mean `traffic`?`
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.at.line, self.at.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", sanitize(&self.path))?;
        }
        f.write_str(&sanitize(&self.message))
    }
}

/// The known word nearest to what was written, when it is near enough to be meant.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = |s: &str| s.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<Vec<char>>();
    let from = folded(written);
    if from.len() > 64 {
        return None;
    }
    let scored = known.into_iter().map(|word| (distance(&from, &folded(word)), word));
    let (score, word) = scored.min_by_key(|(score, word)| (*score, *word))?;
    (score <= (word.len() / 3).max(1)).then_some(word)
}

/// Edit distance with swaps of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let at = |row: &[usize], i: usize| row.get(i).copied().unwrap_or(usize::MAX / 2);
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let mut best = (at(&last, j) + usize::from(ca != cb)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    at(&last, b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_the_meant_one() {
        let known = ["traffic", "stable", "candidate", "container", "name"];
        assert_eq!(nearest("trafic", known), Some("traffic"));
        assert_eq!(nearest("satble", known), Some("stable"));
        assert_eq!(nearest("CANDIDATE", known), Some("candidate"));
        assert_eq!(nearest("canidate", known), Some("candidate"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("blue_green", ["canary", "blueGreen", "rolling"]), Some("blueGreen"));
        assert_eq!(nearest("", known), None);
    }
}
