//! The only owner of the terminal. It is borrowed property: one way in, one way out.
//!
//! * [`guard`] takes the terminal and gives it back, once, whatever ends the program;
//! * [`input`] reads keys and pastes on a thread of its own and [`decode`] makes sense of the bytes;
//! * [`signals`] and [`suspend`] follow the job control of the shell;
//! * [`output`] writes whole frames and [`pace`] says when the next one may be drawn;
//! * [`caps`] says what the terminal can show, [`clipboard`] copies through it, [`panic`] keeps a panic from spoiling it.
//!
//! Knows nothing of releases, and nobody else names a terminal crate's raw mode, signals or escape sequences.

pub mod caps;
pub mod clipboard;
pub mod decode;
pub mod guard;
pub mod input;
pub mod output;
pub mod pace;
pub mod panic;
pub mod signals;
pub mod suspend;
mod thrifty;
