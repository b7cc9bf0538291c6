//! Every write opens a dialog, and the risky direction is deliberate.

use std::collections::BTreeMap;
use std::sync::Arc;

use cutover::app::action::{Action, TABLE};
use cutover::app::available::{availability, label};
use cutover::app::dialog::dry_run::Said;
use cutover::app::dialog::{Form, Stage};
use cutover::app::mode::Mode;
use cutover::app::msg::World;
use cutover::app::{Effect, Msg};
use cutover::domain::action::WriteOutcome;
use cutover::domain::command::Command;
use cutover::domain::image::Image;
use cutover::domain::journal::{Entry, EntryKind, TOOK_OVER};
use cutover::domain::release::Track;
use cutover::domain::rollout::Phase;
use cutover::domain::step::Step;
use cutover::domain::time::Millis;
use cutover::domain::view::Driver;
use cutover::domain::weight::Weight;

use crate::fixture::{Console, holding, observed};

fn console() -> Console {
    Console::of(holding(&["backend", "frontend"]), 80, 24)
}

fn confirm(c: &mut Console) -> Vec<Command> {
    c.wait(400);
    c.press("y");
    c.orders()
}

#[test]
fn each_key_gives_its_command_after_a_dialog() {
    let cases = [(">", Command::Advance), ("<", Command::StepBack), ("p", Command::Pause), ("P", Command::Promote), ("x", Command::Reject)];
    for (key, command) in cases {
        let mut c = console();
        c.press(key);
        assert_eq!(c.orders(), [], "{key} alone does nothing");
        assert!(matches!(c.model.mode(), Some(Mode::Dialog(_))), "{key}: {}", c.notice());
        assert_eq!(confirm(&mut c), [command], "{key}: {}", c.notice());
    }
}

#[test]
fn no_plain_key_writes_by_itself_and_nothing_happens_in_the_first_moments() {
    for row in TABLE.iter().filter(|r| r.writes) {
        let mut c = console();
        for chord in row.chords {
            c.press(&chord.to_string());
        }
        c.press("Enter Enter");
        assert_eq!(c.orders(), [], "{}", row.name);
    }
    let mut c = console();
    c.press("> y");
    c.wait(1_000);
    assert_eq!(c.orders(), [], "an early yes counts for a rollback only");
}

#[test]
fn an_approval_is_waited_for_and_given() {
    let mut view = holding(&["backend"]);
    let r = view.rollout.as_mut().unwrap();
    r.cursor = r.plan.iter().position(|s| matches!(s, Step::Approve(_))).unwrap();
    r.asked = Weight::FULL;
    let mut c = Console::of(view, 80, 24);
    assert!(availability(&c.model, Action::Next).reason().unwrap().contains("approve it (a)"));
    c.press("a");
    assert_eq!(confirm(&mut c), [Command::Approve]);
}

#[test]
fn pause_becomes_resume_and_the_footer_says_what_next_is() {
    let mut view = holding(&["backend"]);
    let mut c = Console::of(view.clone(), 80, 24);
    assert_eq!([Action::Next, Action::StepBack, Action::PauseResume].map(|a| label(&c.model, a)), ["50 %", "10 %", "pause"]);
    view.rollout.as_mut().unwrap().phase = Phase::Paused { why: "asked".into(), by: "ada".into() };
    c.world(World::View(Arc::new(view)));
    assert_eq!(label(&c.model, Action::PauseResume), "resume");
    c.press("p");
    assert_eq!(confirm(&mut c), [Command::Resume]);
}

#[test]
fn what_somebody_else_changed_is_accepted_after_a_dialog_that_shows_each_choice() {
    let mut c = console();
    assert!(availability(&c.model, Action::AcceptDrift).reason().unwrap().contains("nothing was changed by anybody else"));
    c = Console::of(crate::screens::reverted(), 80, 24);
    c.press("A");
    let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!("{}", c.notice()) };
    let told = dialog.asked().unwrap().preview.clone().unwrap().remarks.join("\n");
    for part in ["candidate 25 → 0 by argocd-controller 3s ago", "accept (A): ", "resume (p): sets ours again", "roll back (Ctrl-R)"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(confirm(&mut c), [Command::AcceptDrift]);
}

