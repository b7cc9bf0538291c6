//! The arithmetic of rolling: which ReplicaSet gets which size next. Pure.

use super::spec::{Set, Sets, Wishes};

/// A ReplicaSet's name and its next size.
pub type Resize = (String, i64);

/// The size that the new ReplicaSet may have now: as much as surge allows, never more than wanted.
pub fn new_size(wishes: &Wishes, current: i64, all: i64) -> i64 {
    if !wishes.rolling {
        return wishes.replicas;
    }
    let room = wishes.ceiling() - all;
    if room <= 0 { current } else { current + room.min(wishes.replicas - current) }
}

/// The first half of a rolling step: the new ReplicaSet up (or down, if it is too large).
pub fn grow(wishes: &Wishes, sets: &Sets) -> Option<Resize> {
    let new = sets.new.as_ref()?;
    let size = if new.size > wishes.replicas { wishes.replicas } else { new_size(wishes, new.size, sets.sum(|set| set.size)) };
    (size != new.size).then(|| (new.name.clone(), size))
}

/// The second half: old ReplicaSets down, first those of their pods that do not work, then as many as availability
/// allows.
pub fn shrink(wishes: &Wishes, sets: &Sets) -> Vec<Resize> {
    let mut old: Vec<Set> = sets.old.iter().filter(|set| set.size > 0).cloned().collect();
    let floor = wishes.replicas - wishes.unavailable;
    let missing = sets.new.as_ref().map_or(0, |new| new.size - new.available);
    let mut spare = sets.sum(|set| set.size) - floor - missing;
    if old.is_empty() || spare <= 0 {
        return Vec::new();
    }
    let before: Vec<i64> = old.iter().map(|set| set.size).collect();
    old.sort_by(|a, b| a.age().cmp(&b.age()));
    for set in &mut old {
        let broken = (set.size - set.available).clamp(0, spare.max(0));
        set.size -= broken;
        spare -= broken;
    }
    let available = sets.new.as_ref().map_or(0, |new| new.available) + old.iter().map(|set| set.available).sum::<i64>();
    let mut healthy = (available - floor).max(0);
    for set in &mut old {
        let down = set.size.min(healthy);
        set.size -= down;
        healthy -= down;
    }
    let resized = old.into_iter().zip(before).filter(|(set, before)| set.size != *before);
    resized.map(|(set, _)| (set.name, set.size)).collect()
}

/// A Deployment that is scaled while it rolls or rests: every active ReplicaSet in proportion. `force` is true when the
/// annotations have to be written even where the size stays.
pub fn rescale(wishes: &Wishes, sets: &Sets, status_replicas: i64) -> (Vec<Resize>, bool) {
    let active: Vec<&Set> = sets.active().collect();
    let only = match active.as_slice() {
        [] => sets.new.as_ref().or(sets.old.last()),
        [one] => Some(*one),
        _ => None,
    };
    if let Some(only) = only {
        let resize = (only.size != wishes.replicas).then(|| (only.name.clone(), wishes.replicas));
        return (resize.into_iter().collect(), false);
    }
    if sets.new.as_ref().is_some_and(|new| is_saturated(wishes, new)) {
        let old = sets.old.iter().filter(|set| set.size > 0);
        return (old.map(|set| (set.name.clone(), 0)).collect(), false);
    }
    if !wishes.rolling || active.is_empty() {
        return (Vec::new(), false);
    }
    (in_proportion(wishes, active, status_replicas), true)
}

fn is_saturated(wishes: &Wishes, new: &Set) -> bool {
    new.size == wishes.replicas && new.desired == Some(wishes.replicas) && new.available == wishes.replicas
}

fn in_proportion(wishes: &Wishes, mut active: Vec<&Set>, status_replicas: i64) -> Vec<Resize> {
    let allowed = if wishes.replicas > 0 { wishes.ceiling() } else { 0 };
    let to_add = allowed - active.iter().map(|set| set.size).sum::<i64>();
    // The largest first; among equals the newer when growing, the older when shrinking.
    active.sort_by(|a, b| {
        let by_age = if to_add > 0 { b.age().cmp(&a.age()) } else { a.age().cmp(&b.age()) };
        b.size.cmp(&a.size).then(by_age)
    });
    let mut added = 0;
    let mut sizes: Vec<Resize> = Vec::new();
    for set in active {
        let left = to_add - added;
        let wanted = fraction(wishes, set, status_replicas);
        let part = match to_add {
            _ if left == 0 => 0,
            up if up > 0 => wanted.min(left),
            _ => wanted.max(left),
        };
        added += part;
        sizes.push((set.name.clone(), set.size + part));
    }
    if let Some((_, largest)) = sizes.first_mut() {
        *largest = (*largest + to_add - added).max(0);
    }
    sizes
}

/// By how much a ReplicaSet's size changes when the Deployment's does.
fn fraction(wishes: &Wishes, set: &Set, status_replicas: i64) -> i64 {
    if wishes.replicas == 0 {
        return -set.size;
    }
    let before = set.ceiling.unwrap_or(status_replicas);
    if before == 0 {
        return 0;
    }
    let exact = (set.size * wishes.ceiling()) as f64 / before as f64;
    exact.round() as i64 - set.size
}

