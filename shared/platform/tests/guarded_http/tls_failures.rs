//! More ways for TLS to fail; nothing of the request is written in any of them.

use std::sync::Arc;

use platform::http::{SendError, TlsFault};
use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::environment::{is_child, rerun};
use crate::support::{Server, local_client, post, url};
use crate::tls::{Identity, authority, config, fails, serve};

const HOST: &str = "hooks.example.com";

/// Reads the client's greeting and answers with these bytes, whatever it asked for.
async fn greeting_with(answer: &'static [u8]) -> Server {
    Server::start(move |mut stream, _| async move {
        let mut hello = [0; 4_096];
        let _ = stream.read(&mut hello).await;
        let _ = stream.write_all(answer).await;
        // Until the client closes, so that it sees the answer before the end.
        while stream.read(&mut hello).await.is_ok_and(|bytes| bytes > 0) {}
    })
    .await
}

/// A ServerHello (RFC 5246 §7.4.1.3) of the version `3.minor`, with the RSA suite of 1999.
fn old_hello(minor: u8) -> Vec<u8> {
    let mut hello = vec![22, 3, minor, 0, 42, 2, 0, 0, 38, 3, minor];
    hello.extend([7; 32]);
    hello.extend([0, 0, 47, 0]);
    hello
}

#[tokio::test]
async fn versions_before_tls_1_2_have_nothing_in_common_with_us() {
    for minor in [0, 1, 2] {
        let server = greeting_with(old_hello(minor).leak()).await;
        fails(&server, TlsFault::NothingInCommon).await;
    }
}

#[tokio::test]
async fn every_alert_is_a_refusal() {
    // RFC 8446 §6.2: unexpected_message, handshake_failure, protocol_version, internal_error, unrecognized_name,
    // certificate_required.
    for alert in [10, 40, 70, 80, 112, 116] {
        let server = greeting_with(vec![21, 3, 3, 0, 2, 2, alert].leak()).await;
        fails(&server, TlsFault::RefusedByServer).await;
    }
}

#[tokio::test]
async fn what_is_not_tls_is_called_so() {
    for answer in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1/\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "220 mail.example.com ESMTP\r\n",
        "-ERR unknown command\r\n",
        "\0\0\0\0\0\0\0\0",
    ] {
        fails(&greeting_with(answer.as_bytes()).await, TlsFault::NotTls).await;
    }
}

#[tokio::test]
async fn a_connection_that_ends_within_the_handshake_is_no_response() {
    // Cut within the record's head, and within its content.
    for answer in [
        &[][..],
        &[22],
        &[22, 3, 3, 0],
        &[22, 3, 3, 0, 42, 2, 0, 0, 38],
    ] {
        let server = Server::start(move |mut stream, _| async move {
            let mut hello = [0; 4_096];
            let _ = stream.read(&mut hello).await;
            let _ = stream.write_all(answer).await;
        })
        .await;
        fails(&server, TlsFault::ClosedByServer).await;
    }
}

#[tokio::test]
async fn a_certificate_that_is_none_is_invalid() {
    let key = KeyPair::generate().unwrap();
    let identity = Identity {
        certificate: CertificateDer::from(b"no certificate".to_vec()),
        key: key.into(),
    };
    let resolver = unchecked(identity);
    fails(&serve(resolver).await, TlsFault::CertificateInvalid).await;
}

/// A configuration that does not look at what it presents.
fn unchecked(identity: Identity) -> ServerConfig {
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&identity.key).unwrap();
    let presented = rustls::sign::CertifiedKey::new(vec![identity.certificate], key);
    ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(presented)))
}

#[test]
fn a_trusted_authority_does_not_excuse_the_rest() {
    let test = "tls_failures::a_trusted_authority_does_not_excuse_the_rest";
    if is_child() {
        let roots = std::env::var_os("SSL_CERT_FILE").unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(judge_certificates(roots.as_ref()));
    } else {
        let roots = tempfile::NamedTempFile::new().unwrap();
        rerun(test, &[("SSL_CERT_FILE", roots.path().as_os_str())]);
    }
}

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn issued(
    issuer: &Issuer,
    hosts: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> Identity {
    let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    Identity {
        certificate: params.signed_by(&key, issuer).unwrap().der().clone(),
        key: key.into(),
    }
}

async fn judge_certificates(roots: &std::path::Path) {
    let trusted = authority("Trusted");
    std::fs::write(roots, trusted.pem()).unwrap();
    let tls13 = &rustls::version::TLS13;

    let wildcard = serve(config(issued(&trusted, &["*.example.com"], |_| ()), tls13)).await;
    let hook = url(&format!("https://{HOST}:{}/", wildcard.address.port()));
    assert_eq!(post(&local_client(), &hook).await.unwrap().status, 204);

    for names in [
        &["*.com"][..],
        &["*.hooks.example.com"],
        &["hooks.example.com.evil.net"],
        &["example.com"],
        &["h*.example.com"],
        &["127.0.0.1"],
        &[],
    ] {
        let server = serve(config(issued(&trusted, names, |_| ()), tls13)).await;
        fails(&server, TlsFault::CertificateForOtherName).await;
    }
    let common_name_alone = issued(&trusted, &[], |params| {
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, HOST);
    });
    fails(
        &serve(config(common_name_alone, tls13)).await,
        TlsFault::CertificateForOtherName,
    )
    .await;

    for change in [
        (|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth])
            as fn(&mut CertificateParams),
        |params| params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained),
    ] {
        let server = serve(config(issued(&trusted, &[HOST], change), tls13)).await;
        fails(&server, TlsFault::CertificateInvalid).await;
    }
    an_address_needs_a_certificate_for_it(&trusted).await;
    a_client_certificate_is_more_than_we_have(&trusted).await;
}

/// The address is what is connected to in either case; what counts is what the URL names.
async fn an_address_needs_a_certificate_for_it(trusted: &Issuer) {
    let tls13 = &rustls::version::TLS13;
    for (names, expected) in [
        (
            &[SanType::IpAddress("127.0.0.1".parse().unwrap())][..],
            Ok(204),
        ),
        (&[SanType::IpAddress("127.0.0.2".parse().unwrap())], Err(())),
        (&[SanType::DnsName(HOST.try_into().unwrap())], Err(())),
    ] {
        let identity = issued(trusted, &[], |params| {
            params.subject_alt_names = names.to_vec();
        });
        let server = serve(config(identity, tls13)).await;
        let hook = url(&format!("https://127.0.0.1:{}/", server.address.port()));
        let fault = |()| SendError::Tls(TlsFault::CertificateForOtherName);
        let sent = post(&local_client(), &hook)
            .await
            .map(|response| response.status);
        assert_eq!(sent, expected.map_err(fault));
    }
}

async fn a_client_certificate_is_more_than_we_have(trusted: &Issuer) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots))
        .build()
        .unwrap();
    let identity = issued(trusted, &[HOST], |_| ());
    // In TLS 1.2 the server's refusal is a part of the handshake; in 1.3 it comes after it.
    let demanding = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS12])
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![identity.certificate], identity.key)
        .unwrap();
    fails(&serve(demanding).await, TlsFault::RefusedByServer).await;
}
