//! Other people's hands on the objects, as data.

use cutover::domain::release::Track;

/// What somebody does.
#[derive(Clone, Debug, PartialEq)]
pub enum Hand {
    /// `weighs 40`: gives the candidate a share, in percent.
    Weighs(u32),
    /// `touches route`: writes something that decides nothing.
    TouchesRoute,
    /// `drops route`, `makes route`.
    DropsRoute,
    MakesRoute,
    /// `makes neighbour`, `drops neighbour`: another object of the route's kind that sends testers to the candidate.
    Neighbours(bool),
    /// `touches SIDE`.
    Touches(Track),
    /// `scales SIDE N`.
    Scales(Track, u32),
    /// `sets SIDE TAG`: another image.
    Sets(Track, String),
    /// `pauses SIDE`, `unpauses SIDE`.
    Pauses(Track, bool),
    /// `drops SIDE`.
    Drops(Track),
    /// `bounds SIDE MIN MAX`: an autoscaler.
    Bounds(Track, u32, u32),
    /// `forgets SIDE N`: deletes what keeps a revision.
    Forgets(Track, u64),
    /// `drops record`, `damages record`.
    DropsRecord,
    DamagesRecord,
    /// `drops lease`.
    DropsLease,
    /// `drops namespace`: everything in it goes, and nothing can be made there.
    DropsNamespace,
    /// `switches on`, `switches off`: the Application's auto-sync.
    Switches(bool),
}

impl Hand {
    /// Reads the words after `somebody`.
    ///
    /// # Panics
    /// When they mean nothing.
    pub fn read(words: &[&str]) -> Hand {
        let number = |text: &str| text.parse::<u32>().unwrap_or_else(|e| panic!("{words:?}: {e}"));
        match words {
            ["weighs", n] => Hand::Weighs(number(n)),
            ["touches", "route"] => Hand::TouchesRoute,
            ["drops", "route"] => Hand::DropsRoute,
            ["makes", "route"] => Hand::MakesRoute,
            ["makes", "neighbour"] => Hand::Neighbours(true),
            ["drops", "neighbour"] => Hand::Neighbours(false),
            ["drops", "record"] => Hand::DropsRecord,
            ["damages", "record"] => Hand::DamagesRecord,
            ["drops", "lease"] => Hand::DropsLease,
            ["drops", "namespace"] => Hand::DropsNamespace,
            ["switches", "on"] => Hand::Switches(true),
            ["switches", "off"] => Hand::Switches(false),
            ["touches", on] => Hand::Touches(side(on)),
            ["scales", on, n] => Hand::Scales(side(on), number(n)),
            ["sets", on, tag] => Hand::Sets(side(on), image(tag)),
            ["pauses", on] => Hand::Pauses(side(on), true),
            ["unpauses", on] => Hand::Pauses(side(on), false),
            ["drops", on] => Hand::Drops(side(on)),
            ["bounds", on, min, max] => Hand::Bounds(side(on), number(min), number(max)),
            ["forgets", on, n] => Hand::Forgets(side(on), u64::from(number(n))),
            _ => panic!("nobody can do {words:?}"),
        }
    }
}

/// The side a word names.
///
/// # Panics
/// When it names none.
pub fn side(word: &str) -> Track {
    match word {
        "stable" => Track::Stable,
        "candidate" => Track::Candidate,
        _ => panic!("{word} is no side"),
    }
}

/// The image with a tag.
pub fn image(tag: &str) -> String {
    format!("shop/app:{tag}")
}
