//! HTTP responses: bytes in, whole responses out. Tolerant where a recorder may be, bounded where a target may lie.
//!
//! Owns the framing of HTTP/1 (lengths, chunks, until the end of the connection). Knows no sockets; what the bytes
//! of a body mean is not looked at.

use bytes::{Buf as _, BytesMut};

use crate::transcript::Response;

/// The largest head that is read as HTTP, in bytes.
const MAX_HEAD: usize = 256 * 1024;
/// The longest line inside a chunked body (a chunk size with extensions, a trailer), in bytes.
const MAX_CHUNK_LINE: usize = 4096;

/// Reads responses from the bytes of one connection.
#[derive(Debug, Default)]
pub struct ResponseReader {
    buffer: BytesMut,
    /// How much of the buffer was searched for the end of the head.
    searched: usize,
    body: Option<Body>,
}

/// What the bytes so far amount to.
#[derive(Debug, PartialEq)]
pub enum Progress {
    /// More bytes are needed.
    More,
    /// A response with a 1xx status other than 101; the real one follows.
    Interim(u16),
    /// A whole response.
    Done(Response, Then),
    /// The bytes (those of a response that broke off included) are not HTTP, for this reason.
    NotHttp(Vec<u8>, &'static str),
}

/// What the connection is after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Ready for another request.
    Next,
    /// To be ended by the target.
    Close,
    /// No longer HTTP.
    Switched,
}

#[derive(Debug)]
struct Body {
    response: Response,
    framing: Framing,
    then: Then,
}

#[derive(Debug)]
enum Framing {
    Length(u64),
    Chunked(Chunk),
    UntilClose,
}

#[derive(Clone, Copy, Debug)]
enum Chunk {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
}

impl ResponseReader {
    /// Takes bytes of the connection.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether a response has begun and is not complete.
    pub(super) fn is_inside(&self) -> bool {
        self.body.is_some() || !self.buffer.is_empty()
    }

    /// The bytes that are not read yet; empty afterwards.
    pub(super) fn take_rest(&mut self) -> BytesMut {
        self.searched = 0;
        self.buffer.split()
    }

    /// The next response. `to_head` says whether the request was a HEAD, which is answered without a body.
    pub fn next(&mut self, to_head: bool) -> Progress {
        if self.body.is_none() {
            match self.read_head(to_head) {
                Ok(Some(progress)) => return progress,
                Ok(None) => {}
                Err(why) => return self.not_http(why),
            }
        }
        let Some(body) = &mut self.body else {
            return Progress::More;
        };
        let complete = match &mut body.framing {
            Framing::Length(left) => {
                *left -= take(&mut self.buffer, *left, &mut body.response.body);
                Ok(*left == 0)
            }
            Framing::Chunked(chunk) => read_chunks(&mut self.buffer, chunk, &mut body.response.body),
            Framing::UntilClose => {
                take(&mut self.buffer, u64::MAX, &mut body.response.body);
                Ok(false)
            }
        };
        match complete {
            Ok(true) => match self.body.take() {
                Some(body) => Progress::Done(body.response, body.then),
                None => Progress::More,
            },
            Ok(false) => Progress::More,
            Err(why) => self.not_http(why),
        }
    }

    /// The connection ended: a response whose body lasts until then is complete; anything else that had begun is not.
    pub fn finish(&mut self) -> Option<Progress> {
        if !self.is_inside() {
            return None;
        }
        match self.body.take() {
            Some(Body {
                response,
                framing: Framing::UntilClose,
                ..
            }) => Some(Progress::Done(response, Then::Close)),
            body => {
                self.body = body;
                Some(self.not_http("the connection ended inside the response"))
            }
        }
    }

    fn not_http(&mut self, why: &'static str) -> Progress {
        let mut bytes = self
            .body
            .take()
            .map(|body| body.response.body)
            .unwrap_or_default();
        bytes.extend_from_slice(&self.take_rest());
        Progress::NotHttp(bytes, why)
    }

