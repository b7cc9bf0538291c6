use proptest::prelude::*;

use super::*;
use crate::domain::command::{Command, Order};
use crate::domain::image::Image;
use crate::domain::observed::{ComponentObserved, Workload};
use crate::domain::reference::{Checked, Presence, Reference, Referred};
use crate::domain::release::Track;
use crate::domain::route::RouteProblem;
use crate::engine::preview::after;
use crate::engine::world::{NEW, OLD, World, blue_green, by_replicas, canary, kept, rolling};

/// A run of a world that has just begun.
fn begun(world: &World) -> Rollout {
    let images = [("web".to_owned(), Image::parse(NEW).unwrap())].into();
    let command = Command::Start { images, cause: None };
    let order = Order { id: "o".into(), command, actor: "ada".into(), at: world.now.wall, mark: None };
    after(&world.release, None, Some(&world.observe()), &order, world.now).unwrap()
}

fn world(release: Release) -> World {
    let mut world = World::new(release);
    world.workload("web", Track::Stable).revision = Some(2);
    world
}

fn secret() -> Reference {
    Reference { kind: Referred::Secret, name: "db".into() }
}

/// What is said after something was changed of a look at a canary that has begun.
fn told(change: impl FnOnce(&mut ComponentObserved)) -> Back {
    let world = world(canary(&["web"]));
    let run = begun(&world);
    let mut observed = world.observe();
    change(observed.components.get_mut("web").unwrap());
    way_back(&world.release, Some(&run), Some(&observed)).unwrap().components.remove("web").unwrap()
}

fn stable(seen: &mut ComponentObserved) -> &mut Workload {
    seen.stable.as_mut().unwrap()
}

/// Its pods need a Secret, of which something is known.
fn needing(seen: &mut ComponentObserved, presence: Option<Presence>) {
    stable(seen).references = vec![secret()];
    seen.checked = presence.into_iter().map(|presence| Checked { reference: secret(), presence }).collect();
}

/// A promotion has replaced stable's images.
fn promoted(w: &mut Workload) {
    w.containers[0].image = NEW.into();
    w.template_hash = Some(format!("h-{NEW}"));
}

#[test]
fn a_stable_side_that_stands_is_ready() {
    let back = told(|_| ());
    assert_eq!(back.to_string(), "back to revision 2: ready (4 of 4 pods ready)");
}

#[test]
fn what_is_gone_is_no_way_back() {
    let no = |back: Back| match back.stand {
        Stand::No { why, todo } => format!("{why} | {todo}"),
        other => panic!("{other:?}"),
    };
    assert_eq!(no(told(|c| c.stable = None)), "Deployment web does not exist | apply its manifest again");
    let object = crate::domain::object::ObjectRef::new(crate::domain::object::Kind::VirtualService, "shop", "web");
    assert_eq!(
        no(told(|c| c.route = Err(RouteProblem::Missing(object)))),
        "VirtualService web does not exist in namespace shop | apply its manifest again"
    );
    let crashed = no(told(|c| {
        (stable(c).ready, stable(c).ready_addresses) = (0, 0);
        stable(c).problems = vec!["web-1: CrashLoopBackOff: ".into()];
    }));
    assert!(crashed.contains("none of 4 pods of web is ready: web-1: CrashLoopBackOff"), "{crashed}");
    let gone = no(told(|c| {
        promoted(stable(c));
        needing(c, Some(Presence::Missing));
    }));
    assert_eq!(gone, "Secret db does not exist, and pods do not start without it | create it again");
}

#[test]
fn what_was_not_seen_is_not_ready() {
    let why = |back: Back| match back.stand {
        Stand::NotSure { why } => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(told(|c| stable(c).uid.push('2'))), "Deployment web was made anew since the start");
    assert!(why(told(|c| c.route = Err(RouteProblem::Forbidden("get".into())))).contains("as it was last known"));
    assert!(why(told(|c| (stable(c).ready, stable(c).ready_addresses) = (1, 1))).contains("only 1 of 4 pods are ready: 4.0x"));
    assert!(why(told(|c| stable(c).template_hash = Some("other".into()))).contains("apart from its images"));
    assert!(why(told(|c| needing(c, Some(Presence::Missing)))).contains("one that starts anew does not"));
    let nobody = world(canary(&["web"]));
    let unread = way_back(&nobody.release, Some(&begun(&nobody)), None).unwrap();
    assert_eq!((unread.is_ready(), unread.brief().as_str()), (false, "rev 2 not sure"));
}

#[test]
fn a_secret_that_may_not_be_read_is_not_checked_and_no_failure() {
    let runs = told(|c| needing(c, Some(Presence::Forbidden)));
    assert_eq!((runs.stand, runs.notes[1].as_str()), (Stand::Ready, "Secret db not checked: no right to get secrets"), "its pods run");
    let replaced = |presence| {
        told(|c| {
            promoted(stable(c));
            needing(c, presence);
        })
        .stand
    };
    assert_eq!(
        replaced(Some(Presence::Forbidden)),
        Stand::NotSure { why: "Secret db not checked: no right to get secrets".into() },
        "new pods must start"
    );
    assert_eq!(replaced(None), Stand::NotSure { why: "Secret db not checked: not asked yet".into() });
    assert_eq!(replaced(Some(Presence::Present)), Stand::Ready);
}

