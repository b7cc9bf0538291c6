//! `cutover scale`: more or fewer pods for one side.

use std::io::Write;

use crate::domain::command::{self, Command};
use crate::domain::release::{Release, Source, Track};

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::orders::{Ask, give};
use super::output::Output;
use super::session::Session;

/// Give one side of a component more or fewer pods
///
/// Like `kubectl scale`, but a rollout under way takes part: its later steps, its promotion and its way back count on what
/// stable is given, and nothing reports or undoes it. It begins no rollout. The side is stable, the one that serves,
/// unless COMPONENT/candidate is named; the component may be left out where there is one. Waits until the pods are ready.
#[derive(Clone, Debug, clap::Args)]
#[command(
    override_usage = "cutover scale [OPTIONS] [RELEASE] [COMPONENT[/candidate]] REPLICAS",
    after_long_help = "\
Refused, with what to do instead:
  an autoscaler owns the replicas: its minReplicas are what is to be raised
  a quota has no room for the pods
  fewer pods than a side's share of the traffic needs, while a rollout is under way; more are always taken
  no pod for a side that gets traffic

Where pods are the weight (router replicas) and a rollout is under way, the weight stays: the other side grows along.

Examples:
  cutover scale 5
  cutover scale backend 5 --dry-run
  cutover scale storefront backend/candidate 3 -n shop --yes"
)]
pub struct Args {
    /// Release and component, where there are several, then the wanted pods.
    #[arg(value_name = "WHAT", required = true, num_args = 1..=3)]
    pub what: Vec<String>,
}

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Typed {
    release: Option<String>,
    /// A component, or a release where it is called so.
    name: Option<String>,
    track: Option<Track>,
    replicas: u32,
}

fn typed(what: &[String]) -> Result<Typed, CliError> {
    let (replicas, names) = what.split_last().ok_or_else(|| CliError::Usage("how many pods?".to_owned()))?;
    let Some(replicas) = command::pods(replicas) else {
        let last = what.last().map_or("", String::as_str);
        return Err(CliError::Usage(format!("`{last}` is no number of pods: cutover scale [RELEASE] [COMPONENT[/candidate]] REPLICAS")));
    };
    let (release, component) = match names {
        [] => (None, None),
        [one] => (None, Some(one)),
        [release, component, ..] => (Some(release.clone()), Some(component)),
    };
    let side = component.map(|c| command::side(c)).transpose();
    let side = side.map_err(|other| CliError::Usage(format!("`{other}` is no side: stable or candidate")))?;
    let (name, track) = side.map_or((None, None), |(name, track)| (Some(name.to_owned()), track));
    Ok(Typed { release, name, track, replicas })
}

/// One name alone is a component's, or a release's.
fn meant(name: &str, sided: bool, releases: &[Release]) -> Result<(Option<String>, Option<String>), CliError> {
    if let Some(release) = releases.iter().find(|r| r.name == *name).filter(|_| !sided) {
        return Ok((Some(release.name.clone()), None));
    }
    let with = |r: &&Release| r.component(name).is_some();
    let mut found: Vec<&Release> = releases.iter().filter(with).collect();
    if found.iter().any(|r| matches!(r.source, Source::Declared(_))) {
        found.retain(|r| matches!(r.source, Source::Declared(_)));
    }
    match found.as_slice() {
        [one] => Ok((Some(one.name.clone()), Some(name.to_owned()))),
        [] => {
            let all = releases.iter().flat_map(|r| r.components.iter().map(move |c| format!("{} {}", r.name, c.name)));
            let all: Vec<String> = all.collect();
            Err(CliError::Usage(format!("nothing is called `{name}`; there are (release and component): {}", all.join(", "))))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|r| r.name.as_str()).collect();
            Err(CliError::Usage(format!("which release's {name}? name one of: {}", names.join(", "))))
        }
    }
}

/// Scales.
///
/// # Errors
/// Whatever keeps the order from being given.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    let Typed { release, name, track, replicas } = typed(&args.what)?;
    let (release, component) = match (release, name) {
        (None, Some(name)) if !global.all_namespaces => meant(&name, track.is_some(), &Session::open(global).await?.releases().await?)?,
        (release, component) => (release, component),
    };
    let command = Command::Scale { component, track: track.unwrap_or(Track::Stable), replicas };
    give(Ask::of(&Which { release }, command), global, out, notes).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::world::canary;

    fn of(what: &str) -> Result<Typed, String> {
        typed(&what.split(' ').map(str::to_owned).collect::<Vec<_>>()).map_err(|e| e.to_string())
    }

    #[test]
    fn release_component_and_side_may_be_left_out() {
        let all = Typed { release: None, name: None, track: None, replicas: 5 };
        assert_eq!(of("5"), Ok(all.clone()));
        assert_eq!(of("backend 5"), Ok(Typed { name: Some("backend".into()), ..all.clone() }));
        let side = Typed { release: Some("shop".into()), name: Some("backend".into()), track: Some(Track::Candidate), replicas: 0 };
        assert_eq!(of("shop backend/candidate 0"), Ok(side));
        assert!(of("backend/green 5").unwrap_err().contains("`green` is no side"));
        for wrong in ["backend", "-1", "5 backend", "99999999999", "4294967295"] {
            assert!(of(wrong).unwrap_err().contains("is no number of pods"), "{wrong}");
        }
    }

    #[test]
    fn one_name_is_a_release_or_else_the_component_of_one() {
        let shop = canary(&["backend", "frontend"]);
        let other = Release { name: "other".into(), ..canary(&["other", "frontend"]) };
        let both = [shop, other];
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(meant("shop", false, &both).unwrap(), (some("shop"), None));
        assert_eq!(meant("backend", false, &both).unwrap(), (some("shop"), some("backend")));
        assert_eq!(meant("other", true, &both).unwrap(), (some("other"), some("other")), "a side is a component's");
        assert!(meant("frontend", false, &both).unwrap_err().to_string().contains("which release's frontend? name one of: shop, other"));
        assert!(meant("db", false, &both).unwrap_err().to_string().contains("shop backend, shop frontend, other other"));
    }
}
