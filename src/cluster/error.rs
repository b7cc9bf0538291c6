//! What can go wrong between us and the API server, told apart by what to do about it.

use serde::Deserialize;
use thiserror::Error;

use crate::domain::object::{Kind, ObjectRef};
use crate::domain::port::{Fault, FaultKind};
use crate::domain::text::sanitize;

/// How much of a foreign message is kept, in characters.
const SAID: usize = 600;

/// Why a request did not do what was asked. Texts are sanitized.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClusterError {
    /// The object is no longer as it was read (409, or 422 for a failed JSON-patch `test`): read it again.
    #[error("{what}: the object changed meanwhile: {said}")]
    Conflict {
        /// Verb and object.
        what: String,
        /// The server's words.
        said: String,
    },
    /// The rights do not suffice (403).
    #[error("{what}: not allowed; ask for the rule {rule} in {place}; the server said: {said}")]
    Forbidden {
        /// Verb and object.
        what: String,
        /// The missing rule, as it stands in a Role.
        rule: String,
        /// `namespace shop`, or `the cluster`.
        place: String,
        /// The server's words.
        said: String,
    },
    /// The object does not exist, or its whole kind is not served (404).
    #[error("{what}: {}; the server said: {said}", if *.kind { "this cluster does not serve the kind" } else { "it does not exist" })]
    NotFound {
        /// Verb and object.
        what: String,
        /// Whether the kind itself is unknown to the server.
        kind: bool,
        /// The server's words.
        said: String,
    },
    /// The credentials are not taken (401).
    #[error("{what}: the server does not take these credentials: log in again (they may have expired); it said: {said}")]
    Unauthorized {
        /// Verb and object.
        what: String,
        /// The server's words.
        said: String,
    },
    /// The server finds the change wrong (400, 422).
    #[error("{what}: the server finds it invalid: {said}")]
    Invalid {
        /// Verb and object.
        what: String,
        /// The server's words.
        said: String,
    },
    /// The request never left: nobody answers at that address.
    #[error("{what}: the server cannot be reached: {said}")]
    Unreachable {
        /// Verb and object.
        what: String,
        /// What the network said.
        said: String,
        /// Whether the two ends found each other and do not trust each other.
        tls: bool,
    },
    /// The request may have left, and no answer came in time. A write may have landed or may land yet.
    #[error("{what}: no answer: {said}")]
    NoAnswer {
        /// Verb and object.
        what: String,
        /// What happened instead.
        said: String,
    },
    /// The answer or the object is beyond what is read or stored (413, or our own bound).
    #[error("{what}: too large: {said}")]
    TooLarge {
        /// Verb and object.
        what: String,
        /// How large, and what is allowed.
        said: String,
    },
    /// The server has too much to do (429); nothing was changed.
    #[error("{what}: the server is overloaded and asks to wait: {said}")]
    Busy {
        /// Verb and object.
        what: String,
        /// The server's words.
        said: String,
    },
    /// The version asked for is no longer kept (410): list again.
    #[error("{what}: the version is too old: {said}")]
    Gone {
        /// Verb and object.
        what: String,
        /// The server's words.
        said: String,
    },
    /// Refused here, before anything was sent.
    #[error("{what}: {said}")]
    ReadOnly {
        /// Verb and object.
        what: String,
        /// Why.
        said: String,
    },
    /// The answer is not what this API answers.
    #[error("{what}: the answer cannot be read: {said}")]
    Garbage {
        /// Verb and object.
        what: String,
        /// What is wrong with it.
        said: String,
    },
    /// Any other status.
    #[error("{what}: the server answered {code}: {said}")]
    Server {
        /// Verb and object.
        what: String,
        /// HTTP status.
        code: u16,
        /// The server's words.
        said: String,
    },
}

