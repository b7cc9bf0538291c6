//! The console's model and update, pure: `update(&mut Model, Msg, Now) -> Vec<Effect>`.
//!
//! Effects are data, carried out by `console`. One [`action`] table makes keys, footer, help, palette and the README's
//! key table. Rollback is the same from everywhere: `Ctrl-R` is looked up before any mode sees the key, and its dialog
//! opens from what is in memory.
//!
//! ```text
//! key, paste, tick, view of a driver, rows of a watch, log lines  ->  update  ->  order, tail, copy, switch, quit
//! ```

pub mod action;
pub mod apart;
pub mod available;
pub mod dialog;
pub mod effect;
pub mod field;
pub mod in_place;
pub mod key;
pub mod keytable;
pub mod list;
pub mod logs;
pub mod mode;
pub mod model;
pub mod msg;
pub mod pane;
pub mod picker;
pub mod rows;
pub mod update;
pub mod wake;
pub mod words;

pub use effect::Effect;
pub use model::Model;
pub use msg::Msg;
pub use update::update;
