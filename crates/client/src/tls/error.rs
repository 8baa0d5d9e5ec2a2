//! What can go wrong under TLS, and what to do about it.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// Why there is no TLS connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The server's certificate is not trusted.
    #[error("the server's certificate is not trusted: {problem}")]
    Untrusted {
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// The server wants a certificate from its clients, or another one.
    #[error(
        "the server refuses this client's certificate, or that it has shown none ({alert}); give \
         one that the server's authority has signed: Tls::client_certificate"
    )]
    ClientCertificate {
        /// What the server said.
        alert: String,
    },
    /// What answers does not speak TLS.
    #[error("what answers there does not speak TLS; use ws://, or the port for TLS")]
    NotTls,
    /// The handshake failed for another reason.
    #[error("the TLS handshake failed: {problem}")]
    Handshake {
        /// What was said.
        problem: String,
    },
    /// The host is not a name or address that a certificate can be for.
    #[error("no certificate can be for {host:?}; write a DNS name or an IP address")]
    Name {
        /// The host of the address.
        host: String,
    },
    /// This system knows no authorities, and none were added.
    #[error(
        "this system has no certificates of authorities; install ca-certificates, set \
         SSL_CERT_FILE, or add an authority: Tls::add_root_pem"
    )]
    NoRoots,
    /// The authorities that were added cannot be used.
    #[error("the added authority cannot be used: {problem}; give certificates in PEM")]
    Root {
        /// What is wrong.
        problem: String,
    },
    /// The certificate or key that were given for this client cannot be used.
    #[error("the client's certificate and key cannot be used: {problem}")]
    Identity {
        /// What is wrong.
        problem: String,
    },
    /// The processor cannot do it.
    #[error("TLS needs a processor with {feature}, which this one does not have; use ws://")]
    Processor {
        /// The instructions that are missing.
        feature: &'static str,
    },
    /// The connection ended during the handshake.
    #[error("the connection was lost during the TLS handshake: {0}")]
    Lost(#[source] io::Error),
}

impl TlsError {
    /// What TLS says of an error of the stream; `None` when TLS is not at fault.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        let error: &Error = error.get_ref()?.downcast_ref()?;
        Some(match error {
            Error::InvalidCertificate(problem) => Self::Untrusted {
                problem: untrusted(problem),
            },
            Error::AlertReceived(
                alert @ (AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied),
            ) => Self::ClientCertificate {
                alert: format!("{alert:?}"),
            },
            Error::InvalidMessage(_) => Self::NotTls,
            error => Self::Handshake {
                problem: error.to_string(),
            },
        })
    }
}

fn untrusted(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => "no authority known here has signed it; if you trust \
             it, add it or its authority: Tls::add_root_pem"
            .to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it is for other names; use one of them in the URL ({problem})")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("it has expired, or this machine's clock is wrong ({problem})")
        }
        problem => problem.to_string(),
    }
}

/// Graviola, which does the cryptography, would panic without these.
pub(super) fn check_processor() -> Result<(), TlsError> {
    #[cfg(target_arch = "x86_64")]
    let features = [
        ("AES", is_x86_feature_detected!("aes")),
        ("PCLMULQDQ", is_x86_feature_detected!("pclmulqdq")),
        ("SSSE3", is_x86_feature_detected!("ssse3")),
        ("BMI1", is_x86_feature_detected!("bmi1")),
        ("BMI2", is_x86_feature_detected!("bmi2")),
        ("ADX", is_x86_feature_detected!("adx")),
        ("AVX2", is_x86_feature_detected!("avx2")),
    ];
    #[cfg(target_arch = "aarch64")]
    let features = [
        ("NEON", std::arch::is_aarch64_feature_detected!("neon")),
        ("AES", std::arch::is_aarch64_feature_detected!("aes")),
        ("PMULL", std::arch::is_aarch64_feature_detected!("pmull")),
        ("SHA2", std::arch::is_aarch64_feature_detected!("sha2")),
    ];
    match features.into_iter().find(|(_, is_there)| !is_there) {
        Some((feature, _)) => Err(TlsError::Processor { feature }),
        None => Ok(()),
    }
}