impl ClusterError {
    /// Whether the object or its kind is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, ClusterError::NotFound { .. })
    }

    /// Whether nothing was changed, and the same may work in a moment: the server asks to come again later, or credentials
    /// have run out that are being renewed.
    pub fn is_passing(&self) -> bool {
        matches!(self, ClusterError::Busy { .. } | ClusterError::Unauthorized { .. })
    }

    /// Whether a write that ended so may have landed all the same. A 5xx is no proof of the contrary: the store may have
    /// taken the change before the server gave up.
    pub fn is_unknown(&self) -> bool {
        matches!(self, ClusterError::NoAnswer { .. } | ClusterError::Unreachable { .. } | ClusterError::Garbage { .. })
            || self.is_of_server()
    }

    /// Whether the server failed at it (5xx).
    pub fn is_of_server(&self) -> bool {
        matches!(self, ClusterError::Server { code, .. } if *code >= 500)
    }

    /// Whether the same request, sent a moment before, was refused just as surely: by the rights, by what the object is, or
    /// because there is none.
    pub fn is_final(&self) -> bool {
        use ClusterError::{Forbidden, Invalid, NotFound, ReadOnly, TooLarge};
        matches!(self, Forbidden { .. } | NotFound { .. } | Invalid { .. } | TooLarge { .. } | ReadOnly { .. })
    }

    /// The HTTP status it stands for; 0 when there was no answer.
    pub fn code(&self) -> u16 {
        match self {
            ClusterError::Conflict { .. } => 409,
            ClusterError::Forbidden { .. } | ClusterError::ReadOnly { .. } => 403,
            ClusterError::NotFound { .. } => 404,
            ClusterError::Unauthorized { .. } => 401,
            ClusterError::Invalid { .. } => 422,
            ClusterError::TooLarge { .. } => 413,
            ClusterError::Busy { .. } => 429,
            ClusterError::Gone { .. } => 410,
            ClusterError::Server { code, .. } => *code,
            ClusterError::Unreachable { .. } | ClusterError::NoAnswer { .. } | ClusterError::Garbage { .. } => 0,
        }
    }
}

impl From<&ClusterError> for Fault {
    fn from(error: &ClusterError) -> Fault {
        let kind = match error {
            ClusterError::Unreachable { .. } | ClusterError::NoAnswer { .. } | ClusterError::Busy { .. } => FaultKind::Unreachable,
            ClusterError::Server { code, .. } if *code >= 500 => FaultKind::Unreachable,
            ClusterError::Unauthorized { .. } => FaultKind::Unauthorized,
            ClusterError::Forbidden { .. } | ClusterError::ReadOnly { .. } => FaultKind::Forbidden,
            _ => FaultKind::Other,
        };
        Fault { kind, text: error.to_string() }
    }
}

impl From<ClusterError> for Fault {
    fn from(error: ClusterError) -> Fault {
        Fault::from(&error)
    }
}

/// What a request is for, in the words of RBAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// RBAC's verb.
    pub verb: &'static str,
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Resource, with its subresource: `pods/log`.
    pub resource: &'static str,
    /// `None` for what has no namespace.
    pub namespace: Option<String>,
    /// For people: `Deployment web`, `Deployments`.
    pub label: String,
}

impl Subject {
    /// One object.
    pub fn object(verb: &'static str, object: &ObjectRef) -> Subject {
        let (group, resource) = (object.kind.group(), object.kind.plural());
        Subject { verb, group, resource, namespace: Some(object.namespace.clone()), label: sanitize(&object.to_string()).into_owned() }
    }

    /// All objects of a kind.
    pub fn all(verb: &'static str, kind: Kind, namespace: &str) -> Subject {
        let label = format!("{kind}s");
        Subject { verb, group: kind.group(), resource: kind.plural(), namespace: Some(namespace.to_owned()), label }
    }

    /// Something without a namespace.
    pub fn global(verb: &'static str, group: &'static str, resource: &'static str) -> Subject {
        Subject { verb, group, resource, namespace: None, label: resource.to_owned() }
    }

    fn what(&self) -> String {
        match &self.namespace {
            Some(ns) => format!("{} {} in namespace {}", self.verb, self.label, sanitize(ns)),
            None => format!("{} {}", self.verb, self.label),
        }
    }

    fn rule(&self) -> String {
        format!("{{apiGroups: [\"{}\"], resources: [\"{}\"], verbs: [\"{}\"]}}", self.group, self.resource, self.verb)
    }

    fn place(&self) -> String {
        self.namespace.as_ref().map_or_else(|| "the cluster".to_owned(), |ns| format!("namespace {}", sanitize(ns)))
    }

    /// An answer with an error status.
    pub fn refused(&self, code: u16, body: &[u8]) -> ClusterError {
        let status: Status = serde_json::from_slice(body).unwrap_or_default();
        let raw = if status.message.is_empty() { String::from_utf8_lossy(body).into_owned() } else { status.message };
        let (what, said) = (self.what(), brief(&raw));
        match code {
            401 => ClusterError::Unauthorized { what, said },
            403 => ClusterError::Forbidden { what, rule: self.rule(), place: self.place(), said },
            404 => ClusterError::NotFound { what, kind: status.details.name.is_empty(), said },
            409 => ClusterError::Conflict { what, said },
            410 => ClusterError::Gone { what, said },
            413 => ClusterError::TooLarge { what, said },
            // A failed `test` of a JSON patch says nothing about itself; a real finding of validation names its causes.
            422 if self.verb == "patch" && status.details.causes.is_empty() => ClusterError::Conflict { what, said },
            400 | 422 => ClusterError::Invalid { what, said },
            429 => ClusterError::Busy { what, said },
            _ => ClusterError::Server { what, code, said },
        }
    }

