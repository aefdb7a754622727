//! What faults are made of: small wrappers for what passes between the layers, and ways to look into it.

use bytes::Bytes;
use http::{Method, Request, Response};

use crate::{
    client::{
        engine::{Arrival, EngineEvent, Transmit},
        options::ClientOptions,
        seams::{Passing, Seams, WireFilters},
        socket::{Action, Command, Report},
    },
    engine::{ExchangeId, Message, Millis},
    seams::WireFilter,
};

/// Between the packets of a polling payload.
pub(super) const SEPARATOR: char = '\u{1e}';

type Act<S> = fn(&mut S, Millis, Passing, &mut Vec<Passing>);

/// A fault with a memory.
struct Faulty<S> {
    state: S,
    act: Act<S>,
}

impl<S: Send> Seams for Faulty<S> {
    fn pass(&mut self, now: Millis, passing: Passing, out: &mut Vec<Passing>) {
        (self.act)(&mut self.state, now, passing, out);
    }
}

/// Does something with everything that passes, and remembers what it needs to.
pub(super) fn remembering<S: Default + Send + 'static>(act: Act<S>) -> Box<dyn Seams> {
    Box::new(Faulty {
        state: S::default(),
        act,
    })
}

/// Does something with everything that passes.
pub(super) fn anything(act: fn(Passing, &mut Vec<Passing>)) -> Box<dyn Seams> {
    Box::new(Faulty {
        state: act,
        act: |act, _, passing, out| act(passing, out),
    })
}

/// Holds things back: `delay` says for how long, 0 for not at all.
pub(super) fn delayed<S: Default + Send + 'static>(delay: fn(&mut S, &Passing) -> Millis) -> Box<dyn Seams> {
    struct Delayed<S> {
        state: S,
        delay: fn(&mut S, &Passing) -> Millis,
        held: Vec<(Millis, Passing)>,
    }
    impl<S: Send> Seams for Delayed<S> {
        fn pass(&mut self, now: Millis, passing: Passing, out: &mut Vec<Passing>) {
            match (self.delay)(&mut self.state, &passing) {
                0 => out.push(passing),
                delay => self.held.push((now + delay, passing)),
            }
        }

        fn deadline(&self) -> Option<Millis> {
            self.held.iter().map(|(until, _)| *until).min()
        }

        fn timeout(&mut self, now: Millis, out: &mut Vec<Passing>) {
            let (due, held): (Vec<_>, Vec<_>) = self.held.drain(..).partition(|(until, _)| *until <= now);
            self.held = held;
            out.extend(due.into_iter().map(|(_, passing)| passing));
        }
    }
    Box::new(Delayed {
        state: S::default(),
        delay,
        held: Vec::new(),
    })
}

/// Other options than the client was asked to have.
pub(super) fn configured(change: fn(&mut ClientOptions)) -> Box<dyn Seams> {
    struct Configured(fn(&mut ClientOptions));
    impl Seams for Configured {
        fn configure(&mut self, options: &mut ClientOptions) {
            (self.0)(options);
        }
    }
    Box::new(Configured(change))
}

/// Changes the frames of WebSockets before they are sent.
pub(super) fn frames_out(filter: WireFilter) -> Box<dyn Seams> {
    struct FramesOut(WireFilter);
    impl Seams for FramesOut {
        fn wire_filters(&self) -> WireFilters {
            WireFilters {
                sent: Some(self.0),
                received: None,
            }
        }
    }
    Box::new(FramesOut(filter))
}

/// Changes the frames of WebSockets before they are read.
pub(super) fn frames_in(filter: WireFilter) -> Box<dyn Seams> {
    struct FramesIn(WireFilter);
    impl Seams for FramesIn {
        fn wire_filters(&self) -> WireFilters {
            WireFilters {
                sent: None,
                received: Some(self.0),
            }
        }
    }
    Box::new(FramesIn(filter))
}

/// Rewrites the target of each request and WebSocket handshake.
pub(super) fn targets(rewrite: fn(&str) -> String) -> Box<dyn Seams> {
    Box::new(Faulty {
        state: rewrite,
        act: |rewrite, _, mut passing, out| {
            set_target(&mut passing, *rewrite);
            out.push(passing);
        },
    })
}

/// Rewrites each request.
pub(super) fn requests(rewrite: fn(&mut Request<Bytes>)) -> Box<dyn Seams> {
    Box::new(Faulty {
        state: rewrite,
        act: |rewrite, _, mut passing, out| {
            if let Passing::Transmit(Transmit::Request(_, request)) = &mut passing {
                rewrite(request);
            }
            out.push(passing);
        },
    })
}