/// The old ReplicaSets that history has no room for: the lowest revisions that have no pods left.
pub fn beyond_history(wishes: &Wishes, sets: &Sets) -> Vec<String> {
    let Some(keep) = wishes.history else { return Vec::new() };
    let mut old: Vec<&Set> = sets.old.iter().filter(|set| !set.deleting).collect();
    let excess = usize::try_from(old.len() as i64 - keep).unwrap_or(0);
    old.sort_by(|a, b| a.revision.cmp(&b.revision).then(a.age().cmp(&b.age())));
    let excess = old.into_iter().take(excess);
    excess.filter(|set| set.size == 0 && set.actual == 0 && set.observed).map(|set| set.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(replicas: i64, surge: i64, unavailable: i64) -> Wishes {
        Wishes { replicas, rolling: true, surge, unavailable, paused: false, deadline: None, history: Some(2), min_ready: 0 }
    }

    fn set(name: &str, size: i64, available: i64) -> Set {
        let created = format!("2026-01-01T00:00:0{}Z", name.len());
        Set { name: name.into(), created, size, actual: size, ready: available, available, observed: true, ..Set::default() }
    }

    fn sets(new: Option<Set>, old: &[Set]) -> Sets {
        Sets { new, old: old.to_vec() }
    }

    #[test]
    fn growing_stops_at_surge_and_at_the_wish() {
        let w = wishes(10, 3, 2);
        assert_eq!(grow(&w, &sets(Some(set("n", 0, 0)), &[set("o", 10, 10)])), Some(("n".into(), 3)));
        assert_eq!(grow(&w, &sets(Some(set("n", 3, 0)), &[set("o", 8, 8)])), Some(("n".into(), 5)));
        assert_eq!(grow(&w, &sets(Some(set("n", 5, 0)), &[set("o", 8, 8)])), None);
        assert_eq!(grow(&w, &sets(Some(set("n", 9, 0)), &[set("o", 1, 1)])), Some(("n".into(), 10)));
        assert_eq!(grow(&w, &sets(Some(set("n", 12, 9)), &[])), Some(("n".into(), 10)));
    }

    #[test]
    fn shrinking_never_goes_below_what_must_be_available() {
        let w = wishes(10, 3, 2);
        assert_eq!(shrink(&w, &sets(Some(set("n", 3, 0)), &[set("o", 10, 10)])), [("o".into(), 8)]);
        assert!(shrink(&w, &sets(Some(set("n", 5, 0)), &[set("o", 8, 8)])).is_empty());
        // Five crash-looping new pods: a broken old pod must not let more old ones go.
        assert!(shrink(&w, &sets(Some(set("n", 5, 0)), &[set("o", 8, 7)])).is_empty());
        // Rolled back: the broken pods go first.
        assert_eq!(shrink(&w, &sets(Some(set("n", 8, 7)), &[set("bad", 5, 0)])), [("bad".into(), 1)]);
        // A third template: both old sets may shrink at once.
        assert_eq!(shrink(&w, &sets(Some(set("n", 0, 0)), &[set("o", 8, 8), set("bad", 5, 0)])), [("bad".into(), 0)]);
    }

    #[test]
    fn one_pod_rolls_over_by_surge_alone() {
        let w = wishes(1, 1, 0);
        assert_eq!(grow(&w, &sets(Some(set("n", 0, 0)), &[set("o", 1, 1)])), Some(("n".into(), 1)));
        assert!(shrink(&w, &sets(Some(set("n", 1, 0)), &[set("o", 1, 1)])).is_empty());
        assert_eq!(shrink(&w, &sets(Some(set("n", 1, 1)), &[set("o", 1, 1)])), [("o".into(), 0)]);
    }

    #[test]
    fn scaling_in_the_middle_of_a_roll_is_proportional() {
        // Kubernetes' documentation: 10 -> 15 with 8 old and 5 new, surge 3 becomes 4 at 25 %.
        let w = wishes(15, 3, 2);
        let with = |name: &str, size| Set { ceiling: Some(13), ..set(name, size, size) };
        let (sizes, force) = rescale(&w, &sets(Some(with("nn", 5)), &[with("o", 8)]), 13);
        assert_eq!((sizes, force), (vec![("o".into(), 11), ("nn".into(), 7)], true));
        let zero = wishes(0, 0, 1);
        let (sizes, _) = rescale(&zero, &sets(Some(with("nn", 5)), &[with("o", 8)]), 13);
        assert_eq!(sizes, [("o".into(), 0), ("nn".into(), 0)]);
    }

    #[test]
    fn scaling_at_rest_resizes_the_one_active_set_or_the_newest() {
        let w = wishes(4, 1, 0);
        assert_eq!(rescale(&w, &sets(Some(set("n", 3, 3)), &[set("o", 0, 0)]), 3), (vec![("n".into(), 4)], false));
        assert_eq!(rescale(&w, &sets(None, &[set("o", 0, 0)]), 0), (vec![("o".into(), 4)], false));
        let full = Set { desired: Some(4), ..set("n", 4, 4) };
        assert_eq!(rescale(&w, &sets(Some(full), &[set("o", 2, 2)]), 6), (vec![("o".into(), 0)], false));
    }

    #[test]
    fn history_drops_the_lowest_revisions_that_are_empty() {
        let w = wishes(1, 1, 0);
        let revision = |name: &str, revision, size| Set { revision, ..set(name, size, size) };
        let old = [revision("a", 4, 0), revision("b", 1, 0), revision("c", 2, 1), revision("d", 3, 0)];
        assert_eq!(beyond_history(&w, &sets(None, &old)), ["b"]);
        assert!(beyond_history(&Wishes { history: None, ..w }, &sets(None, &old)).is_empty());
    }
}
