//! The query of a request: which protocol version, transport and session it asks for, and how it is refused.

use http::StatusCode;

/// Why a request is refused; the number is the `code` of the JSON body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefusalCode {
    /// No transport, or one that is not offered.
    TransportUnknown = 0,
    /// No session with this id.
    SessionUnknown = 1,
    /// A session is opened by GET only.
    BadHandshakeMethod = 2,
    /// The request does not fit its session or its headers.
    BadRequest = 3,
    /// The application refused.
    Forbidden = 4,
    /// Not version 4.
    UnsupportedVersion = 5,
}

impl RefusalCode {
    /// The text that goes with the code.
    pub fn message(self) -> &'static str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::SessionUnknown => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedVersion => "Unsupported protocol version",
        }
    }

    /// The status of the response.
    pub fn status(self) -> StatusCode {
        if self == Self::Forbidden {
            StatusCode::FORBIDDEN
        } else {
            StatusCode::BAD_REQUEST
        }
    }
}

/// The parameters of a query that Engine.IO reads; all others are ignored.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Query {
    pub(super) eio: Parameter,
    pub(super) transport: Parameter,
    pub(super) sid: Parameter,
}

/// A parameter. One that is given twice has no value that everybody would agree on.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) enum Parameter {
    #[default]
    Absent,
    Once(String),
    Repeated,
}

impl Parameter {
    pub(super) fn is(&self, value: &str) -> bool {
        matches!(self, Self::Once(own) if own == value)
    }

    fn add(&mut self, value: String) {
        *self = if *self == Self::Absent {
            Self::Once(value)
        } else {
            Self::Repeated
        };
    }
}

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        let mut parsed = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match percent_decode(name).as_str() {
                "EIO" => parsed.eio.add(percent_decode(value)),
                "transport" => parsed.transport.add(percent_decode(value)),
                "sid" if !value.is_empty() => parsed.sid.add(percent_decode(value)),
                _ => {}
            }
        }
        parsed
    }
}

/// Resolves `%XX`; what is no escape stays as it is.
fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let digit = |at: usize| behind.get(at).and_then(|&byte| (byte as char).to_digit(16));
        if *first == b'%'
            && let (Some(high), Some(low)) = (digit(0), digit(1))
        {
            bytes.push((high * 16 + low) as u8);
            rest = &behind[2..];
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_parameters_in_any_order() {
        let query = Query::parse("transport=%70olling&t=x&EIO=%34&sid=a%2Fb+c&b64");
        assert!(query.transport.is("polling") && query.eio.is("4") && query.sid.is("a/b+c"));
    }

    #[test]
    fn nothing_odd_becomes_a_value() {
        assert_eq!(Query::parse("eio=4&Transport=polling&sid="), Query::default());
        assert_eq!(Query::parse("EIO=3&EIO=4").eio, Parameter::Repeated);
        assert_eq!(Query::parse("sid=%zz%").sid, Parameter::Once("%zz%".into()));
        assert_eq!(Query::parse("sid=%ff").sid, Parameter::Once("\u{fffd}".into()));
    }
}
