//! What a Lease calls its holder: a person's process, `ada@bastion1#4711`, or one that nobody sits at,
//! `ada@bastion1#4711 (background)`.

/// What the name of a driver without a console ends in.
const BACKGROUND: &str = " (background)";

/// The name of a process that drives in the background.
pub fn in_background(holder: &str) -> String {
    format!("{holder}{BACKGROUND}")
}

/// Whether nobody sits at it.
pub fn is_in_background(holder: &str) -> bool {
    holder.ends_with(BACKGROUND)
}

/// A holder without its process: `ada@bastion1#4711` is `ada@bastion1`.
pub fn person(holder: &str) -> &str {
    holder.split('#').next().unwrap_or(holder)
}

/// As people read it: the person, and of one in the background the process too, for that is what can be stopped.
pub fn shown(holder: &str) -> &str {
    if is_in_background(holder) { holder } else { person(holder) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_named_where_it_can_be_stopped() {
        let console = "ada@bastion1#4711";
        let background = in_background("ada@bastion1#4712");
        assert_eq!((person(console), person(&background)), ("ada@bastion1", "ada@bastion1"));
        assert_eq!((shown(console), shown(&background)), ("ada@bastion1", "ada@bastion1#4712 (background)"));
        assert!(is_in_background(&background) && !is_in_background(console));
    }
}
