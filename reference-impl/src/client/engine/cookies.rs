//! The cookies of one session: kept as the server sets them, sent with every request, dropped when their time is over.
//!
//! All requests of a session go to the same server and path, so domains and paths are not looked at.

use super::cookie_date;
use crate::engine::Millis;
use http::{HeaderMap, HeaderValue, header};

/// More cookies than this are not kept.
const MAX_COOKIES: usize = 50;

/// The cookies, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct CookieJar {
    cookies: Vec<Cookie>,
}

#[derive(Debug)]
struct Cookie {
    name: String,
    value: String,
    /// When its time is over; `None` for one that lasts as long as the session.
    until: Option<Millis>,
}

impl CookieJar {
    /// Takes what a response sets and deletes.
    pub(super) fn store(&mut self, headers: &HeaderMap, now: Millis) {
        let sent_at = headers.get(header::DATE).and_then(|date| date.to_str().ok());
        let sent_at = sent_at.and_then(cookie_date::seconds);
        for cookie in headers.get_all(header::SET_COOKIE) {
            if let Ok(cookie) = cookie.to_str() {
                self.set(cookie, sent_at, now);
            }
        }
    }

    /// Drops those whose time is over.
    pub(super) fn drop_old(&mut self, now: Millis) {
        self.cookies
            .retain(|cookie| cookie.until.is_none_or(|until| now < until));
    }

    /// The value of the header `Cookie`, if there is anything to send.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        if self.cookies.is_empty() {
            return None;
        }
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        HeaderValue::from_str(&pairs.join("; ")).ok()
    }

    fn set(&mut self, cookie: &str, sent_at: Option<i64>, now: Millis) {
        let mut parts = cookie.split(';');
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let (name, value) = (name.trim(), value.trim());
        let lifetime = lifetime(parts, sent_at);
        let until = lifetime.map(|seconds| now.saturating_add(seconds.unsigned_abs().saturating_mul(1000)));
        let is_over = lifetime.is_some_and(|seconds| seconds <= 0);
        let place = self.cookies.iter().position(|own| own.name == name);
        let cookie = || Cookie {
            name: name.to_owned(),
            value: value.to_owned(),
            until,
        };
        match place {
            Some(at) if is_over => drop(self.cookies.remove(at)),
            Some(at) => self.cookies[at] = cookie(),
            None if is_over || name.is_empty() || self.cookies.len() == MAX_COOKIES => {}
            None => self.cookies.push(cookie()),
        }
    }
}

/// For how many seconds a cookie with these attributes is valid; `None` without an end. `Max-Age` counts before `Expires`,
/// and of each the last one that can be read.
///
/// `Expires` is a date by the server's clock, as is the `Date` of its response, `sent_at`. Without that, only a date at or
/// before the epoch, by which servers delete cookies, is over for sure; a later one is taken for no end.
fn lifetime<'a>(attributes: impl Iterator<Item = &'a str>, sent_at: Option<i64>) -> Option<i64> {
    let (mut max_age, mut expires) = (None, None);
    for (key, value) in attributes.filter_map(|attribute| attribute.split_once('=')) {
        let (key, value) = (key.trim(), value.trim());
        if key.eq_ignore_ascii_case("max-age") {
            max_age = value.parse::<i64>().ok().or(max_age);
        } else if key.eq_ignore_ascii_case("expires") {
            expires = cookie_date::seconds(value).or(expires);
        }
    }
    let by_date = |expires| match sent_at {
        Some(sent_at) => Some(expires - sent_at),
        None => (expires <= 0).then_some(0),
    };
    max_age.or_else(|| expires.and_then(by_date))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Fri, 20 Nov 2026 12:00:00 GMT";

    fn store(jar: &mut CookieJar, cookie: &'static str, date: Option<&'static str>, now: Millis) {
        let mut headers = HeaderMap::new();
        headers.insert(header::SET_COOKIE, HeaderValue::from_static(cookie));
        if let Some(date) = date {
            headers.insert(header::DATE, HeaderValue::from_static(date));
        }
        jar.drop_old(now);
        jar.store(&headers, now);
    }

    fn sent(jar: &CookieJar) -> String {
        jar.header()
            .map_or_else(String::new, |header| header.to_str().unwrap_or("?").to_owned())
    }

    #[test]
    fn cookies_are_set_changed_and_deleted() {
        let mut jar = CookieJar::default();
        assert_eq!(sent(&jar), "");
        for (cookie, header) in [
            ("a=1; Path=/; HttpOnly", "a=1"),
            ("b=x=y; max-age=10", "a=1; b=x=y"),
            ("a = 2 ;MAX-AGE=60", "a=2; b=x=y"),
            ("nothing", "a=2; b=x=y"),
            ("c=3; Max-Age=soon", "a=2; b=x=y; c=3"),
            ("a=; mAx-AgE = 0", "b=x=y; c=3"),
            ("b=; Max-Age=-1", "c=3"),
            ("c=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ""),
        ] {
            store(&mut jar, cookie, None, 0);
            assert_eq!(sent(&jar), header, "{cookie}");
        }
    }

    #[test]
    fn a_cookie_is_dropped_when_its_time_is_over() {
        for (cookie, date, lasts) in [
            ("a=1; Max-Age=10", None, 10_000),
            ("a=1; Expires=Fri, 20 Nov 2026 12:00:07 GMT", Some(DATE), 7000),
            ("a=1; expires=Friday, 20-Nov-26 12:01:00 GMT", Some(DATE), 60_000),
            // The age counts, whichever comes first.
            (
                "a=1; Max-Age=3; Expires=Fri, 20 Nov 2026 13:00:00 GMT",
                Some(DATE),
                3000,
            ),
        ] {
            let mut jar = CookieJar::default();
            store(&mut jar, cookie, date, 500);
            jar.drop_old(500 + lasts - 1);
            assert_eq!(sent(&jar), "a=1", "{cookie}");
            jar.drop_old(500 + lasts);
            assert_eq!(sent(&jar), "", "{cookie}");
        }
        let mut jar = CookieJar::default();
        store(&mut jar, "a=1", None, 0);
        store(
            &mut jar,
            "b=2; Expires=Fri, 20 Nov 2026 11:59:59 GMT",
            Some(DATE),
            0,
        );
        store(&mut jar, "c=3; Expires=some day", Some(DATE), 0);
        store(&mut jar, "d=4; Expires=Fri, 20 Nov 2026 12:00:00 GMT", None, 0);
        jar.drop_old(Millis::MAX);
        assert_eq!(sent(&jar), "a=1; c=3; d=4");
    }
}
