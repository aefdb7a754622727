//! A stream that shows the frames of a WebSocket to a fault before anybody reads them, or before they are sent.
//!
//! Only servers and clients that were started with such a fault have one of these with a filter in it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::seams::{WireFilter, WireFrame};

/// The bytes of a client, frame by frame.
pub(in crate::io) struct Filtered<S> {
    stream: S,
    filter: Option<WireFilter>,
    /// What has come and is not yet a whole frame.
    raw: Vec<u8>,
    /// What has passed the filter and has not been read.
    passed: Vec<u8>,
    sent: Option<WireFilter>,
    /// What was written and is not yet a whole frame.
    unsent: Vec<u8>,
    /// What has passed the filter and has not been sent.
    leaving: Vec<u8>,
}

impl<S> Filtered<S> {
    pub(in crate::io) fn new(stream: S, filter: Option<WireFilter>) -> Self {
        Self {
            stream,
            filter,
            raw: Vec::new(),
            passed: Vec::new(),
            sent: None,
            unsent: Vec::new(),
            leaving: Vec::new(),
        }
    }

    /// Filters from now on; before, it may have carried something else than frames.
    pub(in crate::io) fn set_filters(&mut self, received: Option<WireFilter>, sent: Option<WireFilter>) {
        self.filter = received;
        self.sent = sent;
    }

    fn pass_frames(&mut self, filter: WireFilter) {
        while let Some((mut frame, length)) = parse(&self.raw) {
            self.raw.drain(..length);
            if filter(&mut frame) {
                write(&frame, &mut self.passed);
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Filtered<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        let Some(filter) = own.filter else {
            return Pin::new(&mut own.stream).poll_read(cx, out);
        };
        while own.passed.is_empty() {
            let mut chunk = [0; 4096];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut own.stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            own.raw.extend_from_slice(read.filled());
            own.pass_frames(filter);
        }
        let length = own.passed.len().min(out.remaining());
        out.put_slice(&own.passed[..length]);
        own.passed.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Filtered<S> {
    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.leaving.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.leaving))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.leaving.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Filtered<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let own = self.get_mut();
        let Some(filter) = own.sent else {
            return Pin::new(&mut own.stream).poll_write(cx, data);
        };
        ready!(own.poll_leave(cx))?;
        own.unsent.extend_from_slice(data);
        while let Some((mut frame, length)) = parse(&own.unsent) {
            own.unsent.drain(..length);
            if filter(&mut frame) {
                write(&frame, &mut own.leaving);
            }
        }
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        ready!(own.poll_leave(cx))?;
        Pin::new(&mut own.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        ready!(own.poll_leave(cx))?;
        Pin::new(&mut own.stream).poll_shutdown(cx)
    }
}

/// The first frame and its length on the wire, if it has come whole.
fn parse(raw: &[u8]) -> Option<(WireFrame, usize)> {
    let [first, second, rest @ ..] = raw else {
        return None;
    };
    let (size, mut at) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*rest.first_chunk()?), 10),
        size => (u64::from(size), 2),
    };
    let masked = second & 0x80 != 0;
    let mask = if masked {
        *raw.get(at..)?.first_chunk::<4>()?
    } else {
        [0; 4]
    };
    at += if masked { 4 } else { 0 };
    let end = at.checked_add(usize::try_from(size).ok()?)?;
    let payload = raw
        .get(at..end)?
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, key)| byte ^ key)
        .collect();
    Some((
        WireFrame {
            first: *first,
            masked,
            payload,
        },
        end,
    ))
}

fn write(frame: &WireFrame, out: &mut Vec<u8>) {
    out.push(frame.first);
    let mask = if frame.masked { 0x80 } else { 0 };
    match frame.payload.len() {
        length @ 0..126 => out.push(mask | length as u8),
        length @ 126..0x1_0000 => {
            out.push(mask | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(mask | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    if frame.masked {
        out.extend_from_slice(&[0; 4]);
    }
    out.extend_from_slice(&frame.payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_come_through() {
        for size in [0, 1, 125, 126, 65_535, 65_536] {
            for masked in [true, false] {
                let frame = WireFrame {
                    first: 0x82,
                    masked,
                    payload: vec![7; size],
                };
                let mut raw = Vec::new();
                write(&frame, &mut raw);
                assert!(parse(&raw[..raw.len() - 1]).is_none());
                let length = raw.len();
                raw.push(0x81);
                assert_eq!(parse(&raw), Some((frame, length)));
            }
        }
        let (hello, length) = parse(&[0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2, 0]).unwrap();
        assert_eq!((hello.payload.as_slice(), length), (&b"hi"[..], 8));
    }
}
