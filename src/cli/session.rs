//! From the command line to a cluster and the releases in it.

use std::sync::Arc;

use futures::StreamExt as _;

use crate::cluster::connect::{ConnectError, ConnectOptions, Connection, connect, prepare};
use crate::cluster::discover;
use crate::cluster::error::ClusterError;
use crate::cluster::namespaces::namespaces;
use crate::cluster::state;
use crate::config::Lookup;
use crate::domain::declared::Declared;
use crate::domain::port::{Fault, FaultKind, Stored};
use crate::domain::release::Release;
use crate::domain::rollout::Rollout;
use crate::driver::shell::{Clock, SystemClock, World};
use crate::driver::world::Kubernetes;
use crate::journal::{Journal, Place};

use super::args::{Global, Which};
use super::error::CliError;

/// How many namespaces are read at once.
const AT_ONCE: usize = 8;

/// A cluster, and where time comes from.
pub struct Session {
    /// The cluster.
    pub connection: Connection,
    /// Time.
    pub clock: Arc<dyn Clock>,
    declared: Vec<Declared>,
    all_namespaces: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl Session {
    /// Reads the release file and connects.
    ///
    /// # Errors
    /// A faulty file, or no connection.
    pub async fn open(global: &Global) -> Result<Session, CliError> {
        let declared = crate::config::load(&Lookup::of_process(global.config.clone()))?;
        let connection = connect(&options(global)).await?;
        Ok(Session::of(connection, Arc::new(SystemClock::default()), declared, global.all_namespaces))
    }

    /// The same without asking the server anything yet: a rollback's first request is the one that finds its run.
    ///
    /// # Errors
    /// A faulty file or kubeconfig.
    pub async fn open_at_once(global: &Global) -> Result<Session, CliError> {
        let declared = crate::config::load(&Lookup::of_process(global.config.clone()))?;
        let connection = prepare(&options(global)).await?;
        Ok(Session::of(connection, Arc::new(SystemClock::default()), declared, global.all_namespaces))
    }

    /// A session on a connection that is already there.
    pub fn of(connection: Connection, clock: Arc<dyn Clock>, declared: Vec<Declared>, all_namespaces: bool) -> Session {
        Session { connection, clock, declared, all_namespaces }
    }

    /// Every release of the namespace, or of all: the declared ones first, then those that were found beside them.
    ///
    /// # Errors
    /// When the cluster cannot be read, or a declaration does not fit what is in it.
    pub async fn releases(&self) -> Result<Vec<Release>, CliError> {
        let here = if self.all_namespaces { namespaces(&self.connection.unary).await? } else { self.namespaces() };
        let mut found: Vec<Result<Vec<Release>, CliError>> =
            futures::stream::iter(here).map(|ns| async move { self.releases_in(&ns).await }).buffered(AT_ONCE).collect().await;
        let mut releases = Vec::new();
        for some in found.drain(..) {
            releases.extend(some?);
        }
        Ok(releases)
    }

    /// The namespaces that are meant: `-n`, else those of the release file, else the context's.
    fn namespaces(&self) -> Vec<String> {
        let own = &self.connection.namespace;
        let mut all: Vec<String> = self.declared.iter().map(|d| d.namespace.as_ref().unwrap_or(own).clone()).collect();
        if self.connection.options.namespace.is_some() || all.is_empty() {
            return vec![own.clone()];
        }
        all.sort();
        all.dedup();
        all
    }

    /// The run that is under way and meant, with its own copy of the release: needs neither discovery nor a release file.
    /// `None` where there is no telling; states that cannot be read are passed over.
    pub async fn running(&self, which: &Which) -> Option<(Rollout, Stored)> {
        let mut runs: Vec<(Rollout, Stored)> = Vec::new();
        for namespace in self.namespaces() {
            let states = state::list(&self.connection.unary, &namespace).await.unwrap_or_default();
            let under_way = |stored: Stored| Some((stored.rollout.as_deref().filter(|r| !r.is_over())?.clone(), stored));
            runs.extend(states.into_values().filter_map(Result::ok).filter_map(under_way));
        }
        let declared = |(r, _): &(Rollout, Stored)| self.declared.iter().any(|d| d.name == r.release.name);
        match &which.release {
            Some(name) => runs.retain(|(r, _)| r.release.name == *name),
            None if runs.iter().filter(|run| declared(run)).count() == 1 => runs.retain(declared),
            None => {}
        }
        if runs.len() == 1 { runs.pop() } else { None }
    }

    async fn releases_in(&self, namespace: &str) -> Result<Vec<Release>, CliError> {
        let (client, context) = (&self.connection.unary, self.connection.context.as_str());
        let here = || self.declared.iter().filter(|d| d.namespace.as_deref().unwrap_or(&self.connection.namespace) == namespace);
        let named = here().find_map(|d| d.prometheus.clone());
        let (objects, prometheus) = discover::read_with_prometheus(client, namespace, named).await?;
        let mut releases = Vec::new();
        for declared in here() {
            let found = objects.fill(declared, namespace, context, prometheus.clone());
            releases.push(declared.clone().complete(found.map_err(|why| CliError::Refused(format!("{}: {why}", declared.name)))?));
        }
        let taken: Vec<String> = releases
            .iter()
            .flat_map(|r: &Release| &r.components)
            .flat_map(|c| [Some(c.stable.clone()), c.candidate.clone()])
            .flatten()
            .collect();
        let is_taken = |r: &Release| {
            releases.iter().any(|d| d.name == r.name)
                || r.components.iter().any(|c| taken.contains(&c.stable) || c.candidate.as_ref().is_some_and(|k| taken.contains(k)))
        };
        let beside: Vec<Release> = objects.propose(namespace, context, prometheus.as_ref()).into_iter().filter(|r| !is_taken(r)).collect();
        releases.extend(beside);
        Ok(releases)
    }

    /// The release that is meant.
    ///
    /// # Errors
    /// When there is none, or several and none was named.
    pub async fn release(&self, which: &Which) -> Result<Release, CliError> {
        if self.all_namespaces {
            return Err(CliError::Usage("one release is acted on at a time: name its namespace with -n instead of -A".to_owned()));
        }
        self.check_namespace(which)?;
        choose(self.releases().await?, which, &self.namespaces().join(", "))
    }

    /// A file that names another namespace than the command line is about another release.
    fn check_namespace(&self, which: &Which) -> Result<(), CliError> {
        let named = |d: &&Declared| which.release.as_ref().is_none_or(|name| *name == d.name);
        let here = &self.connection.namespace;
        let elsewhere = |d: &Declared| d.namespace.as_ref().is_some_and(|ns| ns != here);
        match self.declared.iter().filter(named).collect::<Vec<_>>().as_slice() {
            [one] if elsewhere(one) && self.connection.options.namespace.is_some() => Err(CliError::Usage(format!(
                "{} declares release {} in namespace {}, and the command line says {here}: leave one of them out",
                one.source,
                one.name,
                one.namespace.as_deref().unwrap_or_default()
            ))),
            _ => Ok(()),
        }
    }

    /// Where a release is read and written. With `journal`, what is done is recorded on this machine.
    pub fn world(&self, release: &Release, journal: bool) -> (Arc<dyn World>, Option<String>) {
        let mut journal = match journal && !self.connection.read_only {
            true => Journal::open(&Place::of_user(&self.connection.context, &release.namespace, &release.name)),
            false => Journal::in_memory(),
        };
        let warning = journal.take_warning();
        (Arc::new(Kubernetes::new(self.connection.unary.clone(), self.clock.clone(), journal)), warning)
    }
}

/// How to connect.
pub fn options(global: &Global) -> ConnectOptions {
    ConnectOptions {
        kubeconfig: global.kubeconfig.clone(),
        context: global.context.clone(),
        namespace: global.namespace.clone(),
        // A dry run goes through the same guard: nothing can be written by mistake.
        read_only: global.read_only || global.dry_run,
    }
}

/// Picks one of several releases: by name, else the only declared one, else the only one.
fn choose(mut releases: Vec<Release>, which: &Which, namespace: &str) -> Result<Release, CliError> {
    let names = |releases: &[Release]| releases.iter().map(|r| r.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(name) = &which.release {
        let there = names(&releases);
        let near = crate::config::error::nearest(name, releases.iter().map(|r| r.name.as_str())).map(str::to_owned);
        return releases.into_iter().find(|r| r.name == *name).ok_or_else(|| {
            let hint = match near {
                Some(near) => format!("did you mean {near}?"),
                None if there.is_empty() => "there is none at all".to_owned(),
                None => format!("there are: {there}"),
            };
            CliError::Usage(format!("no release `{name}` in namespace {namespace}; {hint}"))
        });
    }
    let declared = |r: &Release| matches!(r.source, crate::domain::release::Source::Declared(_));
    if releases.iter().filter(|r| declared(r)).count() == 1 {
        releases.retain(declared);
    }
    match releases.len() {
        0 => Err(CliError::Usage(format!(
            "no release in namespace {namespace}: it has no Deployment; choose another namespace with -n, or see all with `cutover status -A`"
        ))),
        1 => releases.pop().ok_or_else(|| CliError::Other("no release".to_owned())),
        _ => Err(CliError::Usage(format!("which release? name one of: {}", names(&releases)))),
    }
}

impl From<ConnectError> for CliError {
    fn from(error: ConnectError) -> CliError {
        let text = error.to_string();
        match error {
            ConnectError::NoKubeconfig { .. }
            | ConnectError::BadKubeconfig { .. }
            | ConnectError::NoContext { .. }
            | ConnectError::WrongContext { .. } => CliError::Usage(text),
            ConnectError::Plugin { .. } | ConnectError::Credentials { .. } => CliError::Denied(text),
            ConnectError::Unreachable { .. } | ConnectError::Tls { .. } | ConnectError::NotKubernetes { .. } => CliError::Unreachable(text),
        }
    }
}

impl From<Fault> for CliError {
    fn from(fault: Fault) -> CliError {
        match fault.kind {
            FaultKind::Forbidden | FaultKind::Unauthorized => CliError::Denied(fault.text),
            FaultKind::Unreachable => CliError::Unreachable(fault.text),
            FaultKind::Unreadable | FaultKind::Other => CliError::Refused(fault.text),
        }
    }
}

impl From<ClusterError> for CliError {
    fn from(error: ClusterError) -> CliError {
        let text = error.to_string();
        match error {
            ClusterError::Forbidden { .. } | ClusterError::Unauthorized { .. } | ClusterError::ReadOnly { .. } => CliError::Denied(text),
            ClusterError::Unreachable { .. } | ClusterError::NoAnswer { .. } => CliError::Unreachable(text),
            _ => CliError::Refused(text),
        }
    }
}
