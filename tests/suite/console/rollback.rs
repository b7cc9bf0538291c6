//! Ctrl-R, y: from everywhere, at once, from memory.

use std::sync::Arc;

use cutover::app::action::Action;
use cutover::app::available::{availability, label};
use cutover::app::dialog::FRESH;
use cutover::app::mode::Mode;
use cutover::app::model::Link;
use cutover::app::msg::World;
use cutover::domain::command::Command;
use cutover::domain::rollout::Phase;
use cutover::domain::time::Millis;
use cutover::domain::verdict::Judgement;
use cutover::domain::view::Driver;

use crate::fixture::{Console, ago, holding, now};

fn console() -> Console {
    Console::of(holding(&["backend", "frontend"]), 80, 24)
}

/// Ways into places where other keys mean other things.
const PLACES: [(&str, &str); 12] = [
    ("release view", ""),
    ("filter", "4 /"),
    ("filter with text", "4 / x y"),
    ("palette", ": p r"),
    ("help", "?"),
    ("weight field", "w 5"),
    ("start form refused, still there", "s"),
    ("context picker", "c"),
    ("namespace picker", "n x"),
    ("another dialog", "P"),
    ("zoomed logs", "l z"),
    ("quit question", "Ctrl-C"),
];

#[test]
fn two_keys_from_every_place() {
    for (place, way) in PLACES {
        let mut c = console();
        if !way.is_empty() {
            c.press(way);
        }
        c.effects.clear();
        c.press("Ctrl-R");
        let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!("{place}: no dialog") };
        let preview = dialog.asked().unwrap().preview.as_ref().unwrap();
        assert_eq!(preview.actions.len(), 2, "{place}: both routes, from memory: {:?}", preview.refusal);
        assert_eq!(c.orders(), [], "{place}");
        c.wait(FRESH.0);
        c.press("y");
        assert_eq!(c.orders(), [Command::RollBack], "{place}");
        assert!(matches!(c.model.mode(), Some(Mode::Checklist { .. })), "{place}");
        assert_eq!(c.model.modes.len(), 1, "{place}: nothing else lies over the checklist");
    }
}

#[test]
fn from_the_release_list() {
    let mut c = console();
    c.press("Esc Ctrl-R");
    c.wait(400);
    c.press("y");
    assert_eq!(c.orders(), [Command::RollBack]);
}

#[test]
fn an_early_yes_counts_after_the_first_moments_unless_taken_back() {
    let mut c = console();
    c.press("Ctrl-R y");
    assert_eq!(c.orders(), []);
    assert_eq!(c.model.wake_at(), c.now.mono.plus(FRESH));
    c.wait(FRESH.0 - 1);
    assert_eq!(c.orders(), []);
    c.wait(1);
    assert_eq!(c.orders(), [Command::RollBack]);

    let mut c = console();
    c.press("Ctrl-R y Esc");
    c.wait(1_000);
    assert_eq!((c.orders(), c.model.modes.len()), (vec![], 0));
}

#[test]
fn enter_does_not_confirm_it_and_ctrl_r_twice_is_one_dialog() {
    let mut c = console();
    c.press("Ctrl-R Ctrl-R");
    c.wait(1_000);
    c.press("Enter");
    assert_eq!((c.orders(), c.model.modes.len()), (vec![], 1));
}

#[test]
fn with_stale_data_lost_connection_missing_rights_and_no_metrics() {
    let mut view = holding(&["backend", "frontend"]);
    view.judgement = Judgement { outage: Some(("timeout".into(), ago(300))), ..Judgement::default() };
    view.driver = Driver::Nobody;
    let mut c = Console::of(view, 80, 24);
    c.world(World::Link(Link::Lost { why: "connection refused".into() }));
    c.world(World::Denied(crate::fixture::key(), Some("needs patch on virtualservices".into())));
    c.wait(120_000);
    assert!(availability(&c.model, Action::Next).reason().unwrap().contains("needs patch"));
    c.world(World::Denied(crate::fixture::key(), None));
    assert!(availability(&c.model, Action::Next).reason().unwrap().starts_with("data 2m old"), "forward is locked");
    c.press("Ctrl-R");
    c.wait(400);
    c.press("y");
    assert_eq!(c.orders(), [Command::RollBack]);
}

#[test]
fn of_a_release_without_a_rollout() {
    let mut view = holding(&["backend", "frontend"]);
    view.rollout = None;
    let mut c = Console::of(view, 80, 24);
    assert_eq!(label(&c.model, Action::RollBack), "ROLL BACK 25→0 %");
    c.press("Ctrl-R");
    let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!("no dialog") };
    assert_eq!(dialog.asked().unwrap().preview.as_ref().unwrap().actions.len(), 2);
    c.wait(400);
    c.press("y");
    assert_eq!(c.orders(), [Command::RollBack]);
}

#[test]
fn before_anything_was_read_it_is_asked_all_the_same() {
    let mut view = holding(&["backend"]);
    (view.rollout, view.observed, view.observed_age) = (None, None, None);
    let mut c = Console::of(view, 80, 24);
    c.press("Ctrl-R");
    c.wait(400);
    c.press("y");
    assert_eq!(c.orders(), [Command::RollBack]);
}

#[test]
fn read_only_refuses_it_and_says_why() {
    let mut c = console();
    c.model.scene.read_only = Some("--read-only".into());
    c.press("Ctrl-R y");
    c.wait(1_000);
    assert_eq!((c.orders(), c.notice()), (vec![], "roll back: read-only: --read-only"));
}

#[test]
fn one_that_is_under_way_is_followed() {
    let mut view = holding(&["backend"]);
    let r = view.rollout.as_mut().unwrap();
    r.phase = Phase::RollingBack { cause: "errors 9.8 %".into(), by: "cutover".into(), since: now().wall, routes_held: None };
    let mut c = console();
    c.press("4 /");
    c.world(World::View(Arc::new(view)));
    assert_eq!(c.notice(), "storefront is being rolled back by cutover: errors 9.8 %. Ctrl-R follows it");
    c.press("Ctrl-R");
    assert!(matches!(c.model.mode(), Some(Mode::Checklist { .. })));
    assert_eq!(c.orders(), []);
}

#[test]
fn what_is_stuck_is_copied_and_printed_at_the_end() {
    use cutover::domain::checklist::{Checklist, Line, LineState};
    let mut view = holding(&["backend"]);
    let r = view.rollout.as_mut().unwrap();
    r.phase = Phase::RollingBack { cause: "asked".into(), by: "ada".into(), since: now().wall, routes_held: None };
    let command = "kubectl -n fusion-ecommerce patch vs backend --type json -p '[]'";
    view.checklist = Some(Checklist {
        release: "storefront".into(),
        by: "ada".into(),
        since: now().wall,
        lines: vec![Line {
            subject: "backend".into(),
            text: "VirtualService backend: all traffic to stable".into(),
            state: LineState::Stuck { elapsed: Millis::secs(31), why: "webhook refused the change".into() },
            deadline: Millis::secs(30),
            by_hand: Some(command.into()),
        }],
        errors: None,
    });
    let mut c = console();
    c.world(World::View(Arc::new(view)));
    c.press("Ctrl-R c");
    assert!(c.effects.iter().any(|e| matches!(e, cutover::app::Effect::Copy { text, .. } if text == command)), "{:?}", c.effects);
    let farewell = c.model.farewell(&[]).join("\n");
    assert!(farewell.contains(command) && farewell.contains("nobody will roll it back"), "{farewell}");
}
