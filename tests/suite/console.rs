//! What keys do: the model without a terminal.

mod dialogs;
mod rollback;
mod room;
mod travel;
