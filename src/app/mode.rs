//! What lies over a view. The topmost one gets the keys; Esc takes it away.

use super::dialog::Dialog;
use super::model::ReleaseKey;
use super::picker::{Palette, Picker};

/// Something over the view.
#[derive(Clone, Debug)]
pub enum Mode {
    /// The filter of the list that has the focus is being typed.
    Filter {
        /// What it was, for Esc.
        before: String,
    },
    /// `:`.
    Palette(Palette),
    /// Contexts, namespaces.
    Picker(Picker),
    /// `?`.
    Help {
        /// Lines scrolled down.
        offset: usize,
    },
    /// A dialog.
    Dialog(Box<Dialog>),
    /// A rollback that is followed.
    Checklist {
        /// The release.
        release: ReleaseKey,
        /// Lines scrolled down.
        offset: usize,
    },
}
