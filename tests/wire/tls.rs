//! The same over TLS, with a certificate that nobody vouches for.
#![cfg(feature = "tls")]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reference_impl::{Options, Server};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use siospec::notation::{Heartbeat, Over};
use siospec::transcript::Event;
use siospec::wire::{Channel, Endpoint, Session, http_client};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::support::{self, get, in_time, serve, tap};

/// A self-signed certificate for 127.0.0.1, valid until 2126, and its key: for these tests only.
const CERTIFICATE: &str = "MIIBojCCAUegAwIBAgIUfXjC7jAj0HCRargPQ7k12VOTHlcwCgYIKoZIzj0EAwIwFzEVMBMGA1UEAwwMc2lvc3BlYyB0ZXN0MCAX\
    DTI2MTEyMDEwNTYxMFoYDzIxMjYxMDI3MTA1NjEwWjAXMRUwEwYDVQQDDAxzaW9zcGVjIHRlc3QwWTATBgcqhkjOPQIBBggqhkjO\
    PQMBBwNCAATYIqPD5acBwMK6bWoCTmhs2NKT8YOjqFXGdgQ/pJkA5nujmaIz7YKroraL52fBvD4dPkFB0/pn1u6bDg0evVQmo28w\
    bTAdBgNVHQ4EFgQUdg3tYcK9lehAeyYmL5olbchSFZowHwYDVR0jBBgwFoAUdg3tYcK9lehAeyYmL5olbchSFZowDwYDVR0TAQH/\
    BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZIzj0EAwIDSQAwRgIhAOe5LkCkOCULLAZdXYXHtq1/FDiB\
    hQwNrhrp4OCmywbMAiEA9HEJjkwtBMV3VXkpc6Jwo0m0wUeILha9Tfpk9aPkgoc=";
const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPDGxyqNlolrGeozB7QLB8fwC4cVILWy45dbPPUTI5BChRANCAATY\
    IqPD5acBwMK6bWoCTmhs2NKT8YOjqFXGdgQ/pJkA5nujmaIz7YKroraL52fBvD4dPkFB0/pn1u6bDg0evVQm";

/// The reference server behind TLS.
async fn encrypted() -> (support::Server, reference_impl::ServerHandle, Endpoint) {
    let reference = Server::bind(([127, 0, 0, 1], 0).into(), Options::default())
        .await
        .unwrap();
    let address = reference.local_addr();
    let der = |text: &str| STANDARD.decode(text).unwrap();
    let key = PrivateKeyDer::try_from(der(KEY)).unwrap();
    // Installs the provider that the server's configuration needs too.
    drop(http_client(true));
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config
        .with_single_cert(vec![CertificateDer::from(der(CERTIFICATE))], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let front = serve(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            // A client that does not trust the certificate ends the handshake.
            let Ok(mut outer) = acceptor.accept(stream).await else {
                return;
            };
            let mut inner = TcpStream::connect(address).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
        }
    })
    .await;
    let endpoint = Endpoint {
        tls: true,
        ..front.endpoint.clone()
    };
    (front, reference, endpoint)
}

#[tokio::test]
async fn sessions_and_channels_speak_tls() {
    let (_front, _reference, endpoint) = encrypted().await;
    let endpoint = endpoint.with_insecure(true);
    for over in [Over::WebSocket, Over::Polling, Over::Upgraded] {
        let (tap, _record) = tap();
        let http = http_client(true);
        let open = Session::open(&endpoint, &http, over, Heartbeat::Auto, tap);
        let session = in_time("the session", open).await.unwrap();
        assert_eq!(session.handshake().ping_interval, 300.0);
        session.shutdown().await;
    }
    let (tap, mut record) = tap();
    let mut channel = Channel::new(&endpoint, tap.clone());
    channel
        .request(get(&endpoint, "?EIO=4&transport=polling"), false)
        .await
        .unwrap();
    assert_eq!(record.response().await.status, 200);
    let mut channel = Channel::new(&endpoint, tap);
    channel
        .websocket(get(&endpoint, "?EIO=4&transport=websocket"))
        .await
        .unwrap();
    assert_eq!(record.response().await.status, 101);
    assert!(matches!(record.next().await, Event::Received(_)));
    channel.reset().await;
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (_front, _reference, endpoint) = encrypted().await;
    for over in [Over::WebSocket, Over::Polling] {
        let (tap, _record) = tap();
        let http = http_client(false);
        let open = Session::open(&endpoint, &http, over, Heartbeat::Auto, tap);
        let error = in_time("the refusal", open).await.unwrap_err().to_string();
        assert!(error.contains("certificate"), "{error}");
    }
    let (tap, mut record) = tap();
    let mut channel = Channel::new(&endpoint, tap);
    assert!(channel.request(get(&endpoint, "?EIO=4"), false).await.is_err());
    let how = record.closed().await.how;
    assert!(how.contains("certificate"), "{how}");
}