    /// Reads a head into `self.body`. `Some` is a final word for now, `None` says to go on with the body.
    fn read_head(&mut self, to_head: bool) -> Result<Option<Progress>, &'static str> {
        let expected = b"HTTP/1.";
        let shown = self.buffer.len().min(expected.len());
        if self.buffer[..shown] != expected[..shown] {
            return Err("it does not begin with HTTP/1.");
        }
        let Some(length) = end_of_head(&self.buffer, self.searched) else {
            if self.buffer.len() > MAX_HEAD {
                return Err("its head is larger than 256 KiB");
            }
            self.searched = self.buffer.len().saturating_sub(3);
            return Ok(Some(Progress::More));
        };
        let (response, framing, then) = parse_head(&self.buffer[..length], to_head)?;
        self.buffer.advance(length);
        self.searched = 0;
        if (100..200).contains(&response.status) && response.status != 101 {
            return Ok(Some(Progress::Interim(response.status)));
        }
        if response.status == 101 {
            return Ok(Some(Progress::Done(response, Then::Switched)));
        }
        self.body = Some(Body {
            response,
            framing,
            then,
        });
        Ok(None)
    }
}

/// The length of the head, its empty line included.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    (from..bytes.len()).find_map(|at| match &bytes[at..] {
        [b'\n', b'\n', ..] => Some(at + 2),
        [b'\n', b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

fn parse_head(head: &[u8], to_head: bool) -> Result<(Response, Framing, Then), &'static str> {
    let mut config = httparse::ParserConfig::default();
    config.allow_spaces_after_header_name_in_responses(true);
    config.allow_obsolete_multiline_headers_in_responses(true);
    // No head has more headers than lines.
    let mut headers = vec![httparse::EMPTY_HEADER; head.iter().filter(|byte| **byte == b'\n').count()];
    let mut parsed = httparse::Response::new(&mut headers);
    match config.parse_response(&mut parsed, head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err("its head is incomplete"),
        Err(_) => return Err("its head is not well-formed"),
    }
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers: Vec<_> = parsed
        .headers
        .iter()
        .map(|h| (h.name.to_owned(), text(h.value)))
        .collect();
    let status = parsed.code.unwrap_or(0);
    let keeps_alive = parsed.version == Some(1);
    let framing = if to_head || matches!(status, 204 | 304) {
        Framing::Length(0)
    } else {
        framing(&headers)?
    };
    let says = |word: &str| {
        values(&headers, "connection").any(|v| v.split(',').any(|w| w.trim().eq_ignore_ascii_case(word)))
    };
    let ends =
        says("close") || !(keeps_alive || says("keep-alive")) || matches!(framing, Framing::UntilClose);
    let then = if ends { Then::Close } else { Then::Next };
    Ok((
        Response {
            status,
            headers,
            body: Vec::new(),
            own: false,
        },
        framing,
        then,
    ))
}

fn framing(headers: &[(String, String)]) -> Result<Framing, &'static str> {
    if values(headers, "transfer-encoding").any(|v| v.to_ascii_lowercase().ends_with("chunked")) {
        return Ok(Framing::Chunked(Chunk::Size));
    }
    let mut lengths = values(headers, "content-length")
        .flat_map(|v| v.split(','))
        .map(str::trim);
    let Some(first) = lengths.next() else {
        return Ok(Framing::UntilClose);
    };
    if lengths.any(|other| other != first) {
        return Err("it has two different values of Content-Length");
    }
    first
        .parse()
        .map(Framing::Length)
        .map_err(|_| "its Content-Length is not a number")
}

fn values<'h>(headers: &'h [(String, String)], name: &'h str) -> impl Iterator<Item = &'h str> {
    headers
        .iter()
        .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// Moves up to `limit` bytes and says how many.
fn take(buffer: &mut BytesMut, limit: u64, into: &mut Vec<u8>) -> u64 {
    let count = buffer.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
    into.extend_from_slice(&buffer.split_to(count));
    count as u64
}

/// Whether the chunked body is complete.
fn read_chunks(buffer: &mut BytesMut, state: &mut Chunk, into: &mut Vec<u8>) -> Result<bool, &'static str> {
    loop {
        if let Chunk::Data(left) = state {
            *left -= take(buffer, *left, into);
            if *left > 0 {
                return Ok(false);
            }
            *state = Chunk::DataEnd;
        }
        let Some(end) = buffer.iter().take(MAX_CHUNK_LINE).position(|byte| *byte == b'\n') else {
            let too_long = buffer.len() >= MAX_CHUNK_LINE;
            return if too_long {
                Err("a line between its chunks is too long")
            } else {
                Ok(false)
            };
        };
        let line = buffer.split_to(end + 1);
        let line = line.trim_ascii();
        *state = match state {
            Chunk::Size => match chunk_size(line)? {
                0 => Chunk::Trailers,
                size => Chunk::Data(size),
            },
            Chunk::DataEnd if line.is_empty() => Chunk::Size,
            Chunk::Data(_) | Chunk::DataEnd => return Err("a chunk is longer than its size says"),
            Chunk::Trailers if line.is_empty() => return Ok(true),
            Chunk::Trailers => Chunk::Trailers,
        };
    }
}