#[test]
fn auto_sync_is_restored_after_a_dialog_that_says_what_argo_cd_would_do() {
    let mut c = console();
    let why = availability(&c.model, Action::RestoreSync);
    assert!(why.reason().unwrap().contains("no Argo CD app of this release has its auto-sync suspended"));
    c = Console::of(crate::screens::argo(Some(14)), 80, 24);
    // Who may not drive may still be the one who looks after Argo CD.
    c.world(World::Denied(crate::fixture::key(), Some("needs patch on deployments".into())));
    c.press("S");
    let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!("{}", c.notice()) };
    let preview = dialog.asked().unwrap().preview.clone().unwrap();
    assert_eq!(preview.changes[0].to_string(), "Application storefront: auto-sync off → on (prune, selfHeal)");
    let told = preview.remarks.join("\n");
    for part in
        ["then sets what git says again", "VirtualService backend, VirtualService frontend would be put back", "a rollout is under way"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(confirm(&mut c), [Command::RestoreSync]);
    let mut view = crate::screens::argo(Some(14));
    std::sync::Arc::make_mut(&mut view.release).production = true;
    let mut c = Console::of(view, 80, 24);
    c.press("S");
    c.wait(400);
    c.press("y");
    assert_eq!(c.orders(), [], "in production it asks for the name");
}

#[test]
fn a_rollout_is_taken_over_from_whoever_drives_it_and_the_loser_is_told() {
    let mut view = holding(&["backend"]);
    let mut c = Console::of(view.clone(), 80, 24);
    assert_eq!(availability(&c.model, Action::TakeOver).reason(), Some("this console drives it already"));
    view.driver = Driver::Other { holder: "bob@bastion2#7".into(), seen: Millis::secs(3) };
    c.world(World::View(Arc::new(view.clone())));
    c.press("t");
    let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!("{}", c.notice()) };
    let remark = dialog.asked().unwrap().preview.as_ref().unwrap().remarks[0].clone();
    assert!(remark.starts_with("bob@bastion2#7 drives it, and its Lease was seen renewed 3s ago"), "{remark}");
    let r = view.rollout.as_mut().unwrap();
    r.turn += 1; // the other driver went on meanwhile
    c.world(World::View(Arc::new(view.clone())));
    assert_eq!(confirm(&mut c), [Command::TakeOver]);
    let text = format!("bob@bastion2 {TOOK_OVER}: nothing more is written here");
    let lost = Entry { at: view.now.wall, kind: EntryKind::Lease, actor: "cutover".into(), text };
    view.rollout.as_mut().unwrap().log.push_back(Arc::new(lost));
    c.world(World::View(Arc::new(view)));
    assert!(c.notice().contains("bob@bastion2 took over and drives now"), "{}", c.notice());
}

#[test]
fn a_dialog_whose_state_moved_on_is_refused_with_what_changed() {
    let mut view = holding(&["backend"]);
    let mut c = Console::of(view.clone(), 80, 24);
    c.press(">");
    let r = view.rollout.as_mut().unwrap();
    (r.turn, r.cursor) = (r.turn + 1, 6);
    c.world(World::View(Arc::new(view)));
    assert_eq!(confirm(&mut c), []);
    assert!(c.notice().contains("moved on"), "{}", c.notice());
    assert!(matches!(c.model.mode(), Some(Mode::Dialog(_))));
}

#[test]
fn a_weight_is_typed_and_checked() {
    let mut c = console();
    c.press("w");
    c.type_text("x7");
    let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!() };
    assert_eq!(dialog.error.as_deref(), Some("`x7` is no weight: type a whole number from 0 to 100"));
    c.press("Ctrl-U");
    c.type_text("20");
    c.wait(400);
    c.press("Enter");
    let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!() };
    assert!(matches!(dialog.stage, Stage::Review { name: None }));
    assert_eq!(dialog.asked().unwrap().preview.as_ref().unwrap().actions.len(), 2);
    assert_eq!(confirm(&mut c), [Command::SetWeight(Weight::capped(20))]);
}

#[test]
fn in_production_a_way_forward_asks_for_the_name_and_the_way_back_does_not() {
    let mut view = holding(&["backend"]);
    std::sync::Arc::make_mut(&mut view.release).production = true;
    let mut c = Console::of(view, 80, 24);
    c.press(">");
    c.wait(400);
    c.press("y Enter");
    assert_eq!(c.orders(), [], "y is the beginning of a name here");
    let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!() };
    assert_eq!(dialog.error.as_deref(), Some("type `storefront` to confirm"));
    c.press("Ctrl-U");
    c.type_text("storefront");
    c.press("Enter");
    assert_eq!(c.orders(), [Command::Advance]);
    for (key, command) in [("p", Command::Pause), ("<", Command::StepBack), ("Ctrl-R", Command::RollBack)] {
        c.press(key);
        assert_eq!(confirm(&mut c), [command], "{key}");
    }
}

