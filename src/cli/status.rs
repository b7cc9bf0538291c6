//! `cutover status`: one line a release.

use futures::StreamExt as _;
use serde::Serialize;

use crate::domain::observed::Workload;
use crate::domain::release::Track;
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::step::Step;
use crate::domain::time::Millis;
use crate::domain::verdict::Verdict;
use crate::engine::auto_sync;
use crate::engine::command::describe;
use crate::engine::needs::{Need, foremost, missing};
use crate::engine::way_back::{WayBack, way_back};

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::look::{Look, look};
use super::output::{Output, Row};
use super::pilot::narrator::version;
use super::session::Session;
use super::view::WayBackJson;

/// How many releases are looked at at once.
const AT_ONCE: usize = 4;
/// A Lease that was not renewed for this long has no driver any more.
const GONE: Millis = crate::domain::port::LEASE_DURATION;

/// Show where each release is
///
/// One line a release: strategy, where the traffic is, versions, the verdict and what it rests on, what is waited for,
/// whether a rollback would find what it goes back to, who drives. Nothing is written.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover status
  cutover status -A -o json | jq '.[] | select(.phase == \"paused\")'
  cutover status storefront -n shop")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}

/// One release. Field names are stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    release: String,
    namespace: String,
    strategy: &'static str,
    /// `idle` while no run is under way.
    phase: &'static str,
    /// Where the run is, or why it cannot be told.
    state: String,
    step: Option<String>,
    /// Percent asked by us.
    asked: Option<u8>,
    components: Vec<ComponentStatus>,
    verdict: &'static str,
    /// The gate that decides, or what is in doubt.
    evidence: Option<String>,
    /// Requests that the verdict rests on.
    requests: u64,
    waiting: Option<String>,
    /// Argo CD apps whose auto-sync is off by us.
    auto_sync_off: Vec<String>,
    driver: Option<String>,
    /// Whether a rollback would find what it goes back to; absent while one is under way.
    way_back: Option<&'static str>,
    /// The same in few words: `rev 41 ready`.
    #[serde(skip)]
    way_back_brief: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ComponentStatus {
    component: String,
    stable: Option<String>,
    candidate: Option<String>,
    stable_ready: Option<String>,
    candidate_ready: Option<String>,
    /// Percent that the route holds.
    accepted: Option<u8>,
    /// Percent of the requests counted.
    observed: Option<f64>,
    /// Who else manages its objects.
    managers: Vec<String>,
    /// Why the route cannot be told.
    problem: Option<String>,
    /// What a rollback would go back to.
    way_back: Option<WayBackJson>,
}

