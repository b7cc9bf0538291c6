//! The release view below the header: the plan, the components, and as many panes as the terminal has room for.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::available::is_alone;
use crate::app::model::ReleaseKey;
use crate::app::pane::Pane;
use crate::theme::Role;

use super::{Cx, components, line, panes, take_top, timeline};

/// From this width on panes stand side by side.
const WIDE: u16 = 120;
/// A pane with fewer lines than this, its title included, says nothing.
const LOWEST: u16 = 3;

/// Draws a release.
pub(super) fn draw(cx: &Cx<'_>, key: &ReleaseKey, area: Rect, buf: &mut Buffer) {
    let Some(view) = cx.model.view_of(key) else {
        cx.row(Role::Dim, format!(" {} has not been read yet", key.name)).draw(buf, line(area, 1));
        return;
    };
    let mut rest = area;
    timeline::draw(cx, view, take_top(&mut rest, 1), buf);
    let wanted = components::height(view, area.height);
    components::draw(cx, view, take_top(&mut rest, wanted), buf);
    for (pane, area) in place(cx.model.focus, cx.model.zoom, rest) {
        panes::draw(cx, view, pane, area, buf);
    }
}

/// Which panes are shown, and where. The one with the focus always is.
fn place(focus: Pane, zoom: bool, area: Rect) -> Vec<(Pane, Rect)> {
    if zoom || is_alone(focus) || area.height < 10 {
        return vec![(focus, area)];
    }
    if area.width >= WIDE {
        let left = Rect { width: area.width * 11 / 20, ..area };
        let right = Rect { x: left.right() + 1, width: area.width - left.width - 1, ..area };
        let (mut ours, mut theirs) = (vec![Pane::Metrics, Pane::Traffic, Pane::Journal], vec![Pane::Pods, Pane::Hpas, Pane::Events]);
        match focus {
            Pane::Timeline => swap(&mut ours, Pane::Traffic, focus),
            other if !ours.contains(&other) && !theirs.contains(&other) => swap(&mut theirs, Pane::Events, other),
            _ => {}
        }
        let mut all = stack(&ours, focus, left);
        all.extend(stack(&theirs, focus, right));
        return all;
    }
    let mut panes = vec![Pane::Metrics, Pane::Pods, Pane::Events];
    if !panes.contains(&focus) {
        panes = vec![focus, Pane::Metrics];
    }
    stack(&panes, focus, area)
}

fn swap(panes: &mut [Pane], old: Pane, new: Pane) {
    panes.iter_mut().filter(|p| **p == old).for_each(|p| *p = new);
}

/// Panes above each other. The one with the focus gets half when the others would crowd it.
fn stack(panes: &[Pane], focus: Pane, area: Rect) -> Vec<(Pane, Rect)> {
    let mut shown = panes.to_vec();
    while shown.len() > 1 && area.height < LOWEST * u16::try_from(shown.len()).unwrap_or(u16::MAX) {
        // The last one that has not the focus goes.
        let Some(at) = shown.iter().rposition(|p| *p != focus) else { break };
        shown.remove(at);
    }
    let mut heights: Vec<u16> = shown.iter().map(|p| panes::weight(*p, *p == focus)).collect();
    let total: u16 = heights.iter().sum::<u16>().max(1);
    let spare = area.height.saturating_sub(LOWEST * u16::try_from(shown.len()).unwrap_or(0));
    heights.iter_mut().for_each(|h| *h = LOWEST + spare * *h / total);
    let mut rest = area;
    let last = shown.len().saturating_sub(1);
    shown
        .into_iter()
        .zip(heights)
        .enumerate()
        .map(|(i, (pane, height))| (pane, if i == last { rest } else { take_top(&mut rest, height) }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pane_is_reachable_and_none_overlaps() {
        for focus in Pane::ALL {
            for (width, height) in [(60, 8), (80, 14), (120, 28), (200, 48), (40, 1), (80, 0)] {
                let area = Rect::new(0, 5, width, height);
                let placed = place(focus, false, area);
                assert!(placed.iter().any(|(p, _)| *p == focus), "{focus:?} at {width}x{height}");
                for (i, (a, one)) in placed.iter().enumerate() {
                    assert_eq!(area.union(*one), area, "{a:?} lies outside");
                    for (b, other) in &placed[i + 1..] {
                        assert!(one.intersection(*other).is_empty(), "{a:?} and {b:?} overlap at {width}x{height}");
                    }
                }
            }
        }
    }
}
