//! The console's model and update, pure.
