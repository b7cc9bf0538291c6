//! States a console can be in.

mod gitops;

use std::sync::Arc;

use cutover::app::Msg;
use cutover::app::logs::LogLine;
use cutover::app::model::Link;
use cutover::app::msg::World;
use cutover::domain::checklist::{Checklist, Line, LineState};
use cutover::domain::live::{Feed, FeedState};
use cutover::domain::object::Kind;
use cutover::domain::reference::Presence;
use cutover::domain::rollout::Phase;
use cutover::domain::route::Acceptance;
use cutover::domain::step::Step;
use cutover::domain::time::Millis;
use cutover::domain::verdict::{Judgement, Verdict};
use cutover::domain::view::{Driver, View};
use cutover::domain::weight::Weight;

use crate::fixture::{Console, ago, holding, key, now, observed, snapshot};

pub use gitops::{argo, reverted};

type State = fn(u16, u16) -> Console;

const BOTH: &[&str] = &["backend", "frontend"];

pub const STATES: &[(&str, State)] = &[
    ("connecting", |w, h| Console::empty(w, h)),
    ("empty", |w, h| {
        let mut c = Console::empty(w, h);
        c.world(World::Link(Link::Up));
        c.world(World::Listed);
        c
    }),
    ("barred", |w, h| {
        let mut c = Console::empty(w, h);
        c.world(World::Link(Link::Barred {
            why: "context `staging`: the server does not take our credentials: Unauthorized; log in again, or choose another context with --context".into(),
        }));
        c
    }),
    ("apart", |w, h| {
        let mut view = holding(BOTH);
        let r = view.rollout.as_mut().unwrap();
        r.asked = Weight::capped(50);
        r.waiting = Some("backend: storefront-backend-canary 1/2 ready".into());
        let seen = view.observed.as_mut().unwrap();
        let route = Arc::make_mut(seen).components.get_mut("frontend").unwrap().route.as_mut().unwrap();
        route.accepted = Acceptance::Pending("Gateway public has not accepted generation 7 of the route yet".into());
        let mut c = Console::of(view, w, h);
        c.press("2");
        c
    }),
    ("long-event", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        let mut rows = snapshot();
        let mut events = (*rows.events).clone();
        Arc::make_mut(&mut events[0]).message =
            "Back-off pulling image \"registry.example.com/fusion-ecommerce/storefront-backend:v2.4.0\": \
            ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image: not found"
                .into();
        rows.events = Arc::new(events);
        c.world(World::Rows(Arc::new(rows)));
        c.press("6");
        c
    }),
    ("no-way-back", |w, h| {
        let mut view = holding(BOTH);
        let seen = std::sync::Arc::make_mut(view.observed.as_mut().unwrap()).components.get_mut("backend").unwrap();
        seen.checked[0].presence = Presence::Missing;
        // A promotion is under way: the old version's pods are being replaced.
        let stable = seen.stable.as_mut().unwrap();
        stable.containers[0].image = "registry.io/shop/backend:v2.4.0".into();
        let mut c = Console::of(view, w, h);
        c.press("2");
        c
    }),
    ("way-back-unsure", |w, h| {
        let mut view = holding(BOTH);
        let seen = std::sync::Arc::make_mut(view.observed.as_mut().unwrap()).components.get_mut("backend").unwrap();
        seen.checked[0].presence = Presence::Forbidden;
        let stable = seen.stable.as_mut().unwrap();
        (stable.ready, stable.ready_addresses) = (2, 2);
        let mut c = Console::of(view, w, h);
        c.press("Ctrl-R");
        c.wait(400);
        c
    }),
    ("fleet", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.press("Esc");
        for (name, change) in OTHERS {
            let mut view = holding(&["web"]);
            Arc::make_mut(&mut view.release).name = (*name).to_owned();
            change(&mut view);
            c.world(World::View(Arc::new(view)));
        }
        c
    }),
    ("live", |w, h| Console::of(holding(BOTH), w, h)),
    ("production", |w, h| {
        let mut view = holding(BOTH);
        Arc::make_mut(&mut view.release).production = true;
        let mut c = Console::of(view, w, h);
        c.press(">");
        c.wait(400);
        c.type_text("store");
        c
    }),
    ("drift", |w, h| {
        let mut c = Console::of(reverted(), w, h);
        c.press("A");
        c.wait(400);
        c
    }),
    ("argo-off", |w, h| Console::of(argo(Some(14)), w, h)),
    ("argo-restore", |w, h| {
        let mut c = Console::of(argo(Some(14)), w, h);
        c.press("S");
        c.wait(400);
        c
    }),
    ("argo-rollback", |w, h| {
        let mut c = Console::of(argo(None), w, h);
        c.press("Ctrl-R");
        c.wait(400);
        c
    }),
    ("failing", |w, h| {
        let mut view = holding(BOTH);
        view.judgement = crate::fixture::judgement(BOTH, Verdict::Rollback);
        Console::of(view, w, h)
    }),
    ("stale", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.world(World::Link(Link::Lost { why: "https://prod-eu:6443: connection refused".into() }));
        let mut rows = snapshot();
        let broken = FeedState { feed: Feed::Reconnecting { tries: 4, why: "connection refused".into() }, heard: Some(ago(1)) };
        rows.feeds.insert(Kind::Pod, broken);
        c.world(World::Rows(Arc::new(rows)));
        c.wait(41_000);
        c
    }),
    ("denied", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.model.scene.read_only = Some("no rights to write in fusion-ecommerce".into());
        let mut rows = snapshot();
        rows.pods = Arc::new(vec![]);
        rows.feeds.insert(Kind::Pod, FeedState { feed: Feed::Denied { why: "pods is forbidden: cannot list".into() }, heard: None });
        c.world(World::Rows(Arc::new(rows)));
        c.press("4");
        c
    }),
    ("no-metrics", |w, h| {
        let mut view = holding(BOTH);
        view.judgement = Judgement { outage: Some(("connection refused".into(), ago(80))), ..Judgement::default() };
        view.rollout.as_mut().unwrap().waiting = Some("no data for the gates: the hold does not count".into());
        Console::of(view, w, h)
    }),
    ("approve", |w, h| {
        let mut view = holding(BOTH);
        let r = view.rollout.as_mut().unwrap();
        r.cursor = r.plan.iter().position(|s| matches!(s, Step::Approve(_))).unwrap();
        (r.asked, r.entered) = (Weight::FULL, ago(740));
        view.observed = Some(observed(BOTH, 100).into());
        let mut c = Console::of(view, w, h);
        c.press("1");
        c
    }),
    ("next-dialog", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.press("<");
        c.wait(400);
        c
    }),
    ("start-dialog", |w, h| {
        let mut view = holding(BOTH);
        (view.rollout, view.observed) = (None, Some(observed(BOTH, 0).into()));
        let mut c = Console::of(view, w, h);
        c.press("s");
        c.type_text("-rc1");
        c
    }),
    ("undo-dialog", |w, h| {
        let mut view = holding(&["backend"]);
        (view.rollout, view.observed) = (None, Some(observed(&["backend"], 0).into()));
        let mut c = Console::of(view, w, h);
        c.press("U");
        c
    }),
    ("scale-dialog", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.press("+ Down");
        c.type_text("12");
        c
    }),
    ("rollback-dialog", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.press("Ctrl-R");
        c.wait(400);
        c
    }),
    ("checklist", |w, h| {
        let mut c = Console::of(rolling_back(LineState::Running { elapsed: Millis::secs(4) }), w, h);
        c.press("Ctrl-R");
        c
    }),
    ("stuck", |w, h| {
        let why = "Istio webhook refused the change: timeout".to_owned();
        let mut c = Console::of(rolling_back(LineState::Stuck { elapsed: Millis::secs(31), why }), w, h);
        c.press("Ctrl-R");
        c
    }),
    ("restored", |w, h| rolled_back(0.003, w, h)),
    ("quit", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.press("Ctrl-C");
        c.wait(400);
        c
    }),
    ("hand-over", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.model.hands_over = true;
        c.press("Ctrl-C");
        c.wait(400);
        c
    }),
    ("in-background", |w, h| {
        let mut view = holding(BOTH);
        view.driver = Driver::Other { holder: "ada@bastion1#4711 (background)".into(), seen: Millis::secs(2) };
        Console::of(view, w, h)
    }),
    ("help", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.press("?");
        c
    }),
    ("palette", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.press(":");
        c.type_text("pr");
        c
    }),
    ("namespaces", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.press("n");
        c.world(World::Namespaces(Ok(vec!["fusion-ecommerce".into(), "feastfrenzy".into()])));
        c
    }),
    ("filter", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.press("4 /");
        c.type_text("canary");
        c
    }),
    ("logs", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.press("l");
        let ids: Vec<u64> = c.model.logs.streams.iter().map(|s| s.id).collect();
        for id in ids {
            let line = |n: i64| LogLine { at: Some(ago(60 - n)), text: format!("GET /cart 200 {n} ms\u{1b}[2J").as_str().into() };
            c.send(Msg::Log { id, lines: (0..30).map(line).collect(), dropped: 2, ended: None });
        }
        c
    }),
    ("traffic", |w, h| {
        let mut view = holding(BOTH);
        let route = Arc::make_mut(view.observed.as_mut().unwrap()).components.get_mut("backend").unwrap().route.as_mut().unwrap();
        route.notes = vec!["header route x-canary also sends to the candidate".into()];
        let mut c = Console::of(view, w, h);
        c.press("2");
        c
    }),
    ("journal", |w, h| {
        let mut c = Console::of(holding(BOTH), w, h);
        c.press("7");
        c
    }),
    ("hostile-names", hostile),
];

