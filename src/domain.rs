//! The whole vocabulary as plain types: no I/O, no clock.
