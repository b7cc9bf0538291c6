//! A dialog that gives the candidate more asks what room there is for its pods, and shows it as soon as it is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use cutover::app::Effect;
use cutover::app::mode::Mode;
use cutover::app::msg::World;
use cutover::domain::command::Command;
use cutover::domain::room::{Limit, Nodes, Room};
use cutover::domain::view::View;

use crate::fixture::{Console, holding, key};

const CANARY: &str = "backend-canary";

/// The view with a quota that has so many pods left, and nodes with room for as many.
fn with_room(left: u64) -> View {
    let mut view = holding(&["backend"]);
    let takes = BTreeMap::from([(CANARY.to_owned(), 250)]);
    let limit = Limit { quota: "team".into(), resource: "requests.cpu".into(), hard: 10_000, used: 10_000 - left * 250, takes };
    let nodes = Nodes { open: 3, fit: BTreeMap::from([(CANARY.to_owned(), 1)]) };
    std::sync::Arc::make_mut(view.observed.as_mut().unwrap()).room =
        Some(Room { quotas: Ok(vec![limit]), nodes: Ok(nodes), budgets: Ok(vec![]) });
    view
}

fn weighed(c: &Console) -> usize {
    c.effects.iter().filter(|e| **e == Effect::Weigh { release: key() }).count()
}

#[test]
fn a_step_asks_for_room_and_is_refused_where_there_is_none() {
    let mut c = Console::of(holding(&["backend"]), 100, 30);
    assert_eq!(weighed(&c), 0, "nobody asks all the time");
    c.press(">");
    assert_eq!(weighed(&c), 1);
    c.world(World::View(Arc::new(with_room(1))));
    let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!("{}", c.notice()) };
    let why = "backend: 50 % needs 2 more pods, and quota team has room for 1 (requests.cpu 9.75 of 10 used, 0.25 a pod); the highest safe weight is 44 %";
    assert_eq!(dialog.refusal().as_deref(), Some(why));
    c.wait(400);
    c.press("y");
    assert_eq!(c.orders(), []);
    c.world(World::View(Arc::new(with_room(2))));
    let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!("{}", c.notice()) };
    let told = dialog.asked().unwrap().preview.clone().unwrap();
    assert!(told.refusal.is_none(), "{told:?}");
    let line = "backend: 50 % needs 2 more pods, and 3 nodes have room for 1: 1 waits for a node";
    assert!(told.remarks.contains(&line.to_owned()), "{:?}", told.remarks);
    c.press("y");
    assert_eq!(c.orders(), [Command::Advance]);
}

#[test]
fn what_goes_back_asks_for_no_room() {
    for keys in ["Ctrl-R", "<", "x", "p"] {
        let mut c = Console::of(with_room(0), 100, 30);
        c.press(keys);
        assert_eq!(weighed(&c), 0, "{keys}");
        c.wait(400);
        c.press("y");
        assert_eq!(c.orders().len(), 1, "{keys}: {}", c.notice());
    }
}
