//! Waiting for a target and measuring the way to it.

use std::time::{Duration, Instant};

use siospec::wire::{Endpoint, http_client, rtt, wait_ready};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::support::{in_time, read_head, serve};

#[tokio::test]
async fn a_target_is_ready_once_it_answers_http() {
    let server = serve(|number, mut stream| async move {
        // At first the connection ends without an answer, then something else answers.
        match number {
            0 => {}
            1 => stream.write_all(b"SSH-2.0\r\n").await.unwrap(),
            _ => {
                while !read_head(&mut stream).await.is_empty() {
                    stream
                        .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno")
                        .await
                        .unwrap();
                }
            }
        }
    })
    .await;
    let deadline = Instant::now() + Duration::from_secs(10);
    in_time("the target", wait_ready(&server.endpoint, deadline))
        .await
        .unwrap();
    let milliseconds = in_time("round trips", rtt(&server.endpoint, &http_client(false)))
        .await
        .unwrap();
    assert!(milliseconds > 0.0, "{milliseconds}");
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let silent = wait_ready(&endpoint, Instant::now() + Duration::from_millis(50))
        .await
        .unwrap_err();
    assert_eq!(
        (silent.authority, silent.how.as_str()),
        (endpoint.authority(), "no answer in time")
    );
    drop(listener);
    let refused = wait_ready(&endpoint, Instant::now() + Duration::from_millis(50))
        .await
        .unwrap_err();
    assert_eq!(refused.how, "connection refused");
    assert!(rtt(&endpoint, &http_client(false)).await.is_err());
}