fn chunk_size(line: &[u8]) -> Result<u64, &'static str> {
    let digits = line
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    let digits = std::str::from_utf8(digits).map_err(|_| "the size of a chunk is not a number")?;
    u64::from_str_radix(digits, 16).map_err(|_| "the size of a chunk is not a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds the text whole, then byte by byte: both must give the same.
    fn read(text: &str) -> Vec<Progress> {
        let run = |pieces: Vec<&[u8]>| {
            let mut reader = ResponseReader::default();
            let mut all = Vec::new();
            for piece in pieces {
                reader.feed(piece);
                loop {
                    match reader.next(false) {
                        Progress::More => break,
                        other => all.push(other),
                    }
                    if matches!(
                        all.last(),
                        Some(Progress::NotHttp(..) | Progress::Done(_, Then::Switched))
                    ) {
                        return all;
                    }
                }
            }
            all.extend(reader.finish());
            all
        };
        let whole = run(vec![text.as_bytes()]);
        if !matches!(whole.last(), Some(Progress::NotHttp(..))) {
            assert_eq!(whole, run(text.as_bytes().chunks(1).collect()));
        }
        whole
    }

    fn done(status: u16, headers: &[(&str, &str)], body: &str, then: Then) -> Progress {
        let headers = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        Progress::Done(
            Response {
                status,
                headers,
                body: body.into(),
                own: false,
            },
            then,
        )
    }

    #[test]
    fn two_responses_in_one_segment_are_two() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 400 Bad\nConnection: close\nContent-Length: 0\n\n";
        let second = [("Connection", "close"), ("Content-Length", "0")];
        assert_eq!(
            read(text),
            [
                done(200, &[("Content-Length", "2")], "ok", Then::Next),
                done(400, &second, "", Then::Close)
            ]
        );
    }

    #[test]
    fn chunks_are_joined_and_trailers_dropped() {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: x\r\n\r\n";
        assert_eq!(
            read(text),
            [done(200, &[("Transfer-Encoding", "chunked")], "abcd", Then::Next)]
        );
    }

    #[test]
    fn a_body_without_a_length_lasts_until_the_end() {
        assert_eq!(
            read("HTTP/1.1 200 OK\r\n\r\n<html>"),
            [done(200, &[], "<html>", Then::Close)]
        );
    }

    #[test]
    fn a_body_that_is_shorter_than_announced_is_no_response() {
        let short = read("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        assert_eq!(
            short,
            [Progress::NotHttp(
                b"abc".to_vec(),
                "the connection ended inside the response"
            )]
        );
    }

    #[test]
    fn a_body_that_is_longer_than_announced_leaves_bytes_that_are_not_http() {
        let long = read("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc");
        assert_eq!(long[0], done(200, &[("Content-Length", "1")], "a", Then::Next));
        assert!(
            matches!(&long[1], Progress::NotHttp(rest, _) if rest == b"bc"),
            "{long:?}"
        );
    }

    #[test]
    fn what_follows_a_101_is_left_alone() {
        let mut reader = ResponseReader::default();
        reader.feed(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x01a");
        assert_eq!(reader.next(false), done(101, &[], "", Then::Switched));
        assert_eq!(&reader.take_rest()[..], b"\x81\x01a");
    }

    #[test]
    fn an_interim_response_is_not_the_answer() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(
            read(text),
            [Progress::Interim(100), done(204, &[], "", Then::Next)]
        );
    }

    #[test]
    fn lies_and_noise_are_told_apart_from_http() {
        let why = |text: &str| match read(text).pop() {
            Some(Progress::NotHttp(_, why)) => why,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(why("hello"), "it does not begin with HTTP/1.");
        assert_eq!(
            why("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            "it has two different values of Content-Length"
        );
        assert_eq!(
            why("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            "the size of a chunk is not a number"
        );
        assert_eq!(
            why("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"),
            "a chunk is longer than its size says"
        );
        assert_eq!(
            why(&format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(MAX_HEAD))),
            "its head is larger than 256 KiB"
        );
    }
}