#[test]
fn what_a_promotion_replaced_is_kept_or_written_from_the_record() {
    let back = told(|c| promoted(stable(c)));
    assert_eq!(back.to_string(), "back to revision 2: ready (ReplicaSet rs-2 keeps revision 2; 4 pods are replaced)");
    let lost = told(|c| {
        promoted(stable(c));
        stable(c).revisions.clear();
    });
    assert!(matches!(&lost.stand, Stand::NotSure { why } if why.contains("no ReplicaSet keeps revision 2")), "{lost}");
}

#[test]
fn an_undo_goes_back_to_the_template_that_ran_before() {
    let mut world = world(rolling());
    let order = Order {
        id: "u".into(),
        command: Command::Undo { component: None, revision: 1 },
        actor: "ada".into(),
        at: world.now.wall,
        mark: None,
    };
    let run = after(&world.release, None, Some(&world.observe()), &order, world.now).unwrap();
    let w = world.workload("web", Track::Stable);
    w.containers[0].image = "shop/app:v0".into();
    w.template_hash = Some("h-shop/app:v0".into());
    w.revisions = vec![kept(3, "shop/app:v0"), kept(2, OLD)];
    w.revisions[1].references = vec![secret()];
    let mut observed = world.observe();
    let stand = |observed: &Observed| way_back(&world.release, Some(&run), Some(observed)).unwrap().components["web"].stand.clone();
    assert!(matches!(stand(&observed), Stand::NotSure { .. }), "the old template needs a Secret that nobody looked for");
    observed.components.get_mut("web").unwrap().checked = vec![Checked { reference: secret(), presence: Presence::Present }];
    assert_eq!(stand(&observed), Stand::Ready);
}

#[test]
fn the_colour_that_served_is_found_by_its_name_after_the_roles_have_turned() {
    let mut world = world(blue_green());
    world.workload("web", Track::Candidate).containers[0].image = NEW.into();
    let mut run = begun(&world);
    run.phase = Phase::Completed;
    *world.parts("web") = (0, 100);
    let w = world.workload("web", Track::Stable);
    (w.replicas, w.ready, w.updated, w.ready_addresses, w.current) = (0, 0, 0, 0, 0);
    let observed = world.observe();
    let (release, turned) = crate::engine::orient::turned(&world.release, &observed).unwrap();
    let back = way_back(&release, Some(&run), Some(&turned)).unwrap();
    assert_eq!(back.components["web"].to_string(), "back to revision 2: ready (no pod runs: 4 are started first)");
}

#[test]
fn without_a_run_the_release_as_found_is_what_is_gone_back_to() {
    let world = world(by_replicas());
    let back = way_back(&world.release, None, Some(&world.observe())).unwrap();
    assert_eq!((back.brief().as_str(), back.is_ready()), ("rev 2 ready", true));
    let mut run = begun(&world);
    run.phase = Phase::RollingBack { cause: "asked".into(), by: "ada".into(), since: world.now.wall, routes_held: None };
    assert_eq!(way_back(&world.release, Some(&run), Some(&world.observe())), None, "the checklist tells");
}

#[test]
fn without_a_run_a_stable_side_that_runs_the_candidates_version_is_no_proof() {
    let mut world = world(canary(&["web"]));
    for track in [Track::Stable, Track::Candidate] {
        promoted(world.workload("web", track));
    }
    let look = |world: &World| way_back(&world.release, None, Some(&world.observe())).unwrap();
    assert_eq!(look(&world).brief(), "rev 2 ready", "nothing is sent to the candidate: there is nothing to take back");
    *world.parts("web") = (0, 100);
    let told = look(&world).remarks().join("");
    assert!(told.contains("not sure") && told.contains("web runs shop/app:v2 as web-canary does; `cutover undo`"), "{told}");
}

#[test]
fn the_worst_component_speaks_for_all() {
    let mut world = World::new(canary(&["api", "web"]));
    world.workload("api", Track::Stable).revision = Some(7);
    world.workload("web", Track::Stable).revision = Some(2);
    let look = |observed: &Observed| way_back(&world.release, None, Some(observed)).unwrap();
    let mut observed = world.observe();
    assert_eq!(look(&observed).brief(), "way back ready", "the revisions differ");
    observed.components.get_mut("web").unwrap().stable = None;
    assert_eq!((look(&observed).brief().as_str(), look(&observed).worst().unwrap().0), ("no way back", "web"));
}

proptest! {
    /// Green only where everything that it takes was seen.
    #[test]
    fn ready_is_never_said_by_ignorance(
        ready in 0_u32..=5,
        replicas in 0_u32..=5,
        presence in prop::option::of(0_u8..4),
        replaced: bool, is_kept: bool, same_uid: bool, routed: bool, exists: bool,
    ) {
        let presence = presence.map(|p| match p {
            0 => Presence::Present,
            1 => Presence::Missing,
            2 => Presence::Forbidden,
            _ => Presence::Unread("timeout".into()),
        });
        let back = told(|c| {
            needing(c, presence.clone());
            let w = stable(c);
            (w.replicas, w.ready, w.updated, w.ready_addresses) = (replicas, ready.min(replicas), replicas, ready.min(replicas));
            if replaced {
                promoted(w);
            }
            if !is_kept {
                w.revisions.clear();
            }
            if !same_uid {
                w.uid.push('2');
            }
            if !routed {
                c.route = Err(RouteProblem::Unread("timeout".into()));
            }
            if !exists {
                c.stable = None;
            }
        });
        if back.stand == Stand::Ready {
            let runs = ready.min(replicas) >= 4 && !replaced;
            prop_assert!(exists && routed && same_uid);
            prop_assert!(runs || presence == Some(Presence::Present));
            prop_assert!(!replaced || is_kept);
        }
    }
}
