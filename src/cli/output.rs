//! The one writer of standard output. A reader that has seen enough (`| head`) is no error.

use anstream::AutoStream;
use std::io::{self, Write};

/// Standard output: colours only where they are wanted, and silent once nobody reads it.
#[derive(Debug)]
pub(super) struct Output {
    stream: AutoStream<io::Stdout>,
    closed: bool,
}

impl Output {
    pub(super) fn new(color: anstream::ColorChoice) -> Self {
        let stdout = io::stdout();
        let choice = match color {
            anstream::ColorChoice::Auto => AutoStream::choice(&stdout),
            fixed => fixed,
        };
        Self {
            stream: AutoStream::new(stdout, choice),
            closed: false,
        }
    }

    /// The same, but nothing is written.
    pub(super) fn silenced(mut self) -> Self {
        self.closed = true;
        self
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        match self.stream.write_all(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        match self.stream.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            flushed => flushed,
        }
    }
}

/// Writes a message to standard error, with colours where it is a terminal that wants them.
pub(super) fn complain(color: anstream::ColorChoice, message: &str) {
    let stderr = io::stderr();
    let choice = match color {
        anstream::ColorChoice::Auto => AutoStream::choice(&stderr),
        fixed => fixed,
    };
    let mut stream = AutoStream::new(stderr, choice);
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(stream, "{message}").and_then(|()| stream.flush());
}
