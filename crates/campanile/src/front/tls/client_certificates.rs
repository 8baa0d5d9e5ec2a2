//! Clients that show who they are.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConnection};

use super::TlsError;
use super::pem::all_certificates;

/// Whether clients are asked for a certificate during the TLS handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked.
    #[default]
    Off,
    /// They are asked and may have none. One that they show must be valid and of a known
    /// authority, else they cannot connect.
    Requested,
    /// Who has none cannot connect.
    Required,
}

pub(super) fn verifier(
    asked: ClientCertificates,
    roots: &[u8],
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    if asked == ClientCertificates::Off {
        return Ok(None);
    }
    let refuse = |problem: String| TlsError::Roots { problem };
    let mut store = RootCertStore::empty();
    for certificate in all_certificates(roots).map_err(refuse)? {
        store
            .add(certificate)
            .map_err(|error| refuse(error.to_string()))?;
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    let builder = match asked {
        ClientCertificates::Required => builder,
        _ => builder.allow_unauthenticated(),
    };
    let verifier = builder.build().map_err(|error| refuse(error.to_string()))?;
    Ok(Some(verifier))
}

/// The certificates that a client has shown and that were checked: its own first. To be found
/// among the extensions of requests that came over TLS.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerCertificates(Arc<[Vec<u8>]>);

impl PeerCertificates {
    /// `None` when the client has shown none.
    pub(in crate::front) fn of(session: &ServerConnection) -> Option<Self> {
        let chain = session.peer_certificates()?;
        Some(Self(chain.iter().map(|one| one.to_vec()).collect()))
    }

    /// The client's own certificate, in DER (X.509).
    pub fn own(&self) -> &[u8] {
        self.0.first().map_or(&[], Vec::as_slice)
    }

    /// All certificates that it has shown, in DER: its own, then those of authorities.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }
}

impl fmt::Debug for PeerCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerCertificates({})", self.0.len())
    }
}
