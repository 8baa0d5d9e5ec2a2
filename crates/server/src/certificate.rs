//! A certificate for one run: signed by itself, so nobody trusts it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use graviola::hashing::Sha256;
use graviola::key_agreement::p256::StaticPrivateKey;
use graviola::signing::ecdsa::{P256, SigningKey};
use jiff::{Span, Timestamp, tz::TimeZone};
use rcgen::{CertificateParams, DnType, PublicKeyData, SerialNumber, date_time_ymd};

/// How long it is valid. Some browsers refuse more than 397 days.
const VALID_DAYS: i64 = 90;

/// PEM texts.
pub(crate) struct SelfSigned {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// Why there is none.
#[derive(Debug)]
pub(crate) enum Failed {
    Keys(graviola::Error),
    Certificate(rcgen::Error),
    Clock(jiff::Error),
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keys(error) => write!(f, "no key: {error:?}"),
            Self::Certificate(error) => write!(f, "{error}"),
            Self::Clock(error) => write!(f, "the clock: {error}"),
        }
    }
}

/// Makes a key and a certificate for these names and addresses.
pub(crate) fn self_signed(names: &[&str]) -> Result<SelfSigned, Failed> {
    let private_key = StaticPrivateKey::new_random().map_err(Failed::Keys)?;
    let key = Key {
        public: private_key.public_key_uncompressed(),
        signing: SigningKey { private_key },
    };
    let mut serial = [0; 16];
    graviola::random::fill(&mut serial).map_err(Failed::Keys)?;
    // It is a positive number.
    serial[0] &= 0x7f;
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).map_err(Failed::Certificate)?;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let name = "Campanile, for development";
    params.distinguished_name.push(DnType::CommonName, name);
    // From yesterday on, for the sake of clocks and time zones.
    let (year, month, of_month) = day(-1)?;
    params.not_before = date_time_ymd(year, month, of_month);
    let (year, month, of_month) = day(VALID_DAYS)?;
    params.not_after = date_time_ymd(year, month, of_month);
    let certificate = params.self_signed(&key).map_err(Failed::Certificate)?;
    let mut buffer = [0; 256];
    let pkcs8 = key
        .signing
        .to_pkcs8_der(&mut buffer)
        .map_err(Failed::Keys)?;
    Ok(SelfSigned {
        certificate: pem("CERTIFICATE", certificate.der()),
        key: pem("PRIVATE KEY", pkcs8),
    })
}

/// The beginning of a day, so many days from now.
fn day(days: i64) -> Result<(i32, u8, u8), Failed> {
    let day = Timestamp::now()
        .to_zoned(TimeZone::UTC)
        .checked_add(Span::new().days(days))
        .map_err(Failed::Clock)?;
    let (month, of_month) = (day.month().unsigned_abs(), day.day().unsigned_abs());
    Ok((day.year().into(), month, of_month))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// A key on P-256 that signs its own certificate.
struct Key {
    signing: SigningKey<P256>,
    public: [u8; 65],
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
        match self.signing.sign_asn1::<Sha256>(&[message], &mut buffer) {
            Ok(signature) => Ok(signature.to_vec()),
            Err(_) => Err(rcgen::Error::RemoteKeyError),
        }
    }
}
