//! What can be wrong with certificates and keys.

use std::io;
use std::path::PathBuf;

/// Why TLS cannot be offered, or a changed pair of files not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file could not be read.
    #[error("{} cannot be read: {source}; check that it exists and that this user may read it",
        path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// There is no certificate, or one whose PEM is damaged.
    #[error(
        "{origin}: {problem}; it must hold the server's certificate in PEM (-----BEGIN \
         CERTIFICATE-----), then those of the authorities between it and the root"
    )]
    Certificates {
        /// The file, or what was given instead of one.
        origin: String,
        /// What is wrong.
        problem: String,
    },
    /// There is no private key, or one that cannot be used.
    #[error("{origin}: {problem}")]
    Key {
        /// The file, or what was given instead of one.
        origin: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The key is of another certificate.
    #[error(
        "the private key ({key}) does not belong to the first certificate ({certificates}); the \
         server's own certificate comes first, and both files must be from the same issue"
    )]
    Mismatch {
        /// Where the certificates come from.
        certificates: String,
        /// Where the key comes from.
        key: String,
    },
    /// The authorities that clients' certificates are checked against cannot be used.
    #[error(
        "the authorities of clients' certificates cannot be used: {problem}; give the \
         certificates of at least one authority in PEM (-----BEGIN CERTIFICATE-----)"
    )]
    Roots {
        /// What is wrong.
        problem: String,
    },
    /// The processor cannot do it.
    #[error(
        "TLS needs a processor with {feature}, which this one does not have; let a proxy in front \
         terminate TLS"
    )]
    Processor {
        /// The instructions that are missing.
        feature: &'static str,
    },
    /// The operating system gave no random bytes, for one.
    #[error("TLS cannot be offered: {problem}")]
    Unexpected {
        /// What was said.
        problem: String,
    },
}

impl TlsError {
    #[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
    pub(super) fn unexpected(error: rustls::Error) -> Self {
        Self::Unexpected {
            problem: error.to_string(),
        }
    }
}