type Change = fn(&mut View);

const OTHERS: &[(&str, Change)] = &[
    ("checkout", |v| {
        let r = v.rollout.as_mut().unwrap();
        r.cursor = r.plan.iter().position(|s| matches!(s, Step::Approve(_))).unwrap();
        (r.asked, r.entered) = (Weight::FULL, ago(740));
        v.driver = Driver::Other { holder: "bob@bastion2#7".into(), seen: Millis::secs(3) };
    }),
    ("search", |v| {
        v.rollout = None;
        v.observed = Some(observed(&["web"], 0).into());
        v.driver = Driver::Nobody;
    }),
    ("reviews", |v| {
        v.rollout.as_mut().unwrap().phase = Phase::Paused { why: "weight set to 25 % by hand".into(), by: "ada".into() };
        v.driver = Driver::Nobody;
    }),
];

fn rolling_back(first: LineState) -> View {
    let mut view = holding(BOTH);
    let since = ago(4);
    view.rollout.as_mut().unwrap().phase =
        Phase::RollingBack { cause: "asked by ada@bastion1".into(), by: "ada@bastion1".into(), since, routes_held: None };
    let line = |subject: &str, text: &str, state, by_hand: Option<&str>| Line {
        subject: subject.into(),
        text: text.into(),
        state,
        deadline: Millis::secs(30),
        by_hand: by_hand.map(str::to_owned),
    };
    let by_hand = "kubectl -n fusion-ecommerce patch virtualservice.networking.istio.io backend --type json -p '[{\"op\":\"replace\",\"path\":\"/spec/http/0/route/0/weight\",\"value\":100}]'";
    view.checklist = Some(Checklist {
        release: "storefront".into(),
        by: "ada@bastion1".into(),
        since,
        lines: vec![
            line("backend", "VirtualService backend: all traffic to stable", first, Some(by_hand)),
            line("frontend", "VirtualService frontend: all traffic to stable", LineState::Done { after: Millis(10) }, Some(by_hand)),
            line("pods", "candidate kept until 14:32:27Z", LineState::Waiting, None),
        ],
        errors: Some((0.062, 0.003)),
    });
    view
}

