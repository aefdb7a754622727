//! How a request of a client is altered: its method, what its query says, its body.

use crate::notation::Request as Expected;
use crate::transcript::Request;

/// The record separator of polling payloads.
const SEPARATOR: char = '\u{1e}';

/// The request in other forms, each changed in one place, with a name for it. What the line does not name is free.
pub(super) fn altered(came: &Request, expected: &Expected) -> Vec<(String, Request)> {
    let mut all = Vec::new();
    let method = if came.method == "GET" { "PUT" } else { "GET" };
    let is_upgrade = crate::wire::is_upgrade(came);
    if is_upgrade {
        let mut plain = came.clone();
        plain
            .headers
            .retain(|(name, _)| !name.eq_ignore_ascii_case("upgrade"));
        all.push(("ask for no WebSocket".to_owned(), plain));
    } else {
        let other = Request {
            method: method.to_owned(),
            ..came.clone()
        };
        all.push((format!("ask by {method}"), other));
    }
    let query = expected.target.0.split_once('?').map_or("", |(_, query)| query);
    for part in query.split('&') {
        let Some((name, value)) = part.split_once('=') else {
            continue;
        };
        if value.contains('<') || value == "absent" {
            continue;
        }
        let (from, to) = (format!("{name}={value}"), format!("{name}={value}x"));
        all.push((
            format!("change {name} of the query"),
            Request {
                target: came.target.replace(&from, &to),
                ..came.clone()
            },
        ));
    }
    for (name, pattern) in &expected.headers {
        let mut other = came.clone();
        if pattern.0 == "absent" {
            other.headers.push((name.clone(), "x".to_owned()));
            all.push((format!("add the header {name}"), other));
        } else {
            other.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
            all.push((format!("drop the header {name}"), other));
        }
    }
    if !expected.body.is_empty() {
        let body = String::from_utf8_lossy(&came.body).into_owned();
        let with_body = |body: String| Request {
            body: body.into_bytes(),
            ..came.clone()
        };
        all.push((
            "double the body".to_owned(),
            with_body(format!("{body}{SEPARATOR}{body}")),
        ));
        all.push(("empty the body".to_owned(), with_body(String::new())));
    }
    // What could not be changed, because the client wrote it in another way, proves nothing.
    all.retain(|(_, request)| request != came);
    all
}
