//! Whether the target answers at all, and how long a round trip to it takes.

use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::stream::{Stream, describe};
use super::{Endpoint, http};
use crate::transcript::Request;

/// A request that every server can refuse at once: it names no transport, so no session is opened.
const TINY: &str = "?EIO=4";
/// How many round trips are measured, after one that opens the connection.
const SAMPLES: usize = 5;
/// How long one attempt may take while the target starts.
const ATTEMPT: Duration = Duration::from_secs(1);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(10);

/// The target does not answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("get an HTTP answer from {authority}: {how}")]
pub struct NotReady {
    /// Host and port.
    pub authority: String,
    /// What happened last.
    pub how: String,
}

/// Waits until the target answers an HTTP request, whatever the answer, or the deadline has come.
pub async fn wait_ready(endpoint: &Endpoint, deadline: Instant) -> Result<(), NotReady> {
    let mut last = "the deadline came before the first attempt".to_owned();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(NotReady {
                authority: endpoint.authority(),
                how: last,
            });
        }
        match tokio::time::timeout(left.min(ATTEMPT), attempt(endpoint)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(how)) => last = how,
            Err(_) => last = "no answer in time".to_owned(),
        }
        tokio::time::sleep(PAUSE.min(left)).await;
    }
}

/// The median of a few round trips on an open connection, in milliseconds. The caller bounds the time.
pub async fn rtt(endpoint: &Endpoint, http: &reqwest::Client) -> Result<f64, NotReady> {
    let url = endpoint.url(TINY);
    let mut samples = Vec::with_capacity(SAMPLES);
    for number in 0..=SAMPLES {
        let start = Instant::now();
        let answer = async { http.get(&url).send().await?.bytes().await }.await;
        answer.map_err(|error| NotReady {
            authority: endpoint.authority(),
            how: error.to_string(),
        })?;
        if number > 0 {
            samples.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    samples.sort_by(f64::total_cmp);
    Ok(samples[SAMPLES / 2])
}

/// One request over a connection of its own, which is the last in the line of those that wait to be accepted.
///
/// # Errors
/// What happened instead of an HTTP answer.
pub async fn attempt(endpoint: &Endpoint) -> Result<(), String> {
    let target = endpoint.resolve_target(TINY);
    let close = ("Connection".to_owned(), "close".to_owned());
    let request = Request {
        method: "GET".to_owned(),
        target,
        headers: vec![close],
        body: Vec::new(),
    };
    let mut stream = Stream::connect(endpoint)
        .await
        .map_err(|error| describe(&error))?;
    stream
        .write_all(&http::encode(endpoint, &request))
        .await
        .map_err(|error| describe(&error))?;
    let mut start = [0; 5];
    stream
        .read_exact(&mut start)
        .await
        .map_err(|error| describe(&error))?;
    if &start == b"HTTP/" {
        Ok(())
    } else {
        Err("what answers does not speak HTTP".to_owned())
    }
}
