//! The strategy engine: pure, deterministic, total functions.
