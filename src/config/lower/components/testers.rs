//! Whose requests go to the candidate early.

use crate::config::check::Check;
use crate::config::file::{MarkFile, TestersFile};
use crate::domain::declared::{DeclaredComponent, DeclaredRouter};
use crate::domain::testers::Testers;

pub(super) fn lower(check: &mut Check<'_>, path: &str, file: &TestersFile) -> Option<Testers> {
    check.one_of(path, &[("header", file.header.is_some()), ("cookie", file.cookie.is_some())])?;
    if let Some(MarkFile { name, value }) = &file.header {
        token(check, &format!("{path}.header.name"), name);
        text(check, &format!("{path}.header.value"), value, |c| c == ' ' || c.is_ascii_graphic());
        if name.eq_ignore_ascii_case("cookie") || name.eq_ignore_ascii_case("host") {
            check.fault(format!("{path}.header.name"), "for a cookie write `cookie:`; a host has a route of its own");
        }
        return Some(Testers::Header { name: name.clone(), value: value.clone() });
    }
    let MarkFile { name, value } = file.cookie.as_ref()?;
    token(check, &format!("{path}.cookie.name"), name);
    text(check, &format!("{path}.cookie.value"), value, |c| c.is_ascii_graphic() && !"\",;\\".contains(c));
    Some(Testers::Cookie { name: name.clone(), value: value.clone() })
}

/// A name as HTTP allows it.
fn token(check: &mut Check<'_>, path: &str, name: &str) {
    text(check, path, name, |c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
}

fn text(check: &mut Check<'_>, path: &str, text: &str, allowed: impl Fn(char) -> bool) {
    if text.is_empty() || text.len() > 256 {
        check.fault(path, "it has 1 to 256 characters");
    } else if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
        check.fault(path, format!("{bad:?} cannot stand in it"));
    }
}

/// What testers ask of a router that is declared.
pub(super) fn fit(check: &mut Check<'_>, path: &str, component: &DeclaredComponent) {
    match (&component.testers, &component.traffic) {
        (Some(_), Some(router @ (DeclaredRouter::Service { .. } | DeclaredRouter::Replicas { .. }))) => {
            let text = format!("{} cannot tell testers by their requests: use istio, gateway or nginx", router.word());
            check.fault(path, text);
        }
        (Some(Testers::Cookie { value, .. }), Some(DeclaredRouter::Nginx { .. })) if value != "always" => {
            check.fault(format!("{path}.cookie.value"), "canary annotations know a cookie by the value `always` only");
        }
        _ => {}
    }
}
