//! Certificates and keys from PEM (RFC 7468).

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::TlsError;

/// PEM text, and where it comes from.
pub(super) struct Source<'a> {
    pub(super) origin: String,
    pub(super) text: &'a [u8],
}

/// Reads a pair that belongs together.
pub(super) fn pair(
    certificates: &Source<'_>,
    key: &Source<'_>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let bad_certificates = |problem| TlsError::Certificates {
        origin: certificates.origin.clone(),
        problem,
    };
    let chain = all_certificates(certificates.text).map_err(bad_certificates)?;
    let private = private_key(key)?;
    CertifiedKey::from_der(chain, private, provider).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch {
            certificates: certificates.origin.clone(),
            key: key.origin.clone(),
        },
        Error::InvalidCertificate(error) => bad_certificates(format!(
            "the first certificate cannot be understood: {error}"
        )),
        _ => TlsError::Key {
            origin: key.origin.clone(),
            problem:
                "the private key is damaged or of an unknown kind; RSA of at least 2048 bits, \
                      ECDSA on P-256 or P-384, and Ed25519 can be used"
                    .to_owned(),
        },
    })
}

/// All certificates of a text: at least one.
pub(super) fn all_certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_slice_iter(text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("it is damaged: {}", plain(&error)))?;
    if chain.is_empty() {
        return Err("it holds no certificate".to_owned());
    }
    Ok(chain)
}

fn private_key(key: &Source<'_>) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(key.text).map_err(|error| {
        let is_encrypted = key.text.windows(9).any(|window| window == b"ENCRYPTED");
        let problem = match error {
            PemError::NoItemsFound if is_encrypted => {
                "the private key is encrypted, and there is nobody to ask for its password; \
                 decrypt it: openssl pkey -in KEY -out DECRYPTED_KEY"
                    .to_owned()
            }
            PemError::NoItemsFound => {
                "it holds no private key; it must hold one in PEM (-----BEGIN PRIVATE KEY-----)"
                    .to_owned()
            }
            error => format!("it is damaged: {}; write it anew", plain(&error)),
        };
        TlsError::Key {
            origin: key.origin.clone(),
            problem,
        }
    })
}

/// What is wrong, without the bytes themselves: they may be of a key.
fn plain(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => "a block has no end (is it half written?)",
        PemError::IllegalSectionStart { .. } => "the line that begins a block is not PEM",
        PemError::Base64Decode(_) => "a block is not base64",
        _ => "it is not PEM",
    }
}
