//! From view to view, and out.

use std::sync::Arc;

use cutover::app::logs::LogLine;
use cutover::app::mode::Mode;
use cutover::app::model::{Link, Screen};
use cutover::app::msg::World;
use cutover::app::pane::Pane;
use cutover::app::{Effect, Msg};
use cutover::domain::view::Driver;

use crate::fixture::{Console, holding, key, pod, snapshot};

const QUIT: Effect = Effect::Quit { code: 0, hand_over: false };

fn console() -> Console {
    Console::of(holding(&["backend", "frontend"]), 80, 24)
}

fn watcher() -> Console {
    let mut view = holding(&["backend"]);
    view.driver = Driver::Other { holder: "bob@bastion2#1".into(), seen: Default::default() };
    Console::of(view, 80, 24)
}

#[test]
fn escape_goes_back_one_level_at_a_time_and_never_out() {
    let mut c = watcher();
    c.press("4 z /");
    c.type_text("canary");
    c.press("Enter Esc");
    assert_eq!(c.model.list().unwrap().filter.text(), "", "filter");
    assert!(c.model.zoom);
    c.press("Esc");
    assert!(!c.model.zoom);
    c.press("Esc");
    assert_eq!(c.model.screen, Screen::Fleet);
    c.press("Esc Esc");
    assert!(!c.effects.iter().any(|e| matches!(e, Effect::Quit { .. })));
    c.press("q");
    assert!(c.effects.contains(&QUIT));
}

#[test]
fn quitting_while_driving_says_that_nobody_will_roll_back() {
    let mut c = console();
    c.press("Ctrl-C");
    assert!(matches!(c.model.mode(), Some(Mode::Dialog(_))));
    assert!(!c.effects.contains(&QUIT));
    c.press("Esc Ctrl-C");
    c.wait(400);
    c.press("y");
    assert!(c.effects.contains(&QUIT));
    let mut c = console();
    c.press("Ctrl-C Ctrl-C");
    assert!(c.effects.contains(&QUIT), "pressed again it quits at once");
}

#[test]
fn quitting_while_driving_offers_a_driver_in_the_background() {
    const HANDED: Effect = Effect::Quit { code: 0, hand_over: true };
    let asked = |keys: &str| {
        let mut c = console();
        c.model.hands_over = true;
        c.press("Ctrl-C");
        c.press("n y");
        assert!(!c.effects.contains(&QUIT) && !c.effects.contains(&HANDED), "a fresh dialog takes no answer");
        c.wait(400);
        c.press(keys);
        c
    };
    assert!(asked("y").effects.contains(&HANDED));
    assert!(asked("Ctrl-C").effects.contains(&HANDED), "pressed again it is done, the safe way");
    assert!(asked("n").effects.contains(&QUIT));
    let stays = asked("Esc");
    assert!(!stays.effects.contains(&QUIT) && stays.model.mode().is_none());
    // In any other dialog the key means nothing.
    let mut c = console();
    c.model.hands_over = true;
    c.press("Ctrl-R");
    c.wait(400);
    c.press("n");
    assert!(!c.effects.contains(&QUIT) && c.model.mode().is_some());
    // Nothing driven, nothing to hand over.
    let mut c = watcher();
    c.model.hands_over = true;
    c.press("Ctrl-C");
    assert!(c.effects.contains(&QUIT));
}

#[test]
fn the_cursor_stays_on_its_pod_when_rows_arrive() {
    let mut c = console();
    c.press("4 j j j");
    let chosen = c.model.selected_pod().unwrap().name.clone();
    let mut more = snapshot();
    let extra = (0..5).map(|n| Arc::new(pod(&format!("backend-canary-5d6f7c8b9d-a{n}xqz"), "backend-canary", n)));
    more.pods = Arc::new(extra.chain(more.pods.iter().cloned()).collect());
    c.world(World::Rows(Arc::new(more)));
    assert_eq!(c.model.selected_pod().unwrap().name, chosen);
}

#[test]
fn a_filter_survives_a_refresh_and_escape_restores_the_one_before() {
    let mut c = console();
    c.press("4 /");
    c.type_text("CRASH");
    c.press("Enter");
    c.world(World::Rows(Arc::new(snapshot())));
    let list = c.model.list().unwrap();
    assert_eq!((list.rows.len(), list.total), (1, 12));
    c.press("/");
    c.type_text("zzz");
    assert!(c.model.list().unwrap().rows.is_empty());
    c.press("Esc");
    assert_eq!(c.model.list().unwrap().filter.text(), "CRASH");
}

