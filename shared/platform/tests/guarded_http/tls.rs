//! TLS: the words for each kind of failure, and that a trusted certificate is all it takes.

use std::sync::Arc;

use platform::http::{InboundResponse, SendError, TlsFault};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use crate::environment::{is_child, rerun};
use crate::support::{NO_CONTENT, Server, local_client, post, url};

const HOST: &str = "hooks.example.com";

pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
}

fn self_signed() -> Identity {
    let signed = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    Identity {
        certificate: signed.cert.der().clone(),
        key: signed.signing_key.into(),
    }
}

pub(crate) fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issued_by(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    host: &str,
    years: (i32, i32),
) -> Identity {
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    let key = KeyPair::generate().unwrap();
    Identity {
        certificate: params.signed_by(&key, issuer).unwrap().der().clone(),
        key: key.into(),
    }
}

pub(crate) fn config(
    identity: Identity,
    version: &'static rustls::SupportedProtocolVersion,
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate], identity.key)
        .unwrap()
}

pub(crate) async fn serve(config: ServerConfig) -> Server {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::start(move |stream, log| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            while log.read_request(&mut stream).await.is_some() {
                let _ = stream.write_all(NO_CONTENT.as_bytes()).await;
            }
        }
    })
    .await
}

async fn post_to(server: &Server) -> Result<InboundResponse, SendError> {
    post(
        &local_client(),
        &url(&format!("https://{HOST}:{}/", server.address.port())),
    )
    .await
}

pub(crate) async fn fails(server: &Server, fault: TlsFault) {
    let error = post_to(server).await.unwrap_err();
    assert_eq!(error, SendError::Tls(fault));
    assert!(!error.request_may_have_been_written());
    assert_eq!(server.log.requests().len(), 0);
}

#[tokio::test]
async fn a_self_signed_certificate_is_of_an_unknown_issuer() {
    let server = serve(config(self_signed(), &rustls::version::TLS13)).await;
    fails(&server, TlsFault::CertificateIssuerUnknown).await;
}

#[tokio::test]
async fn a_plain_http_port_does_not_speak_tls() {
    let server = Server::start(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    fails(&server, TlsFault::NotTls).await;
}

#[tokio::test]
async fn a_server_may_hang_up_or_refuse_in_the_handshake() {
    let hanging_up = Server::start(|mut stream, _| async move {
        // Reading first, so that closing sends an end of stream and not a reset.
        let mut hello = [0; 4096];
        let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut hello).await;
    })
    .await;
    fails(&hanging_up, TlsFault::ClosedByServer).await;

    let refusing = Server::start(|mut stream, _| async move {
        let mut hello = [0; 4096];
        let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut hello).await;
        // RFC 8446 §6: alert record, fatal, handshake_failure.
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 40]).await;
    })
    .await;
    fails(&refusing, TlsFault::RefusedByServer).await;
}

#[test]
fn certificates_of_a_trusted_authority_are_judged_one_by_one() {
    let test = "tls::certificates_of_a_trusted_authority_are_judged_one_by_one";
    if is_child() {
        let roots = std::env::var_os("SSL_CERT_FILE").unwrap();
        tokio::runtime::Runtime::new()
            .unwrap()
            .block_on(judge_certificates(roots.as_ref()));
    } else {
        let roots = tempfile::NamedTempFile::new().unwrap();
        rerun(test, &[("SSL_CERT_FILE", roots.path().as_os_str())]);
    }
}

async fn judge_certificates(roots: &std::path::Path) {
    let trusted = authority("Trusted");
    std::fs::write(roots, trusted.pem()).unwrap();
    let valid = (2020, 2200);

    for version in rustls::ALL_VERSIONS {
        let good = serve(config(issued_by(&trusted, HOST, valid), version)).await;
        assert_eq!(
            post_to(&good).await.unwrap().status,
            204,
            "{:?}",
            version.version
        );
        assert_eq!(good.log.requests().len(), 1);
    }
    for (identity, fault) in [
        (
            issued_by(&trusted, HOST, (2020, 2021)),
            TlsFault::CertificateExpired,
        ),
        (
            issued_by(&trusted, HOST, (2199, 2200)),
            TlsFault::CertificateNotYetValid,
        ),
        (
            issued_by(&trusted, "other.example.com", valid),
            TlsFault::CertificateForOtherName,
        ),
        (
            issued_by(&authority("Unknown"), HOST, valid),
            TlsFault::CertificateIssuerUnknown,
        ),
    ] {
        let server = serve(config(identity, &rustls::version::TLS13)).await;
        fails(&server, fault).await;
    }
}

#[test]
fn the_words_say_what_to_mend() {
    let words = |fault| SendError::Tls(fault).to_string();
    assert_eq!(
        words(TlsFault::CertificateExpired),
        "TLS handshake failed: certificate expired"
    );
    assert_eq!(
        words(TlsFault::CertificateIssuerUnknown),
        "TLS handshake failed: certificate of an unknown issuer"
    );
    assert_eq!(
        words(TlsFault::NotTls),
        "TLS handshake failed: the server does not speak TLS"
    );
}