/// Rewrites each text that the socket layer sends.
pub(super) fn texts_out(rewrite: fn(&str) -> Vec<String>) -> Box<dyn Seams> {
    Box::new(Faulty {
        state: rewrite,
        act: |rewrite, _, passing, out| match passing {
            Passing::Action(Action::Send(session, Message::Text(text))) => {
                let texts = rewrite(&text).into_iter();
                out.extend(texts.map(|text| Passing::Action(Action::Send(session, Message::Text(text)))));
            }
            other => out.push(other),
        },
    })
}

/// Rewrites each text on its way to the socket layer.
pub(super) fn texts_in(rewrite: fn(&str) -> Vec<String>) -> Box<dyn Seams> {
    Box::new(Faulty {
        state: rewrite,
        act: |rewrite, _, passing, out| match passing {
            Passing::Event(EngineEvent::Message(session, Message::Text(text))) => {
                let texts = rewrite(&text).into_iter().map(Message::Text);
                out.extend(texts.map(|text| Passing::Event(EngineEvent::Message(session, text))));
            }
            other => out.push(other),
        },
    })
}

/// Ends the program when a text like this comes.
pub(super) fn crashes(of: fn(&str) -> bool) -> Box<dyn Seams> {
    Box::new(Faulty {
        state: of,
        act: |of, _, passing, out| match &passing {
            Passing::Event(EngineEvent::Message(_, Message::Text(text))) if of(text) => {
                out.push(Passing::Crash("an exception that nobody catches"));
            }
            _ => out.push(passing),
        },
    })
}

/// Ends the program when a packet like this comes.
pub(super) fn crashes_of_packet(of: fn(&str) -> bool) -> Box<dyn Seams> {
    Box::new(Faulty {
        state: of,
        act: |of, _, passing, out| {
            let is_fatal = match &passing {
                Passing::Arrival(Arrival::Frame(_, Message::Text(text))) => of(text),
                Passing::Arrival(Arrival::Response(_, response)) => {
                    polled(response).is_some_and(|body| body.split(SEPARATOR).any(*of))
                }
                _ => false,
            };
            out.push(if is_fatal {
                Passing::Crash("an exception that nobody catches")
            } else {
                passing
            });
        },
    })
}

/// Rewrites each packet of a session on its way to the server, in a POST or in a text frame.
pub(super) fn packets_out(rewrite: fn(&str) -> Vec<String>) -> Box<dyn Seams> {
    Box::new(Faulty {
        state: rewrite,
        act: |rewrite, _, passing, out| match passing {
            Passing::Transmit(Transmit::Frame(exchange, Message::Text(text))) => {
                let frames = rewrite(&text).into_iter().map(Message::Text);
                out.extend(frames.map(|frame| Passing::Transmit(Transmit::Frame(exchange, frame))));
            }
            Passing::Transmit(Transmit::Request(exchange, request)) if request.method() == Method::POST => {
                let (head, body) = request.into_parts();
                let body = String::from_utf8_lossy(&body);
                let packets: Vec<_> = body.split(SEPARATOR).flat_map(*rewrite).collect();
                out.push(if packets.is_empty() {
                    posted(exchange)
                } else {
                    let body = packets.join("\u{1e}").into();
                    Passing::Transmit(Transmit::Request(exchange, Request::from_parts(head, body)))
                });
            }
            other => out.push(other),
        },
    })
}

/// Rewrites each packet on its way to a session, in the answer to a poll or in a text frame.
pub(super) fn packets_in(rewrite: fn(&str) -> Vec<String>) -> Box<dyn Seams> {
    Box::new(Faulty {
        state: rewrite,
        act: |rewrite, _, mut passing, out| match &mut passing {
            Passing::Arrival(Arrival::Frame(exchange, Message::Text(text))) => {
                let frames = rewrite(text).into_iter().map(Message::Text);
                out.extend(frames.map(|frame| Passing::Arrival(Arrival::Frame(*exchange, frame))));
            }
            Passing::Arrival(Arrival::Response(_, response)) => {
                if let Some(body) = polled(response) {
                    let packets: Vec<_> = body.split(SEPARATOR).flat_map(*rewrite).collect();
                    *response.body_mut() = if packets.is_empty() {
                        "6".into()
                    } else {
                        packets.join("\u{1e}").into()
                    };
                }
                out.push(passing);
            }
            _ => out.push(passing),
        },
    })
}

