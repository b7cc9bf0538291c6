//! The straight way to a server, without a proxy: as the client library makes it, but that small requests leave at once and
//! many of them share a connection.

use std::time::Duration;

use http::{Request, Response};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::Config;
use kube::client::{Body, ConfigExt as _};
use tower::util::{BoxService, option_layer};
use tower::{BoxError, Layer as _, ServiceExt as _};

/// What carries requests.
pub(super) type Way = BoxService<Request<Body>, Response<hyper::body::Incoming>, BoxError>;

/// How many requests a connection carries at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Many, where the server speaks HTTP/2: a burst of requests then costs one handshake, and none once a connection stands.
    Shared,
    /// One. A stream that is read slowly holds up no other.
    Alone,
}

/// A shared connection that is waited on and says nothing is asked for a sign of life after this time.
const ASK_AFTER: Duration = Duration::from_secs(2);
/// One that then gives none is given up after this time. With [`ASK_AFTER`] it is no longer than a request may take, or the next
/// request would go to the same dead end.
const GIVE_UP_AFTER: Duration = Duration::from_secs(3);

/// Makes it.
///
/// # Errors
/// When the certificates, the token or the headers of the configuration cannot be used.
pub(super) fn way(config: &Config, sharing: Sharing) -> Result<Way, kube::Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    // A request is small. Held back until the server has acknowledged what was sent before, as TCP does by default, the first
    // one of a connection takes 40 ms more: servers acknowledge late. A rollback is such a request.
    tcp.set_nodelay(true);
    let mut connector = TimeoutConnector::new(tls(config, tcp, sharing)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let mut builder = Client::builder(TokioExecutor::new());
    builder.timer(TokioTimer::new()).http2_keep_alive_interval(ASK_AFTER).http2_keep_alive_timeout(GIVE_UP_AFTER);
    let client: Client<_, Body> = builder.build(connector);
    let client = config.extra_headers_layer()?.layer(client.map_err(BoxError::from));
    Ok(config.base_uri_layer().layer(option_layer(config.auth_layer()?).layer(client)).boxed())
}

fn tls(config: &Config, tcp: HttpConnector, sharing: Sharing) -> Result<HttpsConnector<HttpConnector>, kube::Error> {
    let mut builder = HttpsConnectorBuilder::new().with_tls_config(config.rustls_client_config()?).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = name.clone().try_into().map_err(|e| kube::Error::Service(Box::new(e)))?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    Ok(match sharing {
        Sharing::Shared => builder.enable_http1().enable_http2().wrap_connector(tcp),
        Sharing::Alone => builder.enable_http1().wrap_connector(tcp),
    })
}