#[test]
fn events_of_other_workloads_stay_out() {
    let c = console();
    assert_eq!(c.model.lists[&Pane::Events].total, 2);
}

#[test]
fn logs_follow_one_pod_of_each_side_or_the_selected_one() {
    let mut c = console();
    c.press("l");
    let tails = |c: &Console| c.effects.iter().filter(|e| matches!(e, Effect::Tail { .. })).count();
    assert_eq!((tails(&c), c.model.focus), (2, Pane::Logs));
    let id = c.model.logs.streams[0].id;
    let line = |n: usize| LogLine { at: None, text: format!("line {n}").into() };
    c.send(Msg::Log { id, lines: (0..10).map(line).collect(), dropped: 3, ended: None });
    c.press("k k");
    assert_eq!((c.model.logs.follow, c.model.logs.up), (false, 2));
    c.send(Msg::Log { id, lines: vec![line(10)], dropped: 0, ended: None });
    assert_eq!(c.model.logs.up, 3, "what is read stays where it is");
    c.press("f");
    assert_eq!((c.model.logs.follow, c.model.logs.up), (true, 0));
    c.effects.clear();
    c.press("4 L");
    assert_eq!(c.effects.iter().filter(|e| matches!(e, Effect::Untail { .. })).count(), 2);
    assert!(matches!(c.effects.last(), Some(Effect::Tail { previous: true, pod, .. }) if pod.starts_with("backend-canary")));
    c.effects.clear();
    c.send(Msg::Log { id, lines: vec![line(1)], dropped: 0, ended: None });
    assert_eq!(c.effects, [Effect::Untail { id }], "one that is not followed any more is told again");
}

#[test]
fn contexts_and_namespaces_change_and_old_answers_are_dropped() {
    let mut c = watcher();
    c.press("n");
    assert!(c.effects.contains(&Effect::ListNamespaces));
    c.world(World::Namespaces(Ok(vec!["checkout".into(), "search".into()])));
    c.type_text("sea");
    c.press("Enter");
    assert_eq!(c.effects.last(), Some(&Effect::SwitchNamespace { name: Some("search".into()), generation: 1 }));
    assert!(c.model.releases.is_empty());
    c.send(Msg::World(0, World::View(Arc::new(holding(&["backend"])))));
    assert!(c.model.releases.is_empty(), "an answer from before");
    c.press(":");
    c.type_text("ctx staging");
    c.press("Enter");
    assert_eq!(c.effects.last(), Some(&Effect::SwitchContext { name: "staging".into(), generation: 2 }));
    assert_eq!(c.model.link.0, Link::Connecting { to: "staging".into() });
    c.press(":");
    c.type_text("ns all");
    c.press("Enter");
    assert_eq!(c.effects.last(), Some(&Effect::SwitchNamespace { name: None, generation: 3 }));
}

#[test]
fn while_driving_a_change_of_namespace_asks_first() {
    let mut c = console();
    c.press(":");
    c.type_text("ns search");
    c.press("Enter");
    assert!(matches!(c.model.mode(), Some(Mode::Dialog(_))));
    c.wait(400);
    c.press("y");
    assert!(matches!(c.effects.last(), Some(Effect::SwitchNamespace { .. })));
}

#[test]
fn the_palette_runs_actions_and_opens_releases() {
    let mut c = console();
    c.press(":");
    c.type_text("events");
    c.press("Enter");
    assert_eq!(c.model.focus, Pane::Events);
    c.press(":");
    c.type_text("weight 20");
    c.press("Enter");
    assert!(matches!(c.model.mode(), Some(Mode::Dialog(_))));
    c.press("Esc Esc");
    assert_eq!(c.model.screen, Screen::Fleet);
    c.press(":");
    c.type_text("storefront");
    c.press("Enter");
    assert_eq!(c.model.screen, Screen::Release(key()));
    c.press(":");
    c.type_text("zzzz");
    c.press("Enter");
    assert_eq!(c.notice(), "nothing is called `zzzz`");
}

#[test]
fn an_idle_console_has_nothing_to_draw_until_something_is_old() {
    let mut view = holding(&["backend"]);
    view.rollout = None;
    let c = Console::of(view, 80, 24);
    assert_eq!(c.model.wake_at(), c.now.mono.plus(cutover::domain::time::Millis::secs(8)), "two seconds old, live until ten");
}
