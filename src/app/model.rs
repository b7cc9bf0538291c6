//! Everything the console knows and shows.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::domain::command::{Command, Order};
use crate::domain::journal::Entry;
use crate::domain::live::Snapshot;
use crate::domain::rollout::Phase;
use crate::domain::time::{Millis, Now};
use crate::domain::view::{Driver, View};

use super::action::Scope;
use super::dialog::Stage;
use super::list::List;
use super::logs::Logs;
use super::mode::Mode;
use super::pane::Pane;

/// A release, by namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReleaseKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ReleaseKey {
    /// The key of a view's release.
    pub fn of(view: &View) -> ReleaseKey {
        ReleaseKey { namespace: view.release.namespace.clone(), name: view.release.name.clone() }
    }
}

impl fmt::Display for ReleaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Where we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// The kubeconfig context.
    pub context: String,
    /// The namespace; `None` is all.
    pub namespace: Option<String>,
    /// Whether going forward asks for the release's name.
    pub production: bool,
    /// Why nothing can be written: `--read-only`, or no rights at all.
    pub read_only: Option<String>,
    /// Who gives orders: `you@bastion1`.
    pub actor: String,
}

/// How the connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Not answered yet.
    Connecting {
        /// What is waited for: `https://prod-eu:6443`.
        to: String,
    },
    /// Up.
    Up,
    /// Lost; it is being opened again for ever.
    Lost {
        /// What was said.
        why: String,
    },
    /// There is none and none is being opened: the context cannot be used as it is.
    Barred {
        /// What is wrong with it, and what to do.
        why: String,
    },
}

/// What a notice is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As asked.
    Good,
    /// Worth knowing.
    Info,
    /// It failed, or was refused.
    Bad,
}

/// A line that goes away by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is like.
    pub tone: Tone,
    /// The line.
    pub text: String,
    /// Until when it stands.
    pub until: Millis,
}

/// How long a notice stands.
const NOTICE: Millis = Millis::secs(6);

/// Which view is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Screen {
    /// The release list.
    Fleet,
    /// One release.
    Release(ReleaseKey),
}

/// A driver's view, with when it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The view.
    pub view: Arc<View>,
    /// When it came, on our clock.
    pub at: Millis,
}

/// An order whose answer is waited for.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its id.
    pub id: String,
    /// The release.
    pub release: ReleaseKey,
    /// What was asked.
    pub command: Command,
    /// When.
    pub at: Millis,
}

/// The console's state.
#[derive(Clone, Debug)]
pub struct Model {
    /// The present, as of the last message. `wall` is the clock of the world that is looked at.
    pub now: Now,
    /// The terminal's size, columns and rows.
    pub size: (u16, u16),
    /// Where we are.
    pub scene: Scene,
    /// How the connection is, and since when.
    pub link: (Link, Millis),
    /// Whether every release is known that there is.
    pub listed: bool,
    /// Raised by every change of context or namespace; what comes with an older one is dropped.
    pub generation: u64,
    /// Contexts to choose from, once known.
    pub contexts: Option<Result<Vec<String>, String>>,
    /// Namespaces to choose from, once known.
    pub namespaces: Option<Result<Vec<String>, String>>,
    /// Releases.
    pub releases: BTreeMap<ReleaseKey, Seen>,
    /// Rows of the watches, by namespace.
    pub live: BTreeMap<String, Arc<Snapshot>>,
    /// Journals, oldest line first.
    pub journals: BTreeMap<ReleaseKey, Vec<Entry>>,
    /// What rights are missing.
    pub denied: BTreeMap<ReleaseKey, String>,
    /// Which view is shown.
    pub screen: Screen,
    /// The release list's rows: what needs a person first.
    pub fleet_order: Vec<ReleaseKey>,
    /// The release list's cursor and filter.
    pub fleet: List,
    /// The pane that has the focus.
    pub focus: Pane,
    /// Whether it has the whole body.
    pub zoom: bool,
    /// Cursors and filters of the panes that have rows.
    pub lists: BTreeMap<Pane, List>,
    /// Lines scrolled down in the panes that have none.
    pub scrolls: BTreeMap<Pane, usize>,
    /// The logs that are followed.
    pub logs: Logs,
    /// What lies over the view, the topmost last.
    pub modes: Vec<Mode>,
    /// A line that goes away by itself.
    pub notice: Option<Notice>,
    /// Orders whose answer is waited for.
    pub sent: Vec<Sent>,
    /// Cluster data older than this locks every way forward.
    pub stale_after: Millis,
    /// Whether what is driven here can be driven on in the background.
    pub hands_over: bool,
    pub(super) pods_stamp: Option<super::rows::PodsStamp>,
    session: String,
    numbers: u64,
}

impl Model {
    /// A console that knows nothing yet. `session` makes the ids of its orders unique.
    pub fn new(session: impl Into<String>, scene: Scene, now: Now) -> Model {
        Model {
            now,
            size: (80, 24),
            link: (Link::Connecting { to: scene.context.clone() }, now.mono),
            scene,
            listed: false,
            generation: 0,
            contexts: None,
            namespaces: None,
            releases: BTreeMap::new(),
            live: BTreeMap::new(),
            journals: BTreeMap::new(),
            denied: BTreeMap::new(),
            screen: Screen::Fleet,
            fleet_order: Vec::new(),
            fleet: List::default(),
            focus: Pane::Metrics,
            zoom: false,
            lists: Pane::ALL.into_iter().filter(|p| p.has_rows()).map(|p| (p, List::default())).collect(),
            scrolls: BTreeMap::new(),
            logs: Logs::default(),
            modes: Vec::new(),
            notice: None,
            sent: Vec::new(),
            stale_after: Millis::secs(30),
            hands_over: false,
            pods_stamp: None,
            session: session.into(),
            numbers: 0,
        }
    }

