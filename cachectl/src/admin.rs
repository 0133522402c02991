//! A request to the admin endpoints of a program. One request without TLS needs no HTTP client.

use std::env;
use std::io::{self, Read as _, Write as _, stdin};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::exit::Failure;

/// The most bytes of a response that are read.
const MOST: u64 = 32 << 20;

/// An admin endpoint, and the command that reads its response.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint {
    pub(crate) command: &'static str,
    pub(crate) route: &'static str,
}

impl Endpoint {
    /// Returns the failure of a response that is another one.
    pub(crate) fn unreadable(self, reason: &str) -> Failure {
        Failure::Usage(format!("this is not a response of `GET {}`: {reason}", self.route))
    }
}

/// Returns the response of the endpoint at this address, or the standard input for `-`.
pub(crate) fn fetch(
    admin: &str,
    endpoint: Endpoint,
    patience: Duration,
) -> Result<String, Failure> {
    if admin == "-" {
        let mut response = String::new();
        let read = stdin().lock().read_to_string(&mut response);
        read.map_err(|error| Failure::Usage(format!("standard input cannot be read: {error}")))?;
        return Ok(response);
    }
    let key = env::var("CACHE_ADMIN_KEY").ok().filter(|key| !key.is_empty());
    if key.as_ref().is_some_and(|key| key.contains(char::is_control)) {
        return Err(Failure::Usage("CACHE_ADMIN_KEY has a control character in it".to_owned()));
    }
    let Some(url) = AdminUrl::parse(admin) else {
        let Endpoint { command, route } = endpoint;
        return Err(Failure::Usage(format!(
            "the address {admin:?} of admin endpoints cannot be used; expected `http://host:port/path`, or `-` for a \
             response that another program has fetched: `curl -H \"x-cache-admin-key: $CACHE_ADMIN_KEY\" \
             https://host/cache{route} | cachectl {command} -`"
        )));
    };
    url.get(endpoint.route, key.as_deref(), patience)
}

/// The admin endpoints of a program: `http://host:port/path`.
struct AdminUrl<'a> {
    /// The host and the port.
    authority: String,
    /// The path without a slash at its end.
    path: &'a str,
}

impl<'a> AdminUrl<'a> {
    /// Returns the parts of an address without TLS.
    fn parse(url: &'a str) -> Option<Self> {
        let plain = url.strip_prefix("http://").filter(|rest| !rest.contains(['@', '?', '#', ' ']));
        let rest = plain.filter(|rest| !rest.is_empty())?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port { host.to_owned() } else { format!("{host}:80") };
        Some(AdminUrl { authority, path: path.trim_end_matches('/') })
    }

    /// Returns the body of a response to `GET`.
    fn get(&self, route: &str, key: Option<&str>, patience: Duration) -> Result<String, Failure> {
        let AdminUrl { authority, path } = self;
        let key = key.map(|key| format!("x-cache-admin-key: {key}\r\n")).unwrap_or_default();
        // With HTTP 1.0, the end of the connection is the end of the response.
        let request = format!("GET {path}{route} HTTP/1.0\r\nHost: {authority}\r\n{key}\r\n");
        let response = self.send(&request, patience);
        let response = response.map_err(|error| self.unusable(&error.to_string()))?;
        let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
        let status = head.split(' ').nth(1).unwrap_or_default();
        match status {
            "200" => Ok(body.to_owned()),
            _ => Err(self.unusable(&refusal(head, body))),
        }
    }

    fn send(&self, request: &str, patience: Duration) -> io::Result<String> {
        let mut stream = self.connect(patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        stream.write_all(request.as_bytes())?;
        let mut response = String::new();
        stream.take(MOST).read_to_string(&mut response)?;
        Ok(response)
    }

    fn connect(&self, patience: Duration) -> io::Result<TcpStream> {
        let mut outcome = Err(io::Error::other("the host has no address"));
        for address in self.authority.to_socket_addrs()? {
            outcome = TcpStream::connect_timeout(&address, patience);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn unusable(&self, reason: &str) -> Failure {
        let AdminUrl { authority, path } = self;
        Failure::NoEndpoints(format!("http://{authority}{path}: {reason}"))
    }
}

/// Returns the reason of a response that refuses the request: the `detail` of a problem, or the first line.
fn refusal(head: &str, body: &str) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
    let first = || head.lines().next().filter(|line| line.starts_with("HTTP/"));
    detail.or_else(first).unwrap_or("this is not a response of HTTP").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Option<(String, &str)> {
        AdminUrl::parse(url).map(|url| (url.authority, url.path))
    }

    #[test]
    fn an_address_has_a_host_a_port_and_a_path() {
        for (url, authority, path) in [
            ("http://localhost:3000/cache", "localhost:3000", "/cache"),
            ("http://localhost:3000/cache/", "localhost:3000", "/cache"),
            ("http://shop.internal", "shop.internal:80", ""),
            ("http://[::1]:3000/a/b", "[::1]:3000", "/a/b"),
            ("http://[::1]", "[::1]:80", ""),
        ] {
            assert_eq!(parsed(url), Some((authority.to_owned(), path)), "{url}");
        }
        for url in ["https://host/cache", "host:3000", "http://", "http://me@host", "http://h?x"] {
            assert_eq!(parsed(url), None, "{url}");
        }
    }

    #[test]
    fn a_refusal_is_described_by_its_detail() {
        let head = "HTTP/1.0 401 Unauthorized\r\ncontent-type: application/problem+json";
        assert_eq!(refusal(head, r#"{"detail":"no key"}"#), "no key");
        assert_eq!(refusal(head, "<html>"), "HTTP/1.0 401 Unauthorized");
        assert_eq!(refusal("+PONG", ""), "this is not a response of HTTP");
    }
}
