//! What holds for every picture.

use cutover::app::pane::Pane;
use proptest::prelude::*;

use super::states::{STATES, rolled_back};
use super::{Kind, draw, look, text};
use crate::fixture::{Console, holding};

#[test]
fn at_80x24_everything_that_must_be_seen_is_seen_whatever_pane_has_the_focus() {
    for pane in Pane::ALL {
        for zoom in ["", "z"] {
            let mut c = Console::of(holding(&["backend", "frontend"]), 80, 24);
            c.press(&pane.digit().to_string());
            if !zoom.is_empty() {
                c.press(zoom);
            }
            let shown = text(&draw(&c.model, &look(Kind::Dark), 80, 24)).join("\n");
            for wanted in [
                "prod-eu ▸ fusion-ecommerce ▸ storefront",
                "v2.3.1 a41f",
                "v2.4.0 9c02",
                "25/25/24.6 %",
                "0.31 % of 41k",
                "0.34 % of 13k",
                "212 → 221 ms",
                "healthy",
                "driver you (ada@bastion1)",
                "data live",
                "hold 4:10/10:00",
                "✔ rev 7 ready",
                "^R ROLL BACK 25→0 %",
                "14:02Z",
            ] {
                assert!(shown.contains(wanted), "{pane:?} {zoom}: no `{wanted}` in\n{shown}");
            }
        }
    }
}

#[test]
fn header_and_way_back_stay_in_sight_under_everything() {
    for (name, state) in STATES.iter().filter(|(name, _)| !matches!(*name, "connecting" | "empty")) {
        for (width, height) in [(80, 24), (60, 16), (120, 40)] {
            let c = state(width, height);
            let shown = text(&draw(&c.model, &look(Kind::Dark), width, height));
            assert!(shown[0].contains("prod-eu"), "{name}: {}", shown[0]);
            let foot = shown.last().unwrap();
            assert!(foot.contains("^R"), "{name} at {width}x{height}: {foot}");
        }
    }
}

#[test]
fn a_rollback_that_does_not_help_says_so_and_whom_to_call() {
    let shown = |errors| text(&draw(&rolled_back(errors, 80, 24).model, &look(Kind::Dark), 80, 24)).join("\n");
    let (helped, did_not) = (shown(0.003), shown(0.061));
    assert!(
        did_not.contains("Not restored: errors 6.20 % → 6.10 %") && did_not.contains("call: payments on-call: +1 555 0100"),
        "{did_not}"
    );
    assert!(helped.contains("is back on stable") && !helped.contains("call:"), "{helped}");
}

#[test]
fn no_escape_reaches_the_terminal_and_disguises_are_shown() {
    for (name, state) in STATES {
        let c = state(120, 40);
        for line in text(&draw(&c.model, &look(Kind::Dark), 120, 40)) {
            let bad =
                |c: &char| c.is_control() || matches!(*c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            assert!(!line.chars().any(|c| bad(&c)), "{name}: {line:?}");
        }
    }
    let hostile = STATES.iter().find(|(n, _)| *n == "hostile-names").unwrap().1(120, 40);
    assert!(text(&draw(&hostile.model, &look(Kind::Dark), 120, 40)).join("\n").contains("<U+202E>"));
}

#[test]
fn ascii_terminals_get_ascii() {
    for (name, state) in STATES {
        let c = state(100, 30);
        for line in text(&draw(&c.model, &look(Kind::Ascii), 100, 30)) {
            assert!(line.is_ascii(), "{name}: {line}");
        }
    }
}

#[test]
fn a_terminal_that_is_too_small_is_told_what_is_needed() {
    let c = STATES.iter().find(|(n, _)| *n == "live").unwrap().1(39, 10);
    let shown = text(&draw(&c.model, &look(Kind::Dark), 39, 10));
    assert_eq!(shown[0].trim_end(), "needs 40x10, have 39x10");
    let small = text(&draw(&c.model, &look(Kind::Dark), 20, 5));
    assert_eq!((small[0].trim_end(), small[1].trim_end()), ("needs 40x10, have", "20x5"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No size makes any state panic.
    #[test]
    fn every_size_draws(state in 0..STATES.len(), width in 0u16..=250, height in 0u16..=80, kind in 0..3) {
        let (_, make) = STATES[state];
        let c = make(width, height);
        let kind = [Kind::Dark, Kind::Mono, Kind::Ascii][kind as usize];
        draw(&c.model, &look(kind), width, height);
    }
}
