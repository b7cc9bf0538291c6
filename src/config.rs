//! Release files: YAML with line and column in every error.
