//! Themes: load, inherit, resolve to a colour depth.
