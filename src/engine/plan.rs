//! A strategy becomes a list of steps.

use crate::domain::command::Refusal;
use crate::domain::release::{Release, Router, Stage, Strategy};
use crate::domain::step::Step;
use crate::domain::weight::Weight;

/// Compiles a release's strategy to steps.
pub fn compile(release: &Release) -> Vec<Step> {
    let mut plan = match &release.strategy {
        Strategy::Canary(canary) => {
            let mut plan = vec![Step::Prepare];
            plan.extend(stages(&canary.steps, Step::Shift));
            plan.push(Step::Promote);
            plan
        }
        Strategy::BlueGreen(bg) => {
            let mut plan = vec![Step::Prepare];
            plan.extend(bg.approve.then(|| Step::Approve("switch".to_owned())));
            plan.push(Step::Shift(Weight::FULL));
            plan.push(Step::Hold(bg.hold));
            plan.extend(bg.retire.map(Step::Retire));
            plan
        }
        Strategy::Rolling(rolling) => {
            let mut plan: Vec<Step> = stages(&rolling.steps, Step::Roll).collect();
            if !plan.contains(&Step::Roll(Weight::FULL)) {
                plan.push(Step::Roll(Weight::FULL));
            }
            plan
        }
        Strategy::ArgoRollout => vec![Step::Follow],
    };
    plan.extend(release.watch.map(Step::Watch));
    plan
}

fn stages(stages: &[Stage], shift: fn(Weight) -> Step) -> impl Iterator<Item = Step> {
    stages.iter().flat_map(move |stage| match stage {
        Stage::Weight { weight, hold } if hold.0 == 0 => vec![shift(*weight)],
        Stage::Weight { weight, hold } => vec![shift(*weight), Step::Hold(*hold)],
        Stage::Approve { label } => vec![Step::Approve(label.clone())],
    })
}

/// Whether a release's parts fit each other, objects aside.
///
/// # Errors
/// [`Refusal::Unfit`] or [`Refusal::Weight`], naming the component and what would fit.
pub fn check(release: &Release) -> Result<(), Refusal> {
    let unfit = |what: String| Err(Refusal::Unfit { what });
    if release.components.is_empty() {
        return unfit(format!("release {} has no component", release.name));
    }
    for c in &release.components {
        if c.testers.is_some() && !c.router.tells_testers() {
            let router = c.router.word();
            return unfit(format!(
                "{}: testers cannot be told apart by {router}: use istio, gateway or nginx, or leave `testers` out",
                c.name
            ));
        }
        match (&release.strategy, &c.router) {
            (Strategy::Rolling(_) | Strategy::ArgoRollout, _) => {}
            (_, Router::None) => {
                return unfit(format!(
                    "{}: a {} release needs a route: istio, gateway, nginx, service or replicas",
                    c.name,
                    release.strategy.word()
                ));
            }
            (Strategy::Canary(_), Router::Service { .. }) => {
                let why = "a Service selector can ask for 0 or 100 % only: use blueGreen, or a router with weights".to_owned();
                return Err(Refusal::Weight { component: c.name.clone(), why });
            }
            (Strategy::BlueGreen(_), Router::Replicas { .. }) => {
                return unfit(format!("{}: blue-green cannot switch by replica ratio: use service, istio or gateway", c.name));
            }
            // At 100 % too the canary is served only while the main Ingress' own pods answer: the colour that is left could
            // never go.
            (Strategy::BlueGreen(_), Router::Nginx { .. }) => {
                return unfit(format!(
                    "{}: blue-green cannot switch by canary annotations: use service, istio or gateway, or a canary",
                    c.name
                ));
            }
            _ if c.candidate.is_none() => {
                return unfit(format!("{}: a {} release needs a candidate Deployment", c.name, release.strategy.word()));
            }
            _ => {}
        }
    }
    Ok(())
}
