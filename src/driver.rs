//! Joins engine and world: observe, decide, store the intent, act, journal.
