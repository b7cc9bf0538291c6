//! From a step to what it asks of one world, by what that world has told so far.

use std::collections::BTreeMap;

use cutover::cluster::traffic;
use cutover::domain::action::{Action, ImageChange, Precondition, Target};
use cutover::domain::auto_sync::Application;
use cutover::domain::command::{Command, Order};
use cutover::domain::object::{Kind, ObjectRef};
use cutover::domain::observed::{Observed, Workload};
use cutover::domain::port::{Haste, LeaseAsk};
use cutover::domain::release::{Component, Release, Track};
use cutover::domain::rollout::Rollout;
use cutover::domain::testers::TestersMove;
use cutover::domain::weight::Weight;
use cutover::driver::core::io::Call;
use cutover::engine::orient;
use jiff::Timestamp;

use super::hand::{Hand, image, side};
use super::layout::Layout;
use super::script::Step;

/// What a step does.
#[derive(Debug)]
pub enum Deed {
    /// Looks; first everything comes to rest, where that is asked.
    Look {
        /// Whether it is.
        at_rest: bool,
        /// How it is waited for.
        haste: Haste,
    },
    /// Asks.
    Call(Box<Call>),
    /// Somebody else does something.
    Hand(Hand),
    /// From now on the roles are the other way round.
    Turn,
}

/// What one world has told so far.
pub struct Told {
    pub layout: Layout,
    pub release: Release,
    pub looks: BTreeMap<String, Observed>,
    pub newest: Option<Observed>,
    /// Versions that answers were kept under.
    pub versions: BTreeMap<String, String>,
    /// The record's newest version.
    pub record: Option<String>,
}

impl Told {
    pub fn new(layout: Layout, release: Release) -> Told {
        Told { layout, release, looks: BTreeMap::new(), newest: None, versions: BTreeMap::new(), record: None }
    }

    /// What a step asks.
    ///
    /// # Errors
    /// When the world has not told what the step rests on.
    pub fn deed(&self, step: &Step) -> Result<Deed, String> {
        let words: Vec<&str> = step.line.split_whitespace().collect();
        let call = match words.as_slice() {
            ["look"] => return Ok(Deed::Look { at_rest: true, haste: Haste::Waited }),
            ["glance"] => return Ok(Deed::Look { at_rest: false, haste: Haste::Waited }),
            ["glance", "at", "once"] => return Ok(Deed::Look { at_rest: false, haste: Haste::AtOnce }),
            ["turn"] => return Ok(Deed::Turn),
            ["somebody", rest @ ..] => return Ok(Deed::Hand(Hand::read(rest))),
            ["write", rest @ ..] => {
                let action = Box::new(self.action(step, rest)?);
                let otherwise = if matches!(*action, Action::Route { .. }) { Precondition::Unchanged } else { Precondition::Value };
                let stamp = step.stamp.clone().unwrap_or_else(|| "1.1".into());
                Call::Write { action, precondition: step.precondition.unwrap_or(otherwise), stamp }
            }
            ["lease", who, rest @ ..] => {
                let (namespace, release) = self.named();
                Call::Lease { namespace, release, holder: format!("{who}@host"), ask: self.lease(rest)? }
            }
            rest => self.record(rest)?,
        };
        Ok(Deed::Call(Box::new(call)))
    }

    /// A look.
    pub fn observe(&self, haste: Haste) -> Call {
        Call::Observe { release: self.release.clone().into(), haste }
    }

    fn named(&self) -> (String, String) {
        (self.release.namespace.clone(), self.release.name.clone())
    }

    fn version(&self, name: &str) -> Result<String, String> {
        self.versions.get(name).cloned().ok_or_else(|| format!("no version is known as {name}"))
    }

    fn lease(&self, words: &[&str]) -> Result<LeaseAsk, String> {
        let epoch = |text: &str| text.parse().map_err(|e| format!("{text}: {e}"));
        Ok(match words {
            ["read"] => LeaseAsk::Read,
            ["acquire"] => LeaseAsk::Acquire { expired: None, after: 0 },
            ["acquire", "after", n] => LeaseAsk::Acquire { expired: None, after: epoch(n)? },
            ["acquire", seen] => LeaseAsk::Acquire { expired: Some(self.version(seen)?), after: 0 },
            ["renew", n] => LeaseAsk::Renew { epoch: epoch(n)? },
            ["release", n] => LeaseAsk::Release { epoch: epoch(n)? },
            _ => return Err(format!("a Lease cannot {words:?}")),
        })
    }

    fn record(&self, words: &[&str]) -> Result<Call, String> {
        let (namespace, release) = self.named();
        Ok(match words {
            ["load"] => Call::Load { namespace, release },
            ["append", id] => Call::Append { namespace, release, order: order(id) },
            ["store", run, "over", over, rest @ ..] => {
                let expect = match *over {
                    "none" => None,
                    "newest" => Some(self.record.clone().ok_or("no record was seen")?),
                    name => Some(self.version(name)?),
                };
                let spent = rest.iter().skip(1).map(|id| (*id).to_owned()).collect();
                Call::Store { rollout: rollout(&self.release, run).into(), expect, spent }
            }
            _ => return Err(format!("{words:?} is nothing that can be done")),
        })
    }

    fn declared(&self, step: &Step) -> Result<&Component, String> {
        self.release.components.iter().find(|c| c.name == step.component()).ok_or_else(|| format!("no component {}", step.component()))
    }

