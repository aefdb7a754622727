//! The address of a target that runs already.

use url::Url;

/// Where Socket.IO is served unless somebody says otherwise.
pub const DEFAULT_PATH: &str = "/socket.io/";

/// A text that is no address of a Socket.IO server.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// It is no URL at all.
    #[error("`{text}` is not a URL: {source}")]
    Syntax {
        /// What was given.
        text: String,
        /// Why not.
        source: url::ParseError,
    },
    /// It has parts that an address must not have.
    #[error("`{text}` has a {part}: expected http://HOST:PORT or http://HOST:PORT/PATH/")]
    Part {
        /// What was given.
        text: String,
        /// What is too much.
        part: &'static str,
    },
    /// It is for another protocol.
    #[error("`{text}` begins with {scheme}: expected http: or https:")]
    Scheme {
        /// What was given.
        text: String,
        /// How it begins.
        scheme: String,
    },
}

/// Whether a word of the command line is meant as a URL.
pub fn looks_like_url(text: &str) -> bool {
    text.contains("://")
}

/// Reads `http(s)://HOST[:PORT][/PATH/]`. Without a path it is [`DEFAULT_PATH`]; a path gets the slash at its end that
/// Socket.IO clients put there.
///
/// # Errors
/// Where the text is something else.
pub fn parse(text: &str) -> Result<Url, UrlError> {
    let mut url = Url::parse(text).map_err(|source| UrlError::Syntax {
        text: text.to_owned(),
        source,
    })?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(UrlError::Scheme {
            text: text.to_owned(),
            scheme: format!("{}:", url.scheme()),
        });
    }
    let surplus = [
        (url.query().is_some(), "query"),
        (url.fragment().is_some(), "fragment"),
        (
            !url.username().is_empty() || url.password().is_some(),
            "user name",
        ),
    ];
    if let Some((_, part)) = surplus.into_iter().find(|(present, _)| *present) {
        return Err(UrlError::Part {
            text: text.to_owned(),
            part,
        });
    }
    match url.path() {
        "" | "/" => url.set_path(DEFAULT_PATH),
        path if !path.ends_with('/') => {
            let path = format!("{path}/");
            url.set_path(&path);
        }
        _ => {}
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_filled_in() {
        assert_eq!(
            parse("http://localhost:3000").unwrap().as_str(),
            "http://localhost:3000/socket.io/"
        );
        assert_eq!(
            parse("https://example.test/chat").unwrap().as_str(),
            "https://example.test/chat/"
        );
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, part) in [
            ("ws://localhost", "expected http:"),
            ("http://localhost/?EIO=4", "query"),
            ("http://me@localhost/", "user name"),
            ("http://", "not a URL"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
