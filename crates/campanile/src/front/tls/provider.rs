//! Who does the cryptography: graviola, Rust and assembly that needs no C compiler.

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;

use super::TlsError;

static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls_graviola::default_provider()));

/// # Errors
/// [`TlsError::Processor`] where graviola would panic.
pub(super) fn provider() -> Result<Arc<CryptoProvider>, TlsError> {
    match missing() {
        None => Ok(Arc::clone(&PROVIDER)),
        Some(feature) => Err(TlsError::Processor { feature }),
    }
}

/// What graviola needs and this processor does not have: Intel's since 2014 and AMD's since 2017
/// have it all.
#[cfg(target_arch = "x86_64")]
fn missing() -> Option<&'static str> {
    [
        ("AES", is_x86_feature_detected!("aes")),
        ("PCLMULQDQ", is_x86_feature_detected!("pclmulqdq")),
        ("SSSE3", is_x86_feature_detected!("ssse3")),
        ("BMI1", is_x86_feature_detected!("bmi1")),
        ("BMI2", is_x86_feature_detected!("bmi2")),
        ("ADX", is_x86_feature_detected!("adx")),
        ("AVX", is_x86_feature_detected!("avx")),
        ("AVX2", is_x86_feature_detected!("avx2")),
    ]
    .into_iter()
    .find_map(|(name, is_there)| (!is_there).then_some(name))
}

/// What graviola needs and this processor does not have.
#[cfg(target_arch = "aarch64")]
fn missing() -> Option<&'static str> {
    use std::arch::is_aarch64_feature_detected;
    [
        ("NEON", is_aarch64_feature_detected!("neon")),
        ("AES", is_aarch64_feature_detected!("aes")),
        ("PMULL", is_aarch64_feature_detected!("pmull")),
        ("SHA2", is_aarch64_feature_detected!("sha2")),
    ]
    .into_iter()
    .find_map(|(name, is_there)| (!is_there).then_some(name))
}
