//! Addresses and networks of trusted proxies.

use std::net::{IpAddr, Ipv6Addr};

/// Why an entry of [`Builder::trusted_proxies`](crate::Builder::trusted_proxies) was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` is not an address or network: {advice}")]
pub struct TrustedProxyError {
    entry: String,
    advice: &'static str,
}

impl TrustedProxyError {
    /// The entry as given.
    pub fn entry(&self) -> &str {
        &self.entry
    }
}

/// An address range: those whose first bits are these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    /// As IPv6, IPv4 in its mapped form: one comparison for both.
    first: u128,
    /// How many bits count, from 0 to 128.
    bits: u32,
    is_ipv4: bool,
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8` or a single address.
    pub(super) fn parse(entry: &str) -> Result<Self, TrustedProxyError> {
        let refused = |advice| TrustedProxyError {
            entry: entry.to_owned(),
            advice,
        };
        let (address, bits) = match entry.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (entry, None),
        };
        let address: IpAddr = address.parse().map_err(|_| {
            refused("write an IPv4 or IPv6 address or a network, such as 10.0.0.0/8; no names")
        })?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => bits_max,
            Some(text) => {
                let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
                let bits = text.parse().ok().filter(|bits| *bits <= bits_max);
                bits.filter(|_| is_decimal).ok_or_else(|| {
                    refused("after the slash write how many bits count: to 32, for IPv6 to 128")
                })?
            }
        };
        // A proxy's address in its mapped form is an IPv4 address to us.
        let is_ipv4 = plain(address).is_ipv4() && (address.is_ipv4() || bits >= 96);
        let bits = if address.is_ipv4() { bits + 96 } else { bits };
        let first = number(address);
        if first & !mask(bits) != 0 {
            return Err(refused(
                "it has bits beyond those that count; write the network's first address",
            ));
        }
        Ok(Self {
            first,
            bits,
            is_ipv4,
        })
    }

    /// Whether an address in its [`plain`] form is in it. `::/0` is all of IPv6 and nothing else.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.is_ipv4 && number(address) & mask(self.bits) == self.first
    }
}

/// An IPv4 address that came over an IPv6 socket (`::ffff:1.2.3.4`) is an IPv4 address.
pub(super) fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn number(address: IpAddr) -> u128 {
    let v6: Ipv6Addr = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    v6.to_bits()
}

fn mask(bits: u32) -> u128 {
    u128::MAX.checked_shl(128 - bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s11_networks_contain_what_their_bits_say() {
        let table = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("::ffff:127.0.0.1", "127.0.0.1", true),
            ("192.168.4.128/25", "192.168.4.200", true),
            ("192.168.4.128/25", "192.168.4.127", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.9", false),
            ("::1", "::1", true),
            ("::1", "::2", false),
            ("fd00::/8", "fdab::1", true),
            ("fd00::/8", "fe80::1", false),
            ("2001:db8::/33", "2001:db8:7fff::", true),
            ("2001:db8::/33", "2001:db8:8000::", false),
        ];
        for (network, address, expected) in table {
            let known = Network::parse(network).expect(network);
            let address = plain(address.parse().expect(address));
            assert_eq!(known.contains(address), expected, "{address} in {network}");
        }
    }

    #[test]
    fn s11_refused_entries_say_what_to_do() {
        let table = [
            ("", "write an IPv4 or IPv6 address"),
            ("proxy.internal", "no names"),
            ("10.0.0", "write an IPv4 or IPv6 address"),
            ("[::1]", "write an IPv4 or IPv6 address"),
            ("10.0.0.0/", "how many bits"),
            ("10.0.0.0/33", "how many bits"),
            ("10.0.0.0/+8", "how many bits"),
            ("::/129", "how many bits"),
            ("10.0.0.0/255.0.0.0", "how many bits"),
            ("10.0.0.1/8", "first address"),
            ("fd00::1/8", "first address"),
        ];
        for (entry, advice) in table {
            let error = Network::parse(entry).expect_err(entry);
            assert_eq!(error.entry(), entry);
            assert!(error.to_string().contains(advice), "{error}");
        }
    }
}
