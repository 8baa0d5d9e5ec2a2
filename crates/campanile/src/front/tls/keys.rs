//! The server's certificate and key in use, and where new ones come from.

use std::fmt::Write as _;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use graviola::hashing::{Hash, Sha256};
use rustls::sign::CertifiedKey;

use super::TlsError;
use super::pem::{self, Source};
use super::provider::provider;

/// How often a server looks whether its certificate's files have changed.
pub const RELOAD_INTERVAL: Duration = Duration::from_secs(2);

/// A certificate with its key, and the files that they are from.
#[derive(Debug)]
pub(super) struct Keys {
    files: Option<Files>,
    current: RwLock<Arc<CertifiedKey>>,
}

#[derive(Debug)]
struct Files {
    certificates: PathBuf,
    key: PathBuf,
    /// What they looked like when they were last read, whether that went well or not.
    seen: Mutex<Looks>,
}

/// What two files look like, without being read. `None` for one that is not there.
type Looks = [Option<Look>; 2];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<Metadata> for Look {
    fn from(metadata: Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Files {
    fn look(&self) -> Looks {
        [&self.certificates, &self.key].map(|path| std::fs::metadata(path).ok().map(Look::from))
    }

    fn read(&self) -> Result<CertifiedKey, TlsError> {
        // Looked at first: what is written between the two is then seen as a change.
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = self.look();
        let certificates = read(&self.certificates)?;
        let key = read(&self.key)?;
        let certificates = Source {
            origin: self.certificates.display().to_string(),
            text: &certificates,
        };
        let key = Source {
            origin: self.key.display().to_string(),
            text: &key,
        };
        pem::pair(&certificates, &key, &*provider()?)
    }

    fn have_changed(&self) -> bool {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) != self.look()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::File {
        path: path.to_owned(),
        source,
    })
}

impl Keys {
    pub(super) fn from_files(certificates: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let files = Files {
            certificates,
            key,
            seen: Mutex::default(),
        };
        let current = RwLock::new(Arc::new(files.read()?));
        Ok(Self {
            files: Some(files),
            current,
        })
    }

    pub(super) fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let certificates = Source {
            origin: "the given chain of certificates".to_owned(),
            text: certificates,
        };
        let key = Source {
            origin: "the given private key".to_owned(),
            text: key,
        };
        let pair = pem::pair(&certificates, &key, &*provider()?)?;
        Ok(Self {
            files: None,
            current: RwLock::new(Arc::new(pair)),
        })
    }

    pub(super) fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn reload(&self) -> Result<(), TlsError> {
        if let Some(files) = &self.files {
            let pair = Arc::new(files.read()?);
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = pair;
            tracing::info!(
                certificates = %files.certificates.display(),
                sha256 = self.fingerprint(),
                "the TLS certificate was read anew"
            );
        }
        Ok(())
    }

    /// Reloads what has changed, for as long as it is polled.
    pub(super) async fn watch(self: &Arc<Self>) {
        if self.files.is_none() {
            return;
        }
        loop {
            tokio::time::sleep(RELOAD_INTERVAL).await;
            let keys = Arc::clone(self);
            // File systems may block, those of a network for long.
            let looked = tokio::task::spawn_blocking(move || keys.reload_changed()).await;
            if let Err(error) = looked {
                tracing::error!(%error, "the TLS certificate's files could not be looked at");
            }
        }
    }

    fn reload_changed(&self) {
        if self.files.as_ref().is_some_and(Files::have_changed)
            && let Err(error) = self.reload()
        {
            tracing::warn!(
                %error,
                "the changed TLS certificate cannot be used; the one before stays in use"
            );
        }
    }

    pub(super) fn fingerprint(&self) -> String {
        let pair = self.current();
        let own = pair.cert.first().map_or(&[][..], |own| own.as_ref());
        let digest = Sha256::hash(own);
        let mut text = String::new();
        for byte in digest.as_ref() {
            let colon = if text.is_empty() { "" } else { ":" };
            // Writing to a string does not fail.
            let _ = write!(text, "{colon}{byte:02X}");
        }
        text
    }
}