#[test]
fn a_rollout_is_started_with_typed_images() {
    let mut view = holding(&["backend", "frontend"]);
    view.rollout = None;
    view.observed = Some(observed(&["backend", "frontend"], 0).into());
    let mut c = Console::of(view, 80, 24);
    c.press("s");
    let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!("{}", c.notice()) };
    let Stage::Edit(Form::Start(form)) = &dialog.stage else { panic!() };
    assert_eq!(form.rows[0].wanted.text(), "registry.io/shop/backend:v2.4.0", "what the candidate has already");
    c.type_text("-rc1");
    c.press("Tab Tab");
    c.type_text("fix the cart");
    c.wait(400);
    c.press("Enter");
    let images = BTreeMap::from([("backend".to_owned(), Image::parse("registry.io/shop/backend:v2.4.0-rc1").unwrap())]);
    let given = confirm(&mut c);
    assert_eq!(given, [Command::Start { images, cause: Some("fix the cart".into()) }], "{}", c.notice());
}

#[test]
fn a_bad_image_is_refused_with_the_reason() {
    let mut view = holding(&["backend"]);
    view.rollout = None;
    let mut c = Console::of(view, 80, 24);
    c.press("s");
    c.type_text(" oops");
    c.wait(400);
    c.press("Enter");
    let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!() };
    assert!(matches!(dialog.stage, Stage::Edit(_)));
    assert!(dialog.error.as_ref().unwrap().contains("white space"), "{:?}", dialog.error);
}

#[test]
fn a_kept_revision_is_chosen() {
    let mut view = holding(&["backend"]);
    view.rollout = None;
    let mut c = Console::of(view, 80, 24);
    c.press("U");
    c.wait(400);
    c.press("Enter");
    assert_eq!(confirm(&mut c), [Command::Undo { component: Some("backend".into()), revision: 6 }]);
}

#[test]
fn a_side_is_given_pods_by_a_key_or_typed_out() {
    let scale = |track, replicas| Command::Scale { component: Some("backend".into()), track, replicas };
    let mut c = console();
    c.press("+ Down Down");
    c.type_text("5x");
    c.wait(400);
    c.press("Enter");
    let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!("no dialog") };
    assert_eq!(dialog.error.as_deref(), Some("`5x` is no number of pods"));
    c.send(Msg::Key(crossterm::event::KeyEvent::from(crossterm::event::KeyCode::Backspace)));
    c.press("Enter");
    assert_eq!(dry_runs(&c).iter().map(|a| a.1).collect::<Vec<_>>(), [1], "the server is asked at once");
    assert_eq!(confirm(&mut c), [scale(Track::Candidate, 5)]);
    for (typed, command) in [("scale backend 12", scale(Track::Stable, 12)), ("scale backend/candidate 4", scale(Track::Candidate, 4))] {
        let mut c = console();
        c.press(":");
        c.type_text(typed);
        c.press("Enter");
        assert_eq!(confirm(&mut c), [command], "{typed}");
    }
    // Below what its share needs there is nothing to confirm.
    let mut c = console();
    c.press(":");
    c.type_text("scale backend 0");
    c.press("Enter");
    assert_eq!(confirm(&mut c), []);
    assert!(c.notice().contains("backend: stable bears"), "{}", c.notice());
}

/// The numbers of the dry runs that were asked for, with the writes of each.
fn dry_runs(c: &Console) -> Vec<(u64, usize)> {
    c.effects.iter().filter_map(|e| if let Effect::DryRun { id, writes } = e { Some((*id, writes.len())) } else { None }).collect()
}

