//! TLS, decided in one place: the same client configuration serves polling, WebSockets and raw connections.
//!
//! Without the feature `tls` the same functions exist and refuse.

use std::io;

use tokio::net::TcpStream;

use super::Endpoint;
use super::stream::Stream;

#[cfg(feature = "tls")]
pub(super) use with_rustls::{install, preconfigure, wrap};
#[cfg(not(feature = "tls"))]
pub(super) use without::{install, preconfigure, wrap};

#[cfg(feature = "tls")]
mod with_rustls {
    use std::sync::{Arc, OnceLock};

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
    use rustls_platform_verifier::BuilderVerifierExt as _;
    use tokio_rustls::TlsConnector;

    use super::{Endpoint, Stream, TcpStream, io};

    /// Makes ring the process's provider; reqwest panics without one, also for `http://`.
    pub(in crate::wire) fn install() {
        // Fails only when there is one already, which is as good.
        let _ = ring::default_provider().install_default();
    }

    /// Hands the configuration to reqwest.
    pub(in crate::wire) fn preconfigure(
        builder: reqwest::ClientBuilder,
        insecure: bool,
    ) -> reqwest::ClientBuilder {
        builder.tls_backend_preconfigured(ClientConfig::clone(&config(insecure)))
    }

    /// Does the TLS handshake on a fresh TCP connection.
    pub(in crate::wire) async fn wrap(endpoint: &Endpoint, tcp: TcpStream) -> io::Result<Stream> {
        let name = ServerName::try_from(endpoint.host.clone()).map_err(io::Error::other)?;
        let tls = TlsConnector::from(config(endpoint.insecure))
            .connect(name, tcp)
            .await?;
        Ok(Stream::Tls(Box::new(tls)))
    }

    fn config(insecure: bool) -> Arc<ClientConfig> {
        static VERIFYING: OnceLock<Arc<ClientConfig>> = OnceLock::new();
        static TRUSTING: OnceLock<Arc<ClientConfig>> = OnceLock::new();
        install();
        if insecure {
            let trusting = || {
                let verifier = Arc::new(AnyCertificate(Arc::new(ring::default_provider())));
                let builder = ClientConfig::builder()
                    .dangerous()
                    .with_custom_certificate_verifier(verifier);
                Arc::new(builder.with_no_client_auth())
            };
            return Arc::clone(TRUSTING.get_or_init(trusting));
        }
        let verifying = || {
            // A machine without root certificates can still test over plain HTTP.
            let builder = ClientConfig::builder().with_platform_verifier();
            let empty = |_| ClientConfig::builder().with_root_certificates(RootCertStore::empty());
            Arc::new(builder.unwrap_or_else(empty).with_no_client_auth())
        };
        Arc::clone(VERIFYING.get_or_init(verifying))
    }

    /// Accepts every certificate, as `--insecure` asks; signatures are still checked.
    #[derive(Debug)]
    struct AnyCertificate(Arc<CryptoProvider>);

    impl ServerCertVerifier for AnyCertificate {
        fn verify_server_cert(
            &self,
            _end_entity: &CertificateDer<'_>,
            _intermediates: &[CertificateDer<'_>],
            _server_name: &ServerName<'_>,
            _ocsp_response: &[u8],
            _now: UnixTime,
        ) -> Result<ServerCertVerified, rustls::Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}

#[cfg(not(feature = "tls"))]
mod without {
    use super::{Endpoint, Stream, TcpStream, io};

    pub(in crate::wire) fn install() {}

    pub(in crate::wire) fn preconfigure(
        builder: reqwest::ClientBuilder,
        _insecure: bool,
    ) -> reqwest::ClientBuilder {
        builder
    }

    pub(in crate::wire) async fn wrap(_endpoint: &Endpoint, _tcp: TcpStream) -> io::Result<Stream> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this siospec was built without TLS: use http, or build with the feature `tls`",
        ))
    }
}