/// The end of a rollback that 6.2 % of errors were the reason of.
pub(super) fn rolled_back(errors: f64, w: u16, h: u16) -> Console {
    let mut view = rolling_back(LineState::Done { after: Millis::secs(9) });
    let r = view.rollout.as_mut().unwrap();
    (r.phase, r.ended) = (Phase::RolledBack, Some(now().wall));
    view.checklist.as_mut().unwrap().errors = Some((0.062, errors));
    let mut c = Console::of(view, w, h);
    c.press("Ctrl-R");
    c.model.modes.clear();
    c.model.modes.push(cutover::app::mode::Mode::Checklist { release: key(), offset: 0 });
    c
}

/// Names made to break layouts and terminals.
fn hostile(w: u16, h: u16) -> Console {
    let evil = "\u{1b}[31m支払い\u{202e}gpj.exe\u{200b}\u{7}";
    let mut view = holding(&["backend", evil]);
    Arc::make_mut(&mut view.release).components[0].candidate = Some("backend-canary".into());
    let r = view.rollout.as_mut().unwrap();
    r.phase = Phase::Paused { why: format!("why {evil}"), by: evil.into() };
    let mut c = Console::of(view, w, h);
    let mut rows = snapshot();
    let mut pods: Vec<_> = rows.pods.iter().map(|p| p.as_ref().clone()).collect();
    pods[0].name = evil.into();
    pods[1].name = "検索サービス-支払い処理-カナリア-検索サービス".into();
    pods[1].status = evil.into();
    rows.pods = Arc::new(pods.into_iter().map(Arc::new).collect());
    c.world(World::Rows(Arc::new(rows)));
    c.press("4");
    c
}