#[test]
fn the_way_forward_is_asked_of_the_server_at_once_and_again_by_key() {
    let mut c = console();
    c.press("<");
    let asked = dry_runs(&c);
    assert_eq!(asked.iter().map(|a| a.1).collect::<Vec<_>>(), [2], "both routes");
    let said = |c: &Console| {
        let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!("no dialog") };
        let asked = dialog.asked().unwrap();
        let of = |action| match asked.dry_run.as_ref().map_or(Said::NotAsked, |d| d.of(action)) {
            Said::NotAsked => "-".to_owned(),
            Said::Waiting => "?".to_owned(),
            Said::Answer(outcome) => format!("{outcome:?}").split(' ').next().unwrap().to_owned(),
        };
        asked.preview.as_ref().unwrap().actions.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(said(&c), ["?", "?"]);
    let refused = WriteOutcome::Refused { code: 403, why: "forbidden".into() };
    c.world(World::DryRun(99, vec![refused.clone(), refused.clone()]));
    assert_eq!(said(&c), ["?", "?"], "not what was asked here");
    c.world(World::DryRun(asked[0].0, vec![WriteOutcome::Landed, refused]));
    assert_eq!(said(&c), ["Landed", "Refused"]);
    c.press("d");
    assert_eq!((dry_runs(&c).len(), said(&c)), (2, vec!["?".to_owned(), "?".to_owned()]));
    // What it says stands in nobody's way.
    assert_eq!(confirm(&mut c), [Command::StepBack]);
}

#[test]
fn a_rollback_is_asked_of_nobody_unless_somebody_wants_to() {
    let mut c = console();
    c.press("Ctrl-R");
    assert_eq!(dry_runs(&c), []);
    c.press("d");
    assert_eq!(dry_runs(&c).len(), 1);
    assert_eq!(confirm(&mut c), [Command::RollBack], "without waiting for an answer");
    let mut c = console();
    c.press("p d");
    assert_eq!((dry_runs(&c), c.notice()), (vec![], "dry run: no object changes now, there is nothing to ask"));
}

#[test]
fn promoting_where_an_approval_waits_shows_what_approving_shows() {
    let changes = |key: &str| {
        let mut view = holding(&["backend", "frontend"]);
        let rollout = view.rollout.as_mut().unwrap();
        rollout.cursor = rollout.plan.iter().position(|s| matches!(s, Step::Approve(_))).unwrap();
        rollout.asked = Weight::FULL;
        view.observed = Some(observed(&["backend", "frontend"], 100).into());
        let mut c = Console::of(view, 80, 24);
        c.press(key);
        let Some(Mode::Dialog(dialog)) = c.model.mode() else { panic!("{key}: {}", c.notice()) };
        let preview = dialog.asked().unwrap().preview.as_ref().unwrap();
        preview.actions.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let promoted = changes("P");
    assert_eq!(promoted.len(), 2, "both components' images: {promoted:?}");
    assert_eq!(promoted, changes("a"));
}

#[test]
fn read_only_says_so_on_every_write_and_sends_nothing() {
    let mut c = console();
    c.model.scene.read_only = Some("no rights to write".into());
    for row in TABLE.iter().filter(|r| r.writes && !r.planned) {
        c.press(&row.chords[0].to_string());
        assert!(c.notice().contains("read-only: no rights to write"), "{}: {}", row.name, c.notice());
        c.wait(400);
        c.press("y");
        c.press("Esc");
        c.press("Enter");
    }
    assert_eq!(c.orders(), []);
}

#[test]
fn a_paste_never_triggers_keys() {
    let mut c = console();
    c.send(Msg::Paste("P\ny\ny\nyyyy".into()));
    assert_eq!((c.orders(), c.model.modes.len()), (vec![], 0));
    c.press("Ctrl-R");
    c.wait(400);
    c.send(Msg::Paste("y".into()));
    assert_eq!(c.orders(), []);
    c.press("Esc 4 /");
    c.send(Msg::Paste("canary\n".into()));
    assert_eq!(c.model.list().unwrap().filter.text(), "canary");
}

#[test]
fn answers_are_said() {
    let mut c = console();
    c.press(">");
    assert_eq!(confirm(&mut c), [Command::Advance]);
    let id = c.model.sent[0].id.clone();
    let mut view = holding(&["backend"]);
    view.answers.insert(id, Some("backend: 50 % on 3 ready pods is too much".into()));
    c.world(World::View(Arc::new(view)));
    assert_eq!(c.notice(), "refused: advance: backend: 50 % on 3 ready pods is too much");
    assert!(c.model.sent.is_empty());
    assert!(!c.effects.iter().any(|e| matches!(e, Effect::Quit { .. })));
}
