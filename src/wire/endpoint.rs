//! Where the target listens: scheme, host, port and the path of its Socket.IO server.
//!
//! Owns reading the URL that the user gives and putting targets of scripts behind it. Connects to nothing.

use thiserror::Error;
use url::{Host, Url};

/// The path that every implementation uses unless it is told otherwise.
const DEFAULT_PATH: &str = "/socket.io/";

/// The address of a Socket.IO server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Whether to speak TLS.
    pub tls: bool,
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The path of the Socket.IO server; begins and ends with `/`, e.g. `/socket.io/`.
    pub path: String,
    /// Whether any certificate will do.
    pub insecure: bool,
}

/// Why a URL does not name a Socket.IO server.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EndpointError {
    /// It cannot be read at all.
    #[error("`{url}` is no URL ({reason}): expected something like http://localhost:3000")]
    NotAUrl {
        /// What was given.
        url: String,
        /// What the URL parser says.
        reason: String,
    },
    /// The scheme is none that Socket.IO is spoken over.
    #[error(
        "`{url}` has the scheme `{scheme}`: expected http, https, ws or wss, as in http://localhost:3000"
    )]
    Scheme {
        /// What was given.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// There is a part which has no place in the address of a server.
    #[error("`{url}` has a {part}: expected only scheme, host, port and path")]
    Extra {
        /// What was given.
        url: String,
        /// `query`, `fragment` or `user name`.
        part: &'static str,
    },
}

impl Endpoint {
    /// Reads `http://host:port/path`. Without a path it is `/socket.io/`; `ws` and `wss` mean `http` and `https`.
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        let given = || url.to_owned();
        let not_a_url = |reason: String| EndpointError::NotAUrl { url: given(), reason };
        let parsed = Url::parse(url.trim()).map_err(|error| not_a_url(error.to_string()))?;
        let tls = match parsed.scheme() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            other => {
                return Err(EndpointError::Scheme {
                    url: given(),
                    scheme: other.to_owned(),
                });
            }
        };
        let extra = match &parsed {
            u if u.query().is_some() => Some("query"),
            u if u.fragment().is_some() => Some("fragment"),
            u if !u.username().is_empty() || u.password().is_some() => Some("user name"),
            _ => None,
        };
        if let Some(part) = extra {
            return Err(EndpointError::Extra { url: given(), part });
        }
        let host = match parsed.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(not_a_url("it has no host".to_owned())),
        };
        let port = parsed
            .port_or_known_default()
            .unwrap_or_else(|| default_port(tls));
        let path = match parsed.path() {
            "" | "/" => DEFAULT_PATH.to_owned(),
            path if path.ends_with('/') => path.to_owned(),
            path => format!("{path}/"),
        };
        Ok(Self {
            tls,
            host,
            port,
            path,
            insecure: false,
        })
    }

    /// The same endpoint, with any certificate accepted or not.
    pub fn with_insecure(self, insecure: bool) -> Self {
        Self { insecure, ..self }
    }

    /// `host:port` as it stands in a `Host` header; the port is left out where it is the scheme's own.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == default_port(self.tls) {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// The whole URL of a target of a script.
    pub fn url(&self, target: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.resolve_target(target))
    }

    /// The target as it stands on the request line: `?x` goes behind the path, anything else stands for itself.
    pub fn resolve_target(&self, target: &str) -> String {
        if target.starts_with('?') {
            format!("{}{target}", self.path)
        } else {
            target.to_owned()
        }
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_gets_the_default_one() {
        let endpoint = Endpoint::parse("http://localhost:3000").unwrap();
        assert_eq!(endpoint.path, "/socket.io/");
        assert_eq!(endpoint.authority(), "localhost:3000");
        assert_eq!(endpoint.url("?EIO=4"), "http://localhost:3000/socket.io/?EIO=4");
        assert_eq!(endpoint.url("/other"), "http://localhost:3000/other");
    }

    #[test]
    fn a_path_is_kept_and_ends_in_a_slash() {
        assert_eq!(
            Endpoint::parse("wss://example.org/a/b").unwrap().url("?x"),
            "https://example.org/a/b/?x"
        );
    }

    #[test]
    fn an_ipv6_address_has_brackets_only_in_the_authority() {
        let endpoint = Endpoint::parse("http://[::1]:81").unwrap();
        assert_eq!(
            (endpoint.host.as_str(), endpoint.authority().as_str()),
            ("::1", "[::1]:81")
        );
    }

    #[test]
    fn what_is_no_server_address_is_refused() {
        let refused = |url| Endpoint::parse(url).unwrap_err();
        assert!(matches!(refused("localhost:3000"), EndpointError::Scheme { .. }));
        assert!(matches!(refused("3000"), EndpointError::NotAUrl { .. }));
        assert!(matches!(
            refused("http://h/?a=1"),
            EndpointError::Extra { part: "query", .. }
        ));
        assert!(matches!(
            refused("http://u@h/"),
            EndpointError::Extra {
                part: "user name",
                ..
            }
        ));
    }
}
