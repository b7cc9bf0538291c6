//! Drives a scenario's release to its end, in lock-step: one seed, one story.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use super::super::Outcome;
use super::super::args::Global;
use super::super::drive::{self, Job};
use super::super::error::CliError;
use super::super::output::Output;
use super::super::pilot::{Goal, Scripted};
use super::Args;
use super::clock::{LockStep, shared};
use super::stage;
use crate::cluster::connect;
use crate::cluster::discover;
use crate::domain::command::{Command, Order};
use crate::domain::image::Image;
use crate::domain::release::Release;
use crate::domain::text::sanitize;
use crate::domain::time::Millis;
use crate::driver::shell::Clock;
use crate::driver::world::Kubernetes;
use crate::journal::Journal;
use crate::sim::http::Clock as Pace;
use crate::sim::scenario::{Answer, Scenario};

/// How long a rehearsal may take, virtual time, where nobody says.
const LONGEST: Millis = Millis::mins(120);

/// Runs it.
pub async fn run(args: &Args, global: &Global, scenario: &Scenario, out: &mut dyn Write) -> Result<Outcome, CliError> {
    let server = stage::server(args, scenario, Pace::LockStep, None).await?;
    let path = stage::kubeconfig(args, scenario, &server)?;
    let connection = connect(&stage::options(path.clone(), global.read_only)).await;
    let connection = connection.map_err(|e| CliError::Unreachable(e.to_string()))?;
    let release = release(scenario, &connection).await?;
    let clock = shared(LockStep(server.handle()));
    let order = start(scenario, clock.as_ref())?;
    let name = release.name.clone();
    let job = Job {
        known: None,
        release,
        order: Some(order),
        goal: Goal::End { people: true },
        timeout: Some(global.timeout.unwrap_or(LONGEST)),
        script: script(scenario),
        holder: "demo".to_owned(),
        may_write: !global.read_only,
        aloud: true,
        record: global.record.clone(),
        leaving: None,
        once_driving: None,
    };
    let world = Arc::new(Kubernetes::new(connection.unary.clone(), Arc::clone(&clock), Journal::in_memory()));
    let mut output = Output::new(out, global.output);
    let ending = drive::drive(job, world, clock, drive::signals()?, &mut output).await;
    server.stop().await;
    stage::forget(args, &path);
    let ending = ending?;
    if output.is_table() {
        output.next(&serde_json::Value::Null, &sanitize(&ending.text))?;
    } else {
        super::super::view::end(&name, &ending, &mut output, &mut std::io::sink())?;
    }
    Ok(Outcome::Exit(ending.exit))
}

/// The scenario's release, completed from what is in the cluster.
async fn release(scenario: &Scenario, connection: &crate::cluster::Connection) -> Result<Release, CliError> {
    let namespace = &scenario.namespace;
    let objects = discover::read(&connection.unary, namespace).await.map_err(|e| CliError::Other(e.to_string()))?;
    let declared = stage::declared(scenario)?.into_iter().next();
    let declared = declared
        .ok_or_else(|| CliError::Usage(format!("scenario {} has no release to drive: use the console, or --serve", scenario.name)))?;
    let found = objects.fill(&declared, namespace, &connection.context, None).map_err(CliError::Usage)?;
    Ok(declared.complete(found))
}

fn start(scenario: &Scenario, clock: &dyn Clock) -> Result<Order, CliError> {
    let read = |(component, image): (&String, &String)| {
        let image = Image::parse(image).map_err(|e| CliError::Usage(format!("scenario {}: start: {e}", scenario.name)))?;
        Ok((component.clone(), image))
    };
    let images = scenario.start.images.iter().map(read).collect::<Result<BTreeMap<_, _>, CliError>>()?;
    let cause = Some(format!("rehearsal {}", scenario.name));
    Ok(Order {
        id: "start".to_owned(),
        command: Command::Start { images, cause },
        actor: "demo".to_owned(),
        at: clock.now().wall,
        mark: None,
    })
}

fn script(scenario: &Scenario) -> Vec<Scripted> {
    let one = |a: &crate::sim::scenario::Approval| Scripted {
        at: a.at.clone(),
        after: Millis(a.after.0),
        command: match a.answer {
            Answer::Approve => Command::Approve,
            Answer::Reject => Command::Reject,
        },
    };
    scenario.approvals.iter().map(one).collect()
}
