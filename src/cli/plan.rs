//! `cutover plan`: what a run would do.

use serde::Serialize;

use crate::domain::command::{Command, Order};
use crate::domain::gate::{Gate, Limit};
use crate::domain::observed::Observed;
use crate::domain::step::Step;
use crate::domain::text::sanitize;
use crate::domain::time::Millis;
use crate::engine::preview::{Preview, preview};
use crate::engine::{compile, plan};

use super::args::{Global, Which};
use super::error::{CliError, safe_lines};
use super::exit::Exit;
use super::images::ImageArgs;
use super::look::{managers, weigh};
use super::output::Output;
use super::session::Session;

/// Show the steps of a release and its first changes
///
/// Compiles the strategy to steps and shows which fields of which objects the first step would change, from what to what.
/// Nothing is written.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover plan
  cutover plan --image backend=shop/backend:v2.4.0
  cutover plan -o json | jq -r '.steps[]'")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
    /// The wanted images.
    #[command(flatten)]
    pub images: ImageArgs,
}

#[derive(Serialize)]
struct Plan<'a> {
    release: &'a str,
    namespace: &'a str,
    strategy: &'static str,
    steps: Vec<String>,
    gates: Vec<String>,
    first: &'a [crate::domain::action::Change],
    remarks: &'a [String],
    managers: Vec<String>,
    /// What else sends to a candidate, whatever the weights are.
    beside: Vec<String>,
    refused: Option<String>,
}

/// Prints it.
///
/// # Errors
/// When the cluster cannot be read or the release does not fit together.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let session = Session::open(global).await?;
    let release = session.release(&args.which).await?;
    plan::check(&release).map_err(|refusal| CliError::Refused(refusal.to_string()))?;
    let names: Vec<&str> = release.components.iter().map(|c| c.name.as_str()).collect();
    let images = args.images.by_component(&names).map_err(CliError::Usage)?;
    let (world, _) = session.world(&release, false);
    let now = session.clock.now();
    let seen = weigh(world.as_ref(), &release, now).await;
    let observed = seen.observed?;
    let command = Command::Start { images, cause: None };
    let order = Order { id: "plan".to_owned(), command, actor: crate::journal::who::actor(), at: now.wall, mark: None };
    let first = preview(&release, seen.rollout.as_ref(), Some(&observed), &order, now);
    let managers = managers(&observed);
    let steps = compile(&release).iter().map(|step| told(step, &observed)).collect();
    show(&release, &first, (steps, managers, observed.notes().collect()), out)?;
    Ok(Exit::Done)
}

/// A step; of one that Argo Rollouts carries out, with the steps that stand in its Rollouts.
fn told(step: &Step, observed: &Observed) -> String {
    let walks = observed.components.values().filter_map(|c| c.stable.as_ref()?.argo.as_ref()?.walk());
    let walks: Vec<String> = walks.filter(|_| *step == Step::Follow).collect();
    if walks.is_empty() { step.to_string() } else { format!("{step}: {}", walks.join("; ")) }
}

/// `errors: above 5 % for 5m → rollback`.
fn gate(g: &Gate) -> String {
    let limit = match g.limit {
        Limit::Above(_) | Limit::AboveStable { .. } => format!("above {}", g.limit_text()),
        Limit::Below(_) => format!("below {}", g.limit_text().trim_start_matches("≥ ")),
        Limit::AtLeast(_) => format!("at least {}", g.limit_text()),
    };
    let lasting = if g.lasting > Millis::ZERO { format!(" for {}", g.lasting) } else { String::new() };
    let then = format!("{:?}", g.then).to_lowercase();
    // A gate without a name of its own is called by its limit.
    if g.name.contains(&g.limit_text()) {
        format!("{}{lasting} → {then}", g.name)
    } else {
        format!("{}: {limit}{lasting} → {then}", g.name)
    }
}

fn show(
    release: &crate::domain::release::Release,
    first: &Preview,
    (steps, managers, beside): (Vec<String>, Vec<String>, Vec<String>),
    out: &mut Output<'_>,
) -> std::io::Result<()> {
    let plan = Plan {
        release: &release.name,
        namespace: &release.namespace,
        strategy: release.strategy.word(),
        steps,
        gates: release.gates.iter().map(gate).collect(),
        first: &first.changes,
        remarks: &first.remarks,
        managers,
        beside,
        refused: first.refusal.as_ref().map(ToString::to_string),
    };
    out.one(&plan, |to| {
        writeln!(to, "{} in {}, {}", sanitize(plan.release), sanitize(plan.namespace), plan.strategy)?;
        plan.steps.iter().enumerate().try_for_each(|(n, step)| writeln!(to, "{:>3}  {}", n + 1, sanitize(step)))?;
        if !first.rounding.is_empty() {
            writeln!(to, "pods are the weight")?;
        }
        first.rounding.iter().try_for_each(|line| writeln!(to, "  ·  {}", sanitize(line)))?;
        writeln!(to, "gates")?;
        plan.gates.iter().try_for_each(|gate| writeln!(to, "  ·  {}", sanitize(gate)))?;
        writeln!(to, "first changes")?;
        match &plan.refused {
            Some(refusal) => writeln!(to, "  ·  none: {}", safe_lines(refusal))?,
            None => first.changes.iter().try_for_each(|change| writeln!(to, "  ·  {}", sanitize(&change.to_string())))?,
        }
        if !first.room.is_empty() {
            writeln!(to, "room for its pods")?;
        }
        first.room.iter().try_for_each(|line| writeln!(to, "  ·  {}", sanitize(line)))?;
        if !plan.managers.is_empty() {
            writeln!(to, "who else manages them")?;
        }
        plan.managers.iter().try_for_each(|m| writeln!(to, "  ·  {}", sanitize(m)))?;
        if !plan.beside.is_empty() {
            writeln!(to, "beside the weights")?;
        }
        plan.beside.iter().try_for_each(|note| writeln!(to, "  ·  {}", sanitize(note)))
    })
}