/// Rewrites the open packet.
pub(super) fn open(rewrite: fn(&str) -> String) -> Box<dyn Seams> {
    Box::new(Faulty {
        state: rewrite,
        act: |rewrite, _, mut passing, out| {
            match &mut passing {
                Passing::Arrival(Arrival::Frame(_, Message::Text(text))) if text.starts_with("0{") => {
                    *text = rewrite(text);
                }
                Passing::Arrival(Arrival::Response(_, response)) => {
                    if let Some(body) = polled(response).filter(|body| body.starts_with("0{")) {
                        *response.body_mut() = rewrite(&body).into();
                    }
                }
                _ => {}
            }
            out.push(passing);
        },
    })
}

/// Rewrites what the application is told.
pub(super) fn reports(rewrite: fn(Report) -> Vec<Report>) -> Box<dyn Seams> {
    Box::new(Faulty {
        state: rewrite,
        act: |rewrite, _, passing, out| match passing {
            Passing::Report(report) => out.extend(rewrite(report).into_iter().map(Passing::Report)),
            other => out.push(other),
        },
    })
}

/// Rewrites what the application wants.
pub(super) fn commands(rewrite: fn(Command) -> Vec<Command>) -> Box<dyn Seams> {
    Box::new(Faulty {
        state: rewrite,
        act: |rewrite, _, passing, out| match passing {
            Passing::Command(command) => out.extend(rewrite(command).into_iter().map(Passing::Command)),
            other => out.push(other),
        },
    })
}

/// That a POST was answered, whether it was sent or not.
pub(super) fn posted(exchange: ExchangeId) -> Passing {
    Passing::Arrival(Arrival::Response(
        exchange,
        Response::new(Bytes::from_static(b"ok")),
    ))
}

/// The payload of a response, if it is one.
pub(super) fn polled(response: &Response<Bytes>) -> Option<String> {
    let body = std::str::from_utf8(response.body()).ok()?;
    (response.status() == 200 && body.starts_with(|first: char| first.is_ascii_digit() || first == 'b'))
        .then(|| body.to_owned())
}

/// Changes the target of a request or WebSocket handshake.
pub(super) fn set_target(passing: &mut Passing, rewrite: impl FnOnce(&str) -> String) {
    let uri = match passing {
        Passing::Transmit(Transmit::Request(_, request)) => request.uri_mut(),
        Passing::Transmit(Transmit::OpenWebSocket(_, request)) => request.uri_mut(),
        _ => return,
    };
    if let Ok(changed) = rewrite(&uri.to_string()).parse() {
        *uri = changed;
    }
}

/// A target without a parameter, or with another value of it.
pub(super) fn with_parameter(target: &str, name: &str, value: Option<&str>) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter_map(|pair| match pair.split_once('=') {
        Some((own, _)) if own == name => value.map(|value| format!("{name}={value}")),
        _ => Some(pair.to_owned()),
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// The encoded value of a parameter.
pub(super) fn parameter<'a>(target: &'a str, name: &str) -> Option<&'a str> {
    let pairs = target.split_once('?')?.1.split('&');
    pairs
        .filter_map(|pair| pair.split_once('='))
        .find(|(own, _)| *own == name)
        .map(|(_, value)| value)
}

/// An open packet with another value of a field.
pub(super) fn with_field(open: &str, key: &str, value: &str) -> String {
    let Some(at) = open.find(&format!("\"{key}\":")) else {
        return open.to_owned();
    };
    let begin = at + key.len() + 3;
    let end = match open[begin..].strip_prefix('[') {
        Some(list) => list.find(']').map_or(open.len(), |length| begin + length + 2),
        None => open[begin..]
            .find([',', '}'])
            .map_or(open.len(), |length| begin + length),
    };
    format!("{}{value}{}", &open[..begin], &open[end..])
}

/// A text of the socket layer: its type with the number of attachments, its namespace with the comma, and the rest.
pub(super) fn parts(text: &str) -> (&str, &str, &str) {
    let head = match text.find('-') {
        Some(dash)
            if text.starts_with(['5', '6']) && text[1..dash].bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            dash + 1
        }
        _ => text.chars().next().map_or(0, char::len_utf8),
    };
    let namespace = match text[head..].strip_prefix('/') {
        Some(_) => text[head..]
            .find(',')
            .map_or(text.len(), |comma| head + comma + 1),
        None => head,
    };
    (&text[..head], &text[head..namespace], &text[namespace..])
}

/// The digits that a rest begins with, and what follows them.
pub(super) fn split_id(rest: &str) -> (&str, &str) {
    rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count())
}