    fn look(&self, step: &Step) -> Result<&Observed, String> {
        match &step.seen {
            Some(name) => self.looks.get(name).ok_or_else(|| format!("no look is known as {name}")),
            None => self.newest.as_ref().ok_or_else(|| "nobody has looked yet".into()),
        }
    }

    fn target(&self, step: &Step, track: Track) -> Result<(Target, &Workload), String> {
        let seen = self.look(step)?.workload(step.component(), track).ok_or_else(|| format!("there was no {track} to write to"))?;
        Ok((Target::of(track, &self.release.namespace, seen), seen))
    }

    fn action(&self, step: &Step, words: &[&str]) -> Result<Action, String> {
        let component = step.component().to_owned();
        let number = |text: &str| text.parse::<u32>().map_err(|e| format!("{text}: {e}"));
        Ok(match words {
            ["route", percent, testers @ ..] => {
                let facts = self.look(step)?.components.get(&component).ok_or("no such component")?.route.clone();
                let facts = facts.map_err(|problem| problem.to_string())?;
                let weight = Weight::capped(u8::try_from(number(percent)?).map_err(|e| e.to_string())?);
                Action::Route { component, facts, weight, testers: testers_move(testers)? }
            }
            ["scale", on, to] => {
                let (target, seen) = self.target(step, side(on))?;
                Action::Scale { component, target, from: seen.replicas, to: number(to)? }
            }
            ["images", on, tag, rest @ ..] => {
                let (target, seen) = self.target(step, side(on))?;
                let paused = rest.first().map(|word| *word == "paused");
                Action::SetImages { component, target, images: changes(seen, tag), cause: Some(format!("to {tag}")), paused }
            }
            ["pause", on] => Action::SetPaused { component, target: self.target(step, side(on))?.0, paused: true },
            ["unpause", on] => Action::SetPaused { component, target: self.target(step, side(on))?.0, paused: false },
            ["clone", tag, n] => {
                let (from, seen) = self.target(step, Track::Stable)?;
                let name = self.declared(step)?.candidate.clone().ok_or("it has no candidate")?;
                let labels = BTreeMap::from([("version".to_owned(), self.layout.version_label(true).to_owned())]);
                Action::Clone {
                    component,
                    from,
                    name,
                    labels,
                    images: changes(seen, tag),
                    replicas: number(n)?,
                    cause: Some("try it".into()),
                }
            }
            ["undo", on, revision] => {
                let (target, seen) = self.target(step, side(on))?;
                let revision = u64::from(number(revision)?);
                let kept = seen.revisions.iter().find(|k| k.revision == revision).ok_or("it keeps no such revision")?;
                Action::Undo { component, target, revision, replica_set: kept.replica_set.clone(), cause: None }
            }
            ["suspend"] => Action::SuspendSync { component, application: self.application(step)? },
            ["restore"] => Action::RestoreSync { component, application: self.application(step)? },
            ["fence", what] => Action::Fence { component, object: self.fenced(step, what)? },
            _ => return Err(format!("nobody writes {words:?}")),
        })
    }

    fn application(&self, step: &Step) -> Result<Box<Application>, String> {
        let owners = self.look(step)?.components.get(step.component()).map(|c| c.owners.as_slice()).unwrap_or_default();
        owners.iter().find_map(|o| o.application.clone()).ok_or_else(|| "no Application was seen".into())
    }

    /// The roles as they are once the candidate serves everything.
    ///
    /// # Errors
    /// When it does not.
    pub fn turn(&mut self) -> Result<(), String> {
        let seen = self.newest.as_ref().ok_or("nobody has looked yet")?;
        let (release, _) = orient::turned(&self.release, seen).ok_or("the candidate does not serve everything")?;
        self.release = release;
        Ok(())
    }

    fn fenced(&self, step: &Step, what: &str) -> Result<ObjectRef, String> {
        let (declared, namespace) = (self.declared(step)?, &self.release.namespace);
        let deployment = |name: &str| ObjectRef::new(Kind::Deployment, namespace.clone(), name);
        match what {
            "route" => traffic::object(declared, namespace).ok_or_else(|| "it has no route of its own".into()),
            on => match side(on) {
                Track::Stable => Ok(deployment(&declared.stable)),
                Track::Candidate => declared.candidate.as_deref().map(deployment).ok_or_else(|| "it has no candidate".into()),
            },
        }
    }
}

fn testers_move(words: &[&str]) -> Result<TestersMove, String> {
    match words {
        [] => Ok(TestersMove::Keep),
        ["admit"] => Ok(TestersMove::Add),
        ["dismiss"] => Ok(TestersMove::Remove),
        _ => Err(format!("nobody does {words:?} with testers")),
    }
}

fn changes(seen: &Workload, tag: &str) -> Vec<ImageChange> {
    let one = |(index, c): (usize, &cutover::domain::observed::ContainerImage)| ImageChange {
        index,
        container: c.name.clone(),
        from: c.image.clone(),
        to: image(tag),
    };
    seen.containers.iter().enumerate().map(one).collect()
}

/// An order; those whose names come later were given earlier, so that a world that sorts by name is found out.
fn order(id: &str) -> Order {
    let at = Timestamp::from_second(1_000_000 - i64::from(id.bytes().next_back().unwrap_or(0))).unwrap();
    Order { id: id.to_owned(), command: Command::Pause, actor: "ada@host".into(), at, mark: None }
}

/// A run that holds nothing but its name.
fn rollout(release: &Release, id: &str) -> Rollout {
    Rollout { epoch: 1, ..Rollout::new(release.clone(), id, "ada@host", Timestamp::UNIX_EPOCH) }
}
