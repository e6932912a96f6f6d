use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use domain::address::NotPublic;
use domain::endpoint_url::UrlError;
use rustls::CertificateError;

use super::ResponseHead;

/// Why there is no complete response. `Display` gives the words for the delivery log; no URL, address or body is in
/// them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The URL breaks a rule of the deployment (it may have been saved under others).
    #[error("the URL {0}")]
    UrlRefused(UrlError),
    /// No such host name, or the resolver failed.
    #[error("host name does not resolve")]
    NotResolved,
    /// The host is, or resolves to, an address that is not of the public internet.
    #[error("resolves to {0}")]
    NotPublic(#[from] NotPublic),
    /// Nothing listens on the port.
    #[error("connection refused")]
    ConnectionRefused,
    /// The connection could not be made for another reason.
    #[error("connection failed: {0}")]
    ConnectionFailed(io::ErrorKind),
    /// The TLS handshake failed.
    #[error("TLS handshake failed: {0}")]
    Tls(TlsFault),
    /// The deadline passed.
    #[error("no response within {} s{stage}", deadline.as_secs_f64())]
    TimedOut {
        /// The deadline.
        deadline: Duration,
        /// How far the exchange had come.
        stage: Stage,
    },
    /// The connection ended after the request was begun and before the response's head had come.
    #[error("connection closed before the response was complete")]
    ConnectionLost,
    /// What came back is no HTTP/1.1 response within our limits.
    #[error("invalid response: {0}")]
    ResponseInvalid(ResponseFault),
    /// The response's head came, and its body did not come whole.
    ///
    /// It is an error because a webhook's delivery succeeds with a whole response only. Where a request may not be made
    /// twice, as with a text, the head is worth more: who has answered with a status has decided what to do about the
    /// request, whatever becomes of the rest of the answer.
    #[error("{fault}")]
    BodyIncomplete {
        /// What had come.
        head: ResponseHead,
        /// What became of the body.
        fault: BodyFault,
    },
}

impl SendError {
    /// Whether any part of the request may have reached the endpoint. `false` is certain: it may be sent again
    /// without a chance of its being acted on twice.
    #[must_use]
    pub fn request_may_have_been_written(&self) -> bool {
        match self {
            Self::UrlRefused(_)
            | Self::NotResolved
            | Self::NotPublic(_)
            | Self::ConnectionRefused
            | Self::ConnectionFailed(_)
            | Self::Tls(_)
            | Self::TimedOut {
                stage: Stage::Connecting,
                ..
            } => false,
            Self::TimedOut {
                stage: Stage::Responding,
                ..
            }
            | Self::ConnectionLost
            | Self::ResponseInvalid(_)
            | Self::BodyIncomplete { .. } => true,
        }
    }
}

impl From<UrlError> for SendError {
    fn from(error: UrlError) -> Self {
        match error {
            UrlError::NotPublic(kind) => Self::NotPublic(kind),
            other => Self::UrlRefused(other),
        }
    }
}

/// How far an exchange had come when its deadline passed and there was no response's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// DNS, connection or TLS; nothing of the request was written.
    Connecting,
    /// The request was being written, or the response's head had not come.
    Responding,
}

/// The end of a sentence that has said that there was no response.
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => " (not connected)",
            Self::Responding => "",
        })
    }
}

/// What was wrong in the TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// The certificate is past its end.
    #[error("certificate expired")]
    CertificateExpired,
    /// The certificate is before its start.
    #[error("certificate not valid yet")]
    CertificateNotYetValid,
    /// The certificate names other hosts.
    #[error("certificate is for another host name")]
    CertificateForOtherName,
    /// Self-signed, of a private authority, or an intermediate certificate is missing.
    #[error("certificate of an unknown issuer")]
    CertificateIssuerUnknown,
    /// The certificate was revoked.
    #[error("certificate revoked")]
    CertificateRevoked,
    /// The certificate is unusable for another reason.
    #[error("certificate invalid")]
    CertificateInvalid,
    /// No TLS version, cipher suite or key exchange in common.
    #[error("no TLS version or cipher in common")]
    NothingInCommon,
    /// The server refused the handshake with an alert.
    #[error("refused by the server")]
    RefusedByServer,
    /// The server ended the connection.
    #[error("connection closed by the server")]
    ClosedByServer,
    /// What the server sent is not TLS; an `http` port, most likely.
    #[error("the server does not speak TLS")]
    NotTls,
    /// The handshake broke TLS's rules in another way.
    #[error("protocol error")]
    Protocol,
}