/// Prints it.
///
/// # Errors
/// When the cluster cannot be read.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let session = Session::open(global).await?;
    let releases = match &args.which.release {
        Some(_) => vec![session.release(&args.which).await?],
        None => session.releases().await?,
    };
    let rows: Vec<Status> = futures::stream::iter(releases)
        .map(|release| {
            let (world, _) = session.world(&release, false);
            let now = session.clock.now();
            async move { status(&look(world.as_ref(), &release, "", now).await) }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    out.all(&[], &rows, "no release: there is no Deployment here; choose a namespace with -n, or all with -A")?;
    Ok(Exit::Done)
}

fn status(look: &Look) -> Status {
    let r = look.rollout.as_ref().filter(|r| !r.is_blank());
    let running = r.filter(|r| !r.is_over());
    let judgement = &look.judgement;
    let overall = judgement.overall();
    let judged = running.is_some() && !judgement.gates.is_empty();
    let way = way_back(&look.release, r, look.observed.as_ref().ok()).filter(|w| !w.components.is_empty());
    Status {
        release: look.release.name.clone(),
        namespace: look.release.namespace.clone(),
        strategy: look.release.strategy.word(),
        phase: running.map_or("idle", |r| r.phase.word()),
        state: state(look, r),
        step: running.and_then(Rollout::step).map(ToString::to_string),
        asked: running.map(|r| r.asked.percent()),
        components: look.release.components.iter().map(|c| component(look, way.as_ref(), &c.name)).collect(),
        verdict: if judged { overall.word() } else { "none" },
        evidence: judgement.deciding().filter(|_| judged).map(|g| format!("{}: {}", g.component, g.evidence)),
        requests: if judged { judgement.gates.iter().map(|g| g.requests).max().unwrap_or(0) } else { 0 },
        waiting: running.and_then(|r| r.waiting.clone()),
        auto_sync_off: look.observed.as_ref().map(|o| auto_sync::told(&look.release, o, look.now)).unwrap_or_default(),
        driver: look.driver.as_ref().filter(|(_, age)| age.is_none_or(|a| a < GONE)).map(|(holder, _)| holder.clone()),
        way_back: way.as_ref().and_then(WayBack::worst).map(|(_, back)| back.stand.word()),
        way_back_brief: way.as_ref().map(WayBack::brief).unwrap_or_default(),
    }
}

fn state(look: &Look, r: Option<&Rollout>) -> String {
    if let Some(fault) = look.unreadable.as_ref().or(look.observed.as_ref().err()) {
        return fault.text.clone();
    }
    match r {
        None => "no run yet".to_owned(),
        Some(r) if r.is_over() => match r.ended {
            Some(at) => format!("{} {}", r.phase.word(), at.strftime("%Y-%m-%d %H:%MZ")),
            None => r.phase.word().to_owned(),
        },
        Some(r) => match (r.step(), &r.phase) {
            (Some(Step::Follow), Phase::Progressing) => followed(look, r).unwrap_or_else(|| describe(r)),
            (Some(Step::Hold(length)), Phase::Progressing) => format!("hold {} of {}", r.covered.clock(), length.clock()),
            _ => describe(r),
        },
    }
}

/// What Argo Rollouts waits for now: what is on record is what a driver saw last.
fn followed(look: &Look, r: &Rollout) -> Option<String> {
    let needs = missing(r, look.observed.as_ref().ok()?);
    foremost(needs.into_iter().filter_map(|need| if let Need::Wait(_, text) = need { Some(text) } else { None }))
}

fn component(look: &Look, way: Option<&WayBack>, name: &str) -> ComponentStatus {
    let observed = look.observed.as_ref().ok();
    let workload = |track| observed.and_then(|o| o.workload(name, track));
    let image = |track| {
        let container = look.release.component(name).and_then(|c| c.container.clone());
        workload(track)?.image(container.as_deref()).map(|i| i.image.clone())
    };
    let ready = |track| workload(track).map(|w| format!("{}/{}", w.ready, w.replicas));
    let route = observed.and_then(|o| o.components.get(name)).map(|c| &c.route);
    let rolling = look.release.strategy.is_in_place();
    ComponentStatus {
        component: name.to_owned(),
        stable: image(Track::Stable),
        candidate: image(Track::Candidate),
        stable_ready: ready(Track::Stable),
        candidate_ready: ready(Track::Candidate),
        accepted: route.and_then(|r| r.as_ref().ok()).map(|f| f.percent()).or_else(|| argo_weight(workload(Track::Stable)?)),
        observed: look.judgement.observed.get(name).map(|s| (s.0 * 1000.0).round() / 10.0),
        managers: observed
            .and_then(|o| o.components.get(name))
            .map(|c| c.owners.iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        problem: route.filter(|_| !rolling).and_then(|r| r.as_ref().err()).map(ToString::to_string),
        way_back: way.and_then(|w| w.components.get(name)).map(WayBackJson::from),
    }
}

/// The share that Argo Rollouts gives the new version, where its router says so.
fn argo_weight(workload: &Workload) -> Option<u8> {
    u8::try_from(workload.argo.as_ref()?.routed()?).ok()
}

impl Row for Status {
    /// `storefront  canary 25 %  v2.3.1 → v2.4.0  healthy (41 k requests)  hold 4:10 of 10:00  rev 41 ready  driver you@bastion1`.
    fn cells(&self) -> Vec<String> {
        let weight = self.components.iter().filter_map(|c| c.accepted).max();
        let traffic = weight.map_or_else(|| self.strategy.to_owned(), |w| format!("{} {w} %", self.strategy));
        let first = self.components.first();
        let version = |image: Option<&String>| image.map_or("–".to_owned(), |i| version(i));
        let stable = version(first.and_then(|c| c.stable.as_ref()));
        let candidate = first.and_then(|c| c.candidate.as_ref()).map(|i| self::version(i)).filter(|v| *v != stable);
        let versions = candidate.map_or_else(|| stable.clone(), |c| format!("{stable} → {c}"));
        let verdict = match (&self.evidence, self.verdict) {
            (_, "none") => "–".to_owned(),
            (Some(evidence), word) if word != Verdict::Healthy.word() => format!("{word} ({evidence})"),
            (_, word) => format!("{word} ({} requests)", short(self.requests)),
        };
        let problem = self.components.iter().find_map(|c| c.problem.as_ref().map(|p| format!("{}: {p}", c.component)));
        let mut state = problem.unwrap_or_else(|| self.state.clone());
        self.auto_sync_off.iter().for_each(|off| state.push_str(&format!("; {off}")));
        let driver = match &self.driver {
            Some(holder) => format!("driver {holder}"),
            None if self.phase == "idle" => String::new(),
            None => "no driver: nobody rolls back".to_owned(),
        };
        vec![self.release.clone(), self.namespace.clone(), traffic, versions, verdict, state, self.way_back_brief.clone(), driver]
    }
}

/// A count as people read it: `937`, `41 k`, `1.2 M`.
fn short(n: u64) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{} k", n / 1000),
        _ => format!("{:.1} M", n as f64 / 1e6),
    }
}
