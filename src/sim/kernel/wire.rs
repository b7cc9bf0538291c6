//! Requests and responses as data, before and after HTTP.

use std::time::Duration;

use super::{Status, StreamId};

/// HTTP methods that the API serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Create, or a request with a body to be judged (access reviews).
    Post,
    /// Replace.
    Put,
    /// Change in place.
    Patch,
    /// Delete.
    Delete,
    /// Headers only.
    Head,
    /// Anything else: answered 405.
    Other,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, percent-decoded, without the query.
    pub path: String,
    /// Query parameters in order, decoded.
    pub query: Vec<(String, String)>,
    /// `Content-Type`, or empty.
    pub content_type: String,
    /// `Accept`, or empty.
    pub accept: String,
    /// `User-Agent`, or empty. Names the field manager when the request does not.
    pub user_agent: String,
    /// Who asks. Scenarios may deny verbs to everybody, so there is one user.
    pub user: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without body; `target` is a path with an optional query (percent-encoded as in a URL).
    pub fn new(method: Method, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method,
            path: decode(path, false),
            query: parse_query(query),
            content_type: String::new(),
            accept: String::new(),
            user_agent: String::new(),
            user: "kubernetes-admin".into(),
            body: Vec::new(),
        }
    }

    /// The same with a body.
    pub fn with_body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.content_type = content_type.into();
        self.body = body.into();
        self
    }

    /// The first value of a query parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a query parameter.
    pub fn params<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A boolean query parameter, as Kubernetes reads it: present and not `false` or `0`.
    pub fn flag(&self, name: &str) -> bool {
        self.param(name).is_some_and(|value| value != "false" && value != "0")
    }
}

/// Decodes `a=b&c=d` with percent-encoding and `+`.
pub fn parse_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key, true), decode(value, true))
        })
        .collect()
}

/// Percent-decodes; what is not valid stays as it is.
pub fn decode(text: &str, plus_is_space: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' if plus_is_space => out.push(b' '),
            b'%' => {
                let mut rest = bytes.clone();
                let digits = [rest.next(), rest.next()].map(|b| b.and_then(|b| char::from(b).to_digit(16)));
                if let [Some(high), Some(low)] = digits {
                    out.push((high * 16 + low) as u8);
                    bytes = rest;
                } else {
                    out.push(byte);
                }
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What comes back.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    /// Real time to wait before sending it: the server is slow.
    pub delay: Duration,
}

/// A response's body.
#[derive(Debug, Clone)]
pub enum Body {
    /// All of it.
    Full(Vec<u8>),
    /// No answer at all: the connection is closed, as by a server that is down.
    Hangup,
    /// A watch or a followed log: pull it with [`super::Kernel::stream_poll`] whenever the kernel has moved.
    Stream {
        /// Which stream.
        id: StreamId,
        /// End it after this much real time (`timeoutSeconds`).
        timeout: Option<Duration>,
        /// The client asked for bookmarks: send one now and then ([`super::Kernel::stream_bookmark`]).
        bookmarks: bool,
    },
}

impl Response {
    /// A JSON answer.
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::bytes(status, "application/json", value.to_string().into_bytes())
    }

    /// A plain text answer.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", text.into().into_bytes())
    }

    /// Any answer.
    pub fn bytes(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self { status, content_type: content_type.into(), headers: Vec::new(), body: Body::Full(body), delay: Duration::ZERO }
    }

    /// A stream: see [`Body::Stream`].
    pub fn stream(content_type: &str, id: StreamId, timeout: Option<Duration>, bookmarks: bool) -> Self {
        Self { body: Body::Stream { id, timeout, bookmarks }, ..Self::bytes(200, content_type, Vec::new()) }
    }

    /// The same with `Warning` headers, which kubectl prints.
    pub fn with_warnings(mut self, warnings: &[String]) -> Self {
        self.headers.extend(warnings.iter().map(|text| ("Warning".to_owned(), format!("299 - {text:?}"))));
        self
    }

    /// A closed connection. Who answers on behalf of the server that is down (a proxy) says 502 or 503.
    pub fn hangup() -> Self {
        Self { body: Body::Hangup, ..Self::text(503, "") }
    }

    /// The whole body; empty for a stream and for a closed connection.
    pub fn full(&self) -> &[u8] {
        match &self.body {
            Body::Full(bytes) => bytes,
            Body::Hangup | Body::Stream { .. } => &[],
        }
    }
}

impl From<Status> for Response {
    fn from(status: Status) -> Self {
        let warnings = status.beside.as_ref().map_or(&[][..], |beside| &beside.warnings);
        let mut response = Self::json(status.code, &status.to_value()).with_warnings(warnings);
        if let Some(seconds) = status.retry_after {
            response.headers.push(("Retry-After".into(), seconds.to_string()));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_split_and_decoded() {
        let request = Request::new(Method::Get, "/api/v1/pods?labelSelector=a%3Db%2Cc+in+%28x%29&watch&limit=5");
        assert_eq!(request.path, "/api/v1/pods");
        assert_eq!(request.param("labelSelector"), Some("a=b,c in (x)"));
        assert!(request.flag("watch"));
        assert!(!request.flag("limitless"));
        assert_eq!(decode("100%", false), "100%");
        assert_eq!(decode("a%2", false), "a%2");
    }
}
