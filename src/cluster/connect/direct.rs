//! The straight way to a server, without a proxy: as the client library makes it, but that small requests leave at once.

use http::{Request, Response};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::{Body, ConfigExt as _};
use tower::util::{BoxService, option_layer};
use tower::{BoxError, Layer as _, ServiceExt as _};

/// What carries requests.
pub(super) type Way = BoxService<Request<Body>, Response<hyper::body::Incoming>, BoxError>;

/// Makes it.
///
/// # Errors
/// When the certificates, the token or the headers of the configuration cannot be used.
pub(super) fn way(config: &Config) -> Result<Way, kube::Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    // A request is small. Held back until the server has acknowledged what was sent before, as TCP does by default, the first
    // one of a connection takes 40 ms more: servers acknowledge late. A rollback is such a request.
    tcp.set_nodelay(true);
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build(connector);
    let client = config.extra_headers_layer()?.layer(client.map_err(BoxError::from));
    Ok(config.base_uri_layer().layer(option_layer(config.auth_layer()?).layer(client)).boxed())
}
