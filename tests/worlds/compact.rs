//! The compact world of the simulation, asked as a driver asks it.

use std::borrow::Cow;

use cutover::domain::observed::Observed;
use cutover::domain::port::Haste;
use cutover::domain::release::Track;
use cutover::domain::time::Millis;
use cutover::driver::core::io::{Call, Reply};
use cutover::engine::orient;

use super::hand::Hand;
use super::layout::Layout;
use super::run::Side;
use crate::world::argo::Rights;
use crate::world::{Application, Deployment, Hand as By, Lease, Nature, Neighbour, Part, World};

/// What the two weights of a route sum to.
const TOTAL: u32 = 100;
/// How long is waited for rest.
const PATIENCE: Millis = Millis::mins(10);

pub struct Compact {
    world: World,
}

impl Compact {
    pub fn new(layout: Layout, namespace: &str) -> Compact {
        let mut world = World::new(layout.release(namespace), Nature::default(), TOTAL);
        world.application = (layout == Layout::Application).then(|| Application::healing(Rights::Yes));
        Compact { world }
    }

    fn deployment(&mut self, component: &str, track: Track) -> Result<&mut Deployment, String> {
        let part = self.part(component)?;
        let side = if track == Track::Stable { part.stable.as_mut() } else { part.candidate.as_mut() };
        side.ok_or_else(|| format!("there is no {track}"))
    }

    fn part(&mut self, component: &str) -> Result<&mut Part, String> {
        self.world.parts.iter_mut().find(|p| p.declared.name == component).ok_or_else(|| format!("no component {component}"))
    }

    fn change(&mut self, component: &str, track: Track, change: impl FnOnce(&mut Deployment)) -> Result<(), String> {
        let version = self.world.version();
        let deployment = self.deployment(component, track)?;
        change(deployment);
        deployment.version = version;
        Ok(())
    }
}

impl Side for Compact {
    async fn ask(&mut self, call: Call) -> Reply {
        let world = &mut self.world;
        match call {
            Call::Load { .. } => Reply::Loaded(world.load()),
            Call::Observe { release, haste } => {
                let mut seen = world.observe(false);
                if haste == Haste::AtOnce {
                    seen.at_once();
                }
                let faced = orient::facing(&release, &world.release.components, &seen).map(Cow::into_owned);
                Reply::Observed(Ok(faced.unwrap_or(seen).into()))
            }
            Call::Store { rollout, expect, spent } => Reply::Stored(world.store(rollout, expect.as_deref(), &spent)),
            Call::Lease { holder, ask, .. } => Reply::Leased(world.ask_lease(&holder, &ask)),
            Call::Append { order, .. } => Reply::Appended(world.append(order)),
            Call::Write { action, precondition, stamp } => Reply::Written(world.apply(&action, precondition, &stamp)),
            Call::Sample { .. } | Call::Journal { .. } => Reply::Journaled(Ok(())),
        }
    }

    async fn hand(&mut self, hand: &Hand, component: &str, _: Option<&Observed>) -> Result<(), String> {
        let (version, now) = (self.world.version(), self.world.now);
        match hand {
            Hand::Weighs(n) => {
                let route = self.part(component)?.route.as_mut().ok_or("there is no route")?;
                route.set((TOTAL - n, *n), (version, now), By::Foreign);
            }
            Hand::TouchesRoute => self.part(component)?.route.as_mut().ok_or("there is no route")?.version = version,
            Hand::DropsRoute => self.part(component)?.route = None,
            Hand::MakesRoute => self.part(component)?.route = Some(crate::world::Route::made((TOTAL, 0), version)),
            Hand::Neighbours(stands) => {
                let part = self.part(component)?;
                part.neighbour = Some(Neighbour { since: stands.then_some(now) });
            }
            Hand::Touches(on) => self.change(component, *on, |_| ())?,
            Hand::Scales(on, to) => self.change(component, *on, |d| {
                (d.replicas, d.generation, d.replicas_by) = (*to, d.generation + 1, Some(By::Foreign));
            })?,
            Hand::Sets(on, image) => self.change(component, *on, |d| {
                d.set_image(image, By::Foreign);
                d.generation += 1;
            })?,
            Hand::Pauses(on, paused) => self.change(component, *on, |d| {
                d.set_paused(*paused);
                d.generation += 1;
            })?,
            Hand::Drops(Track::Stable) => self.part(component)?.stable = None,
            Hand::Drops(Track::Candidate) => self.part(component)?.candidate = None,
            Hand::Bounds(on, min, max) => self.deployment(component, *on)?.scaler = Some((*min, *max)),
            Hand::Forgets(on, revision) => self.deployment(component, *on)?.kept.retain(|k| k.revision != *revision),
            Hand::DropsRecord => self.world.record = None,
            Hand::DamagesRecord => {
                let record = self.world.record.as_mut().ok_or("there is no record")?;
                (record.damaged, record.version) = (true, version);
            }
            Hand::Switches(on) => self.world.application.as_mut().ok_or("there is no Application")?.automated = *on,
            Hand::DropsLease => self.world.lease = Lease::default(),
            Hand::DropsNamespace => self.world.vanish(),
        }
        Ok(())
    }

    async fn pass(&mut self) -> bool {
        self.world.advance(self.world.now.plus(Millis::secs(1)));
        self.world.now < PATIENCE
    }
}