impl From<&rustls::Error> for TlsFault {
    fn from(error: &rustls::Error) -> Self {
        use rustls::Error as Tls;
        match error {
            Tls::InvalidCertificate(error) => error.into(),
            Tls::NoCertificatesPresented => Self::CertificateInvalid,
            Tls::PeerIncompatible(_) => Self::NothingInCommon,
            Tls::AlertReceived(_) => Self::RefusedByServer,
            Tls::InvalidMessage(_) => Self::NotTls,
            _ => Self::Protocol,
        }
    }
}

impl From<&CertificateError> for TlsFault {
    fn from(error: &CertificateError) -> Self {
        use CertificateError as Certificate;
        match error {
            Certificate::Expired | Certificate::ExpiredContext { .. } => Self::CertificateExpired,
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                Self::CertificateNotYetValid
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                Self::CertificateForOtherName
            }
            Certificate::UnknownIssuer => Self::CertificateIssuerUnknown,
            Certificate::Revoked => Self::CertificateRevoked,
            _ => Self::CertificateInvalid,
        }
    }
}

/// What was wrong with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseFault {
    /// Over the HTTP library's limits of 100 header fields and some 400 KiB.
    #[error("too many or too large headers")]
    HeadTooLarge,
    /// Not HTTP/1.
    #[error("not HTTP")]
    NotHttp,
    /// The body's framing is broken.
    #[error("malformed body")]
    MalformedBody,
}

/// What became of a body that did not come whole. `Display` gives the words for the delivery log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// The deadline passed.
    #[error("no response within {} s (its body did not end)", deadline.as_secs_f64())]
    TimedOut {
        /// The deadline.
        deadline: Duration,
    },
    /// The connection ended first.
    #[error("connection closed before the response was complete")]
    ConnectionLost,
    /// What came is no body within our limits.
    #[error("invalid response: {0}")]
    Invalid(ResponseFault),
}

/// What an error in reading a body means to us.
pub(super) fn classify_body(error: &reqwest::Error) -> BodyFault {
    match classify(error, true) {
        SendError::ResponseInvalid(fault) => BodyFault::Invalid(fault),
        _ => BodyFault::ConnectionLost,
    }
}

/// What an error of the HTTP library means to us, told from the types along its chain of causes.
pub(super) fn classify(error: &reqwest::Error, request_written: bool) -> SendError {
    // An empty body counts as written from the start; without a connection it was not.
    let request_written = request_written && !error.is_connect();
    let mut kind = None;
    for cause in causes(error) {
        if let Some(refusal) = cause.downcast_ref::<SendError>() {
            return refusal.clone();
        }
        if let Some(fault) = cause.downcast_ref::<rustls::Error>()
            && !request_written
        {
            return SendError::Tls(fault.into());
        }
        if let Some(fault) = cause
            .downcast_ref::<hyper::Error>()
            .and_then(response_fault)
        {
            return SendError::ResponseInvalid(fault);
        }
        kind = cause
            .downcast_ref::<io::Error>()
            .map(io::Error::kind)
            .or(kind);
    }
    if request_written {
        interrupted(kind)
    } else {
        not_connected(kind, error.is_timeout())
    }
}

fn response_fault(error: &hyper::Error) -> Option<ResponseFault> {
    if error.is_parse_too_large() {
        Some(ResponseFault::HeadTooLarge)
    } else {
        error.is_parse().then_some(ResponseFault::NotHttp)
    }
}

fn interrupted(kind: Option<io::ErrorKind>) -> SendError {
    match kind {
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            SendError::ResponseInvalid(ResponseFault::MalformedBody)
        }
        _ => SendError::ConnectionLost,
    }
}

fn not_connected(kind: Option<io::ErrorKind>, timed_out: bool) -> SendError {
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => SendError::ConnectionRefused,
        // TCP's own handshake has no end of file; only TLS's can meet one.
        Some(io::ErrorKind::UnexpectedEof) => SendError::Tls(TlsFault::ClosedByServer),
        Some(kind) => SendError::ConnectionFailed(kind),
        None if timed_out => SendError::ConnectionFailed(io::ErrorKind::TimedOut),
        // Accepted and closed at once, before the request was handed over.
        None => SendError::ConnectionFailed(io::ErrorKind::ConnectionAborted),
    }
}

/// An error and what caused it, innermost last. `io::Error` hides what it wraps from `source`, so it is unwrapped here.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| {
        let wrapped = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        wrapped
            .map(|inner| inner as &(dyn Error + 'static))
            .or_else(|| cause.source())
    })
}
