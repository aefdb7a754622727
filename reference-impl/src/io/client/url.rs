//! Where a server is: the URL that a user gives.

use std::{fmt, str::FromStr};

use http::Uri;
use thiserror::Error;

/// The place of a server, as a URL such as `http://127.0.0.1:3000/admin?token=1` names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerUrl {
    /// Host name or address, without the brackets of IPv6.
    pub host: String,
    /// The port; 80 if the URL names none.
    pub port: u16,
    /// The path, `/` if the URL has none. Clients take it for a namespace.
    pub path: String,
    /// The parameters of the query, not decoded.
    pub query: Vec<(String, String)>,
    /// Host and port as they stand in the URL.
    pub(super) authority: String,
}

/// Why a URL names no server that can be reached.
#[derive(Debug, Error)]
pub enum UrlError {
    /// It is no URL.
    #[error("`{url}` is not a URL: expected something like http://127.0.0.1:3000")]
    Malformed {
        /// What was given.
        url: String,
    },
    /// It asks for something else than HTTP without TLS.
    #[error("`{url}` begins with `{scheme}`: only http:// and ws:// are supported")]
    Scheme {
        /// What was given.
        url: String,
        /// What it begins with.
        scheme: String,
    },
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)?;
        for (index, (name, value)) in self.query.iter().enumerate() {
            let before = if index == 0 { '?' } else { '&' };
            write!(f, "{before}{name}={value}")?;
        }
        Ok(())
    }
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        let malformed = || UrlError::Malformed { url: url.to_owned() };
        let uri: Uri = url.parse().map_err(|_| malformed())?;
        let scheme = uri.scheme_str().ok_or_else(malformed)?;
        if !matches!(scheme, "http" | "ws") {
            return Err(UrlError::Scheme {
                url: url.to_owned(),
                scheme: scheme.to_owned(),
            });
        }
        let authority = uri.authority().ok_or_else(malformed)?;
        let host = authority.host();
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if host.is_empty() {
            return Err(malformed());
        }
        let pairs = uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty());
        Ok(Self {
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(80),
            path: uri.path().to_owned(),
            query: pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            authority: authority
                .as_str()
                .rsplit('@')
                .next()
                .unwrap_or_default()
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url: ServerUrl = "http://[::1]:3000/admin?a=b=c&d".parse().unwrap();
        assert_eq!(
            (url.host.as_str(), url.port, url.path.as_str()),
            ("::1", 3000, "/admin")
        );
        assert_eq!(url.authority, "[::1]:3000");
        let query = [("a", "b=c"), ("d", "")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(url.query, query);
        assert_eq!(url.to_string(), "http://[::1]:3000/admin?a=b=c&d=");
        let url: ServerUrl = "ws://user:pw@example.test".parse().unwrap();
        assert_eq!(
            (url.port, url.path.as_str(), url.authority.as_str()),
            (80, "/", "example.test")
        );
    }

    #[test]
    fn what_cannot_be_reached_is_refused() {
        for url in [
            "",
            "localhost:3000",
            "/path",
            "http://",
            "http://a b",
            "http://:80",
        ] {
            assert!(
                matches!(
                    url.parse::<ServerUrl>(),
                    Err(UrlError::Malformed { .. } | UrlError::Scheme { .. })
                ),
                "{url}"
            );
        }
        assert!(matches!(
            "https://x".parse::<ServerUrl>(),
            Err(UrlError::Scheme { .. })
        ));
    }
}