    /// No answer within the deadline.
    pub fn late(&self, deadline: std::time::Duration) -> ClusterError {
        ClusterError::NoAnswer { what: self.what(), said: format!("nothing within {} s", deadline.as_secs()) }
    }

    /// An answer that is none.
    pub fn garbage(&self, why: impl ToString) -> ClusterError {
        ClusterError::Garbage { what: self.what(), said: brief(&why.to_string()) }
    }

    /// More than is read.
    pub fn too_large(&self, said: String) -> ClusterError {
        ClusterError::TooLarge { what: self.what(), said }
    }

    /// A name that no object can have.
    pub fn unfit(&self, name: &str) -> ClusterError {
        ClusterError::Invalid { what: self.what(), said: format!("`{}` is no name of an object", brief(name)) }
    }

    /// The connection broke while the answer came.
    pub fn cut_off(&self, error: &(dyn std::error::Error + 'static)) -> ClusterError {
        let mut last = error;
        while let Some(deeper) = last.source() {
            last = deeper;
        }
        ClusterError::NoAnswer { what: self.what(), said: format!("the connection broke: {}", brief(&last.to_string())) }
    }

    /// The client failed.
    pub fn failed(&self, error: &kube::Error) -> ClusterError {
        let what = self.what();
        match Failure::of(error) {
            Failure::Connect(said) => ClusterError::Unreachable { what, said, tls: false },
            Failure::Tls(said) => ClusterError::Unreachable { what, said, tls: true },
            Failure::Refused(said) => ClusterError::ReadOnly { what, said },
            Failure::Credentials(said) => ClusterError::Unauthorized { what, said },
            Failure::Other(said) => ClusterError::NoAnswer { what, said },
        }
    }
}

/// Where a request that got no answer failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Before anything was sent.
    Connect(String),
    /// The two ends do not trust each other.
    Tls(String),
    /// The credentials could not be made.
    Credentials(String),
    /// Here, by the read-only guard.
    Refused(String),
    /// On the way.
    Other(String),
}

impl Failure {
    /// Walks the chain of causes: the client library hides them in several layers.
    pub fn of(error: &kube::Error) -> Failure {
        if let kube::Error::Auth(auth) = error {
            return Failure::Credentials(brief(&auth.to_string()));
        }
        if let kube::Error::Service(inner) = error
            && let Some(refusal) = inner.downcast_ref::<super::read_only::Refusal>()
        {
            return Failure::Refused(refusal.to_string());
        }
        let mut texts: Vec<String> = Vec::new();
        let (mut connect, mut tls) = (false, None);
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(e) = next {
            let text = e.to_string();
            connect |= text.contains("(Connect)") || matches!(e.downcast_ref::<std::io::Error>(), Some(io) if is_connect(io));
            if let Some(found) = rustls_error(e) {
                tls = Some(found);
            }
            if !texts.iter().any(|t| t.contains(&text)) {
                texts.push(text);
            }
            next = e.source();
        }
        let last = texts.pop().unwrap_or_default();
        match tls {
            Some(said) => Failure::Tls(brief(&said)),
            None if connect => Failure::Connect(brief(&last)),
            None => Failure::Other(brief(&last)),
        }
    }
}

fn is_connect(io: &std::io::Error) -> bool {
    use std::io::ErrorKind as K;
    matches!(io.kind(), K::ConnectionRefused | K::HostUnreachable | K::NetworkUnreachable | K::AddrNotAvailable)
}

/// `std::io::Error` does not show what it wraps as its source.
fn rustls_error(e: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(tls) = e.downcast_ref::<rustls::Error>() {
        return Some(tls.to_string());
    }
    let inner = e.downcast_ref::<std::io::Error>()?.get_ref()?;
    inner.downcast_ref::<rustls::Error>().map(ToString::to_string).or_else(|| {
        let deeper = inner.downcast_ref::<std::io::Error>()?;
        rustls_error(deeper)
    })
}

/// Foreign text, sanitized and cut.
pub(super) fn brief(raw: &str) -> String {
    let clean = sanitize(raw.trim());
    if clean.chars().count() <= SAID {
        return clean.into_owned();
    }
    clean.chars().take(SAID).chain(std::iter::once('…')).collect()
}

/// `metav1.Status`, as far as it is used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    message: String,
    details: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    name: String,
    causes: Vec<serde_json::Value>,
}

#[cfg(test)]
mod tests;
