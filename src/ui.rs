//! The console's view, pure: model to buffer.