    /// The release that keys are about: the one that is shown, or the one under the cursor.
    pub fn release(&self) -> Option<&ReleaseKey> {
        match &self.screen {
            Screen::Release(key) => Some(key),
            Screen::Fleet => self.fleet.current().and_then(|i| self.fleet_order.get(i)),
        }
    }

    /// Its newest view.
    pub fn view(&self) -> Option<&View> {
        self.view_of(self.release()?)
    }

    /// A release's newest view.
    pub fn view_of(&self, key: &ReleaseKey) -> Option<&View> {
        self.releases.get(key).map(|seen| seen.view.as_ref())
    }

    /// How long ago a release's objects were read; `None` when they were not.
    pub fn age(&self, key: &ReleaseKey) -> Option<Millis> {
        let seen = self.releases.get(key)?;
        Some(seen.view.observed_age?.plus(self.now.elapsed(seen.at)))
    }

    /// The age of a release's data, when it is too old to go forward on (or when there is none: the time waited).
    pub fn stale(&self, key: &ReleaseKey) -> Option<Millis> {
        let age = self.age(key).unwrap_or_else(|| self.now.elapsed(self.link.1));
        let known = self.releases.get(key).is_some_and(|seen| seen.view.observed.is_some());
        (age > self.stale_after || !known).then_some(age)
    }

    /// Rows of the shown release's namespace.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.live.get(&self.release()?.namespace).map(AsRef::as_ref)
    }

    /// Whether going forward asks for the release's name.
    pub fn is_production(&self, key: &ReleaseKey) -> bool {
        self.scene.production || self.view_of(key).is_some_and(|v| v.release.production)
    }

    /// The releases that this console drives and that are not over.
    pub fn driving(&self) -> impl Iterator<Item = (&ReleaseKey, &View)> {
        let views = self.releases.iter().map(|(key, seen)| (key, seen.view.as_ref()));
        views.filter(|(_, v)| matches!(v.driver, Driver::Us { .. }) && v.rollout.as_ref().is_some_and(|r| !r.is_over()))
    }

    /// The topmost thing over the view.
    pub fn mode(&self) -> Option<&Mode> {
        self.modes.last()
    }

    /// Where a key press is looked up.
    pub fn scopes(&self) -> &'static [Scope] {
        match (self.mode(), &self.screen) {
            (Some(Mode::Filter { .. } | Mode::Palette(_) | Mode::Picker(_)), _) => &[Scope::Everywhere, Scope::Text],
            (Some(Mode::Dialog(dialog)), _) => match dialog.stage {
                Stage::Review { name: None } => &[Scope::Everywhere, Scope::Dialog],
                _ => &[Scope::Everywhere, Scope::Text],
            },
            (Some(Mode::Help { .. }), _) => &[Scope::Everywhere, Scope::Help],
            (Some(Mode::Checklist { .. }), _) => &[Scope::Everywhere, Scope::Checklist],
            (None, Screen::Fleet) => &[Scope::Everywhere, Scope::Fleet, Scope::Browse],
            (None, Screen::Release(_)) if self.focus == Pane::Logs => &[Scope::Everywhere, Scope::Logs, Scope::Release, Scope::Browse],
            (None, Screen::Release(_)) => &[Scope::Everywhere, Scope::Release, Scope::Browse],
        }
    }

    /// Shows a line for a while.
    pub fn say(&mut self, tone: Tone, text: impl Into<String>) {
        self.notice = Some(Notice { tone, text: text.into(), until: self.now.mono.plus(NOTICE) });
    }

    /// A number never used before in this session.
    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// An order by the person at this console.
    pub fn order(&mut self, key: &ReleaseKey, command: Command) -> Order {
        let number = self.number();
        Order { id: format!("{}-{number}", self.session), ..self.draft(key, command) }
    }

    /// The same without a number, for a look at what it would do.
    pub fn draft(&self, key: &ReleaseKey, command: Command) -> Order {
        let running = self.view_of(key).and_then(|v| v.rollout.as_ref()).filter(|r| !r.is_over());
        let mark = running.filter(|_| !matches!(command, Command::RollBack)).map(|r| r.mark());
        Order { id: "draft".to_owned(), command, actor: self.scene.actor.clone(), at: self.now.wall, mark }
    }

    /// What to print when the console has ended: stuck lines of rollbacks with the command that does them by hand, and
    /// rollouts that nobody drives any more, those that were handed over left out. Plain lines, not yet made safe for a terminal.
    pub fn farewell(&self, handed: &[ReleaseKey]) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, seen) in &self.releases {
            let view = &seen.view;
            let running = view.rollout.as_ref().filter(|r| !r.is_over());
            if matches!(view.driver, Driver::Us { .. })
                && !handed.contains(key)
                && let Some(r) = running
            {
                let what = if matches!(r.phase, Phase::RollingBack { .. }) { "is still being rolled back" } else { "is still under way" };
                lines.push(format!("{key} {what} ({}, {}): nobody drives it now, nobody will roll it back by itself", r.phase, r.asked));
            }
            for line in view.checklist.iter().flat_map(|c| &c.lines) {
                if let (Some((why, command)), false) = (line.stuck(), running.is_none()) {
                    lines.push(format!("{key}: {} is stuck: {why}. By hand:", line.text));
                    lines.extend(command.map(|c| format!("  {c}")));
                }
            }
        }
        lines
    }
}
