//! One connection that stays open, with one request at a time.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The time after which a request has failed.
const LIMIT: Duration = Duration::from_secs(10);

/// The service under load: `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `host:port`.
    authority: String,
}

impl Target {
    /// The service that listens on this address; on all addresses of this machine counts as its own.
    #[must_use]
    pub fn of(mut address: SocketAddr) -> Self {
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        Target { authority: address.to_string() }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("{text:?} is not of the form http://host:port");
        let uri: Uri = text.parse().map_err(|_| expected())?;
        let (Some("http"), Some(authority), "/", None) =
            (uri.scheme_str(), uri.authority(), uri.path(), uri.query())
        else {
            return Err(expected());
        };
        if authority.as_str().contains('@') {
            return Err(expected());
        }
        let port = authority.port_u16().unwrap_or(80);
        Ok(Target { authority: format!("{}:{port}", authority.host()) })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

/// A request.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// JSON, if there is any.
    pub(crate) body: Option<String>,
}

pub(crate) struct Client {
    connection: SendRequest<Full<Bytes>>,
    host: HeaderValue,
}

impl Client {
    pub(crate) async fn connect(target: &Target) -> io::Result<Self> {
        let connecting = timeout(LIMIT, TcpStream::connect(&target.authority));
        let stream = connecting.await.map_err(io::Error::from)??;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // It ends with the sender, or with the service; the sender then gets an error.
        tokio::spawn(async move { _ = connection.await });
        let host = HeaderValue::from_str(&target.authority).map_err(io::Error::other)?;
        Ok(Client { connection: sender, host })
    }

    /// Asks, and reads the answer to its end.
    pub(crate) async fn ask(&mut self, ask: Ask) -> io::Result<()> {
        let Ask { method, path, body } = ask;
        let request = Request::builder()
            .method(method)
            .uri(&path)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(io::Error::other)?;
        let answered = async {
            self.connection.ready().await?;
            let answer = self.connection.send_request(request).await?;
            let status = answer.status();
            Ok::<_, hyper::Error>((status, answer.into_body().collect().await?.to_bytes()))
        };
        let answer = timeout(LIMIT, answered).await.map_err(io::Error::from)?;
        let (status, body) = answer.map_err(io::Error::other)?;
        if !status.is_success() {
            let body = String::from_utf8_lossy(&body);
            return Err(io::Error::other(format!("{status} for {path}: {body}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_plain_address() {
        let target = |text: &str| text.parse::<Target>().ok().map(|target| target.to_string());
        assert_eq!(target("http://localhost").as_deref(), Some("http://localhost:80"));
        assert_eq!(target("http://[::1]:3000/").as_deref(), Some("http://[::1]:3000"));
        for other in ["localhost:3000", "https://localhost", "http://me@localhost", "http://h/path"]
        {
            assert_eq!(target(other), None, "{other}");
        }
    }

    #[test]
    fn who_listens_everywhere_is_asked_on_this_machine() {
        let everywhere = SocketAddr::from(([0, 0, 0, 0], 3000));
        assert_eq!(Target::of(everywhere).to_string(), "http://127.0.0.1:3000");
    }
}
