//! The embedded cluster behind `cutover demo`.
