//! The only owner of the terminal.
