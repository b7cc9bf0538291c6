//! What can be done about a foreign write, and what each choice would do.

use crate::domain::command::{Command, Order};
use crate::domain::observed::Observed;
use crate::domain::rollout::Rollout;
use crate::domain::time::Now;

use super::drift;
use super::preview::{after, writes};

/// What somebody else changed, then what accepting it, setting ours again and rolling back would do. Empty where nothing
/// was changed.
pub fn choices(rollout: &Rollout, observed: &Observed, order: &Order, now: Now) -> Vec<String> {
    let found = drift::find(rollout, observed);
    if rollout.is_over() || rollout.is_back() || found.is_empty() {
        return Vec::new();
    }
    let then = |command: Command| {
        let order = Order { id: format!("{}-choice", order.id), command, mark: None, ..order.clone() };
        after(&rollout.release, Some(rollout), Some(observed), &order, now)
    };
    let mut lines: Vec<String> = found.iter().map(|d| d.told(now)).collect();
    lines.push(match then(Command::AcceptDrift) {
        Ok(next) => {
            format!("accept (A): the plan goes on from {} at step {} of {}, once resumed", next.asked, next.cursor + 1, next.plan.len())
        }
        Err(why) => format!("accept (A): not here: {why}"),
    });
    lines.push(match then(Command::Resume).map(|next| writes(&next, Some(observed))) {
        Ok(sent) if sent.is_empty() => "resume (p): nothing can be set again; it waits".to_owned(),
        Ok(sent) => {
            let changes: Vec<String> =
                sent.iter().flat_map(|(a, _)| a.changes()).filter(|c| c.before != "…").map(|c| c.to_string()).collect();
            format!("resume (p): sets ours again: {}", changes.join("; "))
        }
        Err(why) => format!("resume (p): not now: {why}"),
    });
    lines.push("roll back (Ctrl-R): the candidate's traffic and pods go".to_owned());
    lines
}
