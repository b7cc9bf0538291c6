//! The bearer token that a credential plugin hands out: renewed well before it ends, so that no request waits for a plugin.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION};
use jiff::Timestamp;
use kube::client::Body;
use tokio::sync::Notify;
use tower::{Layer, Service};

use super::ConnectError;
use super::plugin::{Credential, Plugin};

/// How often the clock is looked at: by the wall, since a machine that slept wakes with an old token.
const LOOK: Duration = Duration::from_secs(10);
/// How long before its end a token is renewed.
const EARLY: Duration = Duration::from_secs(120);
/// The least time between two runs of a plugin.
const BREATH: Duration = Duration::from_secs(30);

struct Inner {
    header: RwLock<HeaderValue>,
    /// The server refused the token.
    refused: Notify,
}

/// A token that keeps itself fresh.
#[derive(Clone)]
pub(super) struct Token(Arc<Inner>);

impl Token {
    /// Keeps the plugin's token fresh for as long as a client uses it; `None` when the plugin handed out certificates only.
    pub fn keep(plugin: Plugin, first: &Credential) -> Result<Option<Token>, ConnectError> {
        let Some(token) = &first.token else { return Ok(None) };
        let Some(header) = bearer(token) else {
            let why = "its plugin's token holds characters that no header can carry".to_owned();
            return Err(ConnectError::Credentials { context: String::new(), why });
        };
        let inner = Arc::new(Inner { header: RwLock::new(header), refused: Notify::new() });
        tokio::spawn(renew(Arc::downgrade(&inner), plugin, first.expires));
        Ok(Some(Token(inner)))
    }

    fn header(&self) -> HeaderValue {
        self.0.header.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn bearer(token: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

async fn renew(inner: Weak<Inner>, plugin: Plugin, mut expires: Option<Timestamp>) {
    loop {
        let Some(token) = inner.upgrade() else { return };
        let refused = tokio::time::timeout(LOOK, token.refused.notified()).await.is_ok();
        drop(token);
        let soon = expires.is_some_and(|at| at.as_second() <= Timestamp::now().as_second().saturating_add(EARLY.as_secs().cast_signed()));
        if !refused && !soon {
            continue;
        }
        match plugin.run().await {
            Ok(fresh) => {
                expires = fresh.expires;
                if let (Some(header), Some(token)) = (fresh.token.as_deref().and_then(bearer), inner.upgrade()) {
                    *token.header.write().unwrap_or_else(PoisonError::into_inner) = header;
                }
            }
            Err(e) => tracing::warn!("{e}"),
        }
        tokio::time::sleep(BREATH).await;
    }
}

/// Signs requests with a [`Token`], when there is one.
#[derive(Clone)]
pub(super) struct TokenLayer(pub Option<Token>);

impl<S> Layer<S> for TokenLayer {
    type Service = Signed<S>;

    fn layer(&self, inner: S) -> Signed<S> {
        Signed { inner, token: self.0.clone() }
    }
}

/// See [`TokenLayer`].
pub(super) struct Signed<S> {
    inner: S,
    token: Option<Token>,
}

impl<S, B> Service<Request<Body>> for Signed<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let token = self.token.clone();
        if let Some(token) = &token {
            request.headers_mut().insert(AUTHORIZATION, token.header());
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            if let Some(token) = token.filter(|_| answer.status() == StatusCode::UNAUTHORIZED) {
                token.0.refused.notify_one();
            }
            Ok(answer)
        })
    }
}
