//! What the console must do, as data. Nothing here was done yet when it is returned.

use crate::domain::action::{Action, Precondition};
use crate::domain::command::Order;

use super::model::ReleaseKey;

/// An effect. Carried out by `console`, which answers with [`super::Msg`]s.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Give an order to the release's driver; the answer comes in the driver's next view, under the order's id.
    Order {
        /// The release.
        release: ReleaseKey,
        /// The order.
        order: Order,
    },
    /// Ask the server what it would say to these writes, changing nothing; answered by [`super::msg::World::DryRun`].
    DryRun {
        /// The answer carries this number.
        id: u64,
        /// The writes, in order.
        writes: Vec<(Action, Precondition)>,
    },
    /// Somebody thinks of a way forward: its driver looks what room there is for more pods.
    Weigh {
        /// The release.
        release: ReleaseKey,
    },
    /// Watch this release closely: its driver, its pods, its journal. Sent whenever another one is looked at.
    Attend {
        /// The release; `None` in the release list.
        release: Option<ReleaseKey>,
    },
    /// Follow a container's log until [`Effect::Untail`]; lines come as [`super::Msg::Log`] under the same number.
    Tail {
        /// Its number.
        id: u64,
        /// The pod's namespace.
        namespace: String,
        /// The pod.
        pod: String,
        /// The container; the first one when not named.
        container: Option<String>,
        /// The container before its last restart.
        previous: bool,
    },
    /// Stop following.
    Untail {
        /// Its number.
        id: u64,
    },
    /// Read the kubeconfig's contexts; answered by [`super::Msg::Contexts`].
    ListContexts,
    /// Read the cluster's namespaces; answered by [`super::Msg::Namespaces`].
    ListNamespaces,
    /// Connect to another context. Everything sent before under an older generation is dropped on arrival.
    SwitchContext {
        /// Its name.
        name: String,
        /// Answers carry this number.
        generation: u64,
    },
    /// Look at another namespace, or at all.
    SwitchNamespace {
        /// Its name; `None` is all.
        name: Option<String>,
        /// Answers carry this number.
        generation: u64,
    },
    /// Copy through the terminal; answered by [`super::Msg::Notice`].
    Copy {
        /// The text.
        text: String,
        /// What it is, for the notice.
        what: String,
    },
    /// Draw the whole screen again.
    Redraw,
    /// Give the terminal back and stop until continued.
    Suspend,
    /// Let go of the drivers and end.
    Quit {
        /// Exit code.
        code: i32,
        /// Have the rollouts that were driven here driven on in the background.
        hand_over: bool,
    },
}
