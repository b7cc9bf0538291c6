//! Who did what, when: local JSON lines.
