//! The program's certificate: from files, or made for one run.

use std::io;

use campanile::Tls;
use tokio::signal::unix::{SignalKind, signal};

use crate::certificate;
use crate::options::TlsOptions;

/// Who the certificate of `--dev-tls` is for.
const DEV_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What was asked for; `None` for plain HTTP alone.
///
/// # Errors
/// A message that names the file and the remedy.
pub(crate) fn prepare(options: &TlsOptions) -> Result<Option<Tls>, String> {
    if let (Some(certificates), Some(key)) = (&options.cert, &options.key) {
        let tls = Tls::from_files(certificates, key).map_err(|error| error.to_string())?;
        return Ok(Some(tls));
    }
    if options.dev {
        let refuse = |error: &dyn std::fmt::Display| {
            format!("a certificate for development could not be made: {error}")
        };
        let made = certificate::self_signed(&DEV_NAMES).map_err(|error| refuse(&error))?;
        let tls = Tls::from_pem(made.certificate, made.key).map_err(|error| refuse(&error))?;
        return Ok(Some(tls));
    }
    Ok(None)
}

/// Reads the files anew on SIGHUP, for as long as the program runs.
///
/// # Errors
/// What the operating system says.
pub(crate) fn reload_on_hangup(tls: Tls) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            if let Err(error) = tls.reload() {
                tracing::error!(%error, "SIGHUP: the certificate before stays in use");
            }
        }
    });
    Ok(())
}
