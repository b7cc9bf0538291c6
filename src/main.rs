//! Parses, installs hooks, picks a face, maps the result to an exit code. Nothing else.

fn main() {}
