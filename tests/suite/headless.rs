//! The headless commands: the real binary as a child process, over HTTP, against the embedded cluster.

mod auto_sync;
mod back;
mod background;
mod bad_input;
mod commands;
mod doubt;
mod foreign;
mod gone;
mod killed;
mod read_only;
mod rehearsals;
mod room;
mod scale;
mod together;
mod way_back;
