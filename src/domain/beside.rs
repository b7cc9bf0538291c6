//! What sends to a candidate past the weights of its route: an object of its own that somebody made for testers.

use serde::{Deserialize, Serialize};

use super::mutant::{Mutant, mutant};
use super::text::SafeText;

/// What other objects of the route's kind do, in the namespace of the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Beside {
    /// Those that send to the candidate: `HTTPRoute web-testers (header x-canary: always)`. Mostly none.
    Sends(Vec<SafeText>),
    /// They could not be read, or were not asked for: one of them may.
    Unread(SafeText),
    /// They may not be listed, and nobody will ever know.
    Forbidden(SafeText),
}

impl Default for Beside {
    fn default() -> Self {
        Beside::Sends(Vec::new())
    }
}

impl Beside {
    /// As a look leaves it for which a rollback waits: nothing is decided by it before the next one.
    pub fn not_asked() -> Beside {
        Beside::Unread(SafeText::from("other routes were not read"))
    }

    /// Those that are known to send to the candidate.
    pub fn senders(&self) -> &[SafeText] {
        match self {
            Beside::Sends(all) if !mutant(Mutant::NeighboursUnseen) => all,
            _ => &[],
        }
    }

    /// Why it is not known for now, if it is not.
    pub fn unread(&self) -> Option<String> {
        match self {
            Beside::Unread(why) if !mutant(Mutant::NeighboursUnseen) => Some(format!("{why}: one of them may send to the candidate")),
            _ => None,
        }
    }

    /// What is said of it wherever the weights are.
    pub fn notes(&self) -> Vec<SafeText> {
        match self {
            Beside::Sends(all) => all.iter().map(|sender| SafeText::from(format!("{sender} also sends to the candidate"))).collect(),
            Beside::Unread(_) => self.unread().into_iter().map(SafeText::from).collect(),
            Beside::Forbidden(why) => vec![SafeText::from(format!("whether another one sends to the candidate is not known: {why}"))],
        }
    }
}
