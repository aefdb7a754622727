//! The cookies of one session: kept as the server sets them, sent with every request.
//!
//! All requests of a session go to the same server and path, so domains and paths are not looked at. Without a clock of
//! its own the jar knows `Max-Age` only as zero or not; `Expires` is not read.

use http::{HeaderMap, HeaderValue, header};

/// More cookies than this are not kept.
const MAX_COOKIES: usize = 50;

/// The cookies, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct CookieJar {
    cookies: Vec<(String, String)>,
}

impl CookieJar {
    /// Takes what a response sets and deletes.
    pub(super) fn store(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(header::SET_COOKIE) {
            if let Ok(cookie) = cookie.to_str() {
                self.set(cookie);
            }
        }
    }

    /// The value of the header `Cookie`, if there is anything to send.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        if self.cookies.is_empty() {
            return None;
        }
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        HeaderValue::from_str(&pairs.join("; ")).ok()
    }

    fn set(&mut self, cookie: &str) {
        let mut parts = cookie.split(';');
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let (name, value) = (name.trim(), value.trim());
        let is_over = parts
            .filter_map(|attribute| attribute.split_once('='))
            .filter(|(key, _)| key.trim().eq_ignore_ascii_case("max-age"))
            .filter_map(|(_, seconds)| seconds.trim().parse::<i64>().ok())
            .next_back()
            .is_some_and(|seconds| seconds <= 0);
        let place = self.cookies.iter().position(|(own, _)| own == name);
        match place {
            Some(at) if is_over => drop(self.cookies.remove(at)),
            Some(at) => value.clone_into(&mut self.cookies[at].1),
            None if is_over || name.is_empty() || self.cookies.len() == MAX_COOKIES => {}
            None => self.cookies.push((name.to_owned(), value.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_set_changed_and_deleted() {
        let mut jar = CookieJar::default();
        assert_eq!(jar.header(), None);
        for (cookie, header) in [
            ("a=1; Path=/; HttpOnly", "a=1"),
            ("b=x=y; max-age=10", "a=1; b=x=y"),
            ("a = 2 ;MAX-AGE=60", "a=2; b=x=y"),
            ("nothing", "a=2; b=x=y"),
            ("a=; mAx-AgE = 0", "b=x=y"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::SET_COOKIE, HeaderValue::from_static(cookie));
            jar.store(&headers);
            assert_eq!(jar.header().unwrap(), header, "{cookie}");
        }
    }
}
