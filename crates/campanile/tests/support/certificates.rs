//! Certificates that are made for one test.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use graviola::hashing::Sha256;
use graviola::key_agreement::p256::StaticPrivateKey;
use graviola::signing::ecdsa::{P256, SigningKey};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, PublicKeyData};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// A key on P-256.
pub(crate) struct Key {
    key: SigningKey<P256>,
    public: [u8; 65],
}

impl Key {
    pub(crate) fn new() -> Self {
        let private_key = StaticPrivateKey::new_random().expect("random bytes");
        Self {
            public: private_key.public_key_uncompressed(),
            key: SigningKey { private_key },
        }
    }

    pub(crate) fn pem(&self) -> String {
        let mut buffer = [0; 256];
        let der = self.key.to_pkcs8_der(&mut buffer).expect("it fits");
        pem("PRIVATE KEY", der)
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut buffer = [0; 128];
        let signature = self.key.sign_asn1::<Sha256>(&[message], &mut buffer);
        Ok(signature.expect("it fits").to_vec())
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// A certificate and its key, in PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) der: Vec<u8>,
}

/// Who signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, Key>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = Key::new();
        let certificate = params.self_signed(&key).expect("an authority");
        Self {
            pem: pem("CERTIFICATE", certificate.der()),
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn issue(&self, name: &str, hosts: &[&str]) -> Issued {
        let key = Key::new();
        let signed = params(name, hosts).signed_by(&key, &self.issuer);
        let certificate = signed.expect("a certificate");
        Issued {
            certificate: pem("CERTIFICATE", certificate.der()),
            key: key.pem(),
            der: certificate.der().to_vec(),
        }
    }

    /// A certificate for this machine.
    pub(crate) fn server(&self) -> Issued {
        self.issue("server", &["localhost", "127.0.0.1"])
    }

    /// A client of rustls's own that trusts this authority, and shows a certificate if it has one.
    pub(crate) fn client_config(&self, shown: Option<&Issued>) -> ClientConfig {
        let provider = Arc::new(rustls_graviola::default_provider());
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("PEM");
        roots.add(root).expect("an authority");
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        match shown {
            None => config.with_no_client_auth(),
            Some(issued) => {
                let chain = vec![CertificateDer::from(issued.der.clone())];
                let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("PEM");
                config.with_client_auth_cert(chain, key).expect("a pair")
            }
        }
    }
}

fn params(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).expect("names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(rand_serial().into());
    params
}

fn rand_serial() -> u64 {
    let mut bytes = [0; 8];
    graviola::random::fill(&mut bytes).expect("random bytes");
    u64::from_be_bytes(bytes) >> 1
}
