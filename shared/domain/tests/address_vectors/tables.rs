//! The tables, and the plainest judge of an address there can be: its bits as text, compared with a block's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What becomes of an address or a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may not be an endpoint.
    Refused,
    /// It may.
    Allowed,
}

impl Verdict {
    pub fn of(allowed: bool) -> Self {
        if allowed {
            Self::Allowed
        } else {
            Self::Refused
        }
    }

    fn read(text: &str) -> Self {
        match text {
            "refused" => Self::Refused,
            "allowed" => Self::Allowed,
            other => panic!("{other} is no verdict"),
        }
    }
}

/// An address, what becomes of it, and who says so.
#[derive(Clone, Debug)]
pub struct AddressVector {
    pub verdict: Verdict,
    pub ip: IpAddr,
    #[expect(dead_code, reason = "shown by Debug where a vector fails")]
    pub source: &'static str,
}

/// A URL, the host that a parser must find in it, what becomes of it, and who says so.
#[derive(Clone, Debug)]
pub struct UrlVector {
    pub verdict: Verdict,
    pub url: String,
    /// `None` where it is no URL, or one without a host.
    pub host: Option<String>,
    #[expect(dead_code, reason = "shown by Debug where a vector fails")]
    pub source: &'static str,
}

impl UrlVector {
    /// The host, where it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.as_ref()?.parse().ok()
    }
}

/// The lines of a table, in columns; lines that start with `#` are its headings.
fn rows<const COLUMNS: usize>(
    table: &'static str,
) -> impl Iterator<Item = [&'static str; COLUMNS]> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let columns: Vec<_> = line.split('\t').collect();
        assert!(columns.iter().all(|column| !column.is_empty()), "{line}");
        columns.try_into().unwrap_or_else(|_| panic!("{line}"))
    })
}

pub fn addresses() -> Vec<AddressVector> {
    let vector = |[verdict, ip, source]: [&'static str; 3]| AddressVector {
        verdict: Verdict::read(verdict),
        ip: ip.parse().unwrap(),
        source,
    };
    rows(include_str!("addresses.tsv")).map(vector).collect()
}

pub fn urls() -> Vec<UrlVector> {
    let vector = |[verdict, url, host, source]: [&'static str; 4]| UrlVector {
        verdict: Verdict::read(verdict),
        url: unescape(url),
        host: (host != "-").then(|| host.to_owned()),
        source,
    };
    rows(include_str!("urls.tsv")).map(vector).collect()
}

/// `\u{ad}` for a character that does not print, and `\\` for a backslash.
fn unescape(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_once('}').unwrap();
        let code = u32::from_str_radix(digits, 16).unwrap();
        plain.push(char::from_u32(code).unwrap());
        plain.push_str(rest);
    }
    plain.replace("\\\\", "\\")
}

/// A block of the registry: where its addresses start, and how many of their bits are the same.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    pub base: IpAddr,
    pub length: usize,
}

/// All blocks in which there are no endpoints, whatever the registry says of their reach.
pub fn blocks() -> Vec<Block> {
    let block = |[cidr, _reachable, _source]: [&'static str; 3]| Block::read(cidr);
    rows(include_str!("registry.tsv")).map(block).collect()
}

impl Block {
    /// `192.0.2.0/24`.
    pub fn read(cidr: &str) -> Self {
        let (base, length) = cidr.split_once('/').unwrap();
        Self {
            base: base.parse().unwrap(),
            length: length.parse().unwrap(),
        }
    }

    pub fn contains(&self, ip: IpAddr) -> bool {
        let (base, ip) = (bits(self.base), bits(ip));
        base.len() == ip.len() && ip.starts_with(&base[..self.length])
    }

    /// The first address, the last, the one before and the one after.
    pub fn edges(&self) -> Vec<IpAddr> {
        let base = bits(self.base);
        let (prefix, host_bits) = (&base[..self.length], base.len() - self.length);
        let first = number(&base);
        let last = number(&format!("{prefix}{}", "1".repeat(host_bits)));
        let most = number(&"1".repeat(base.len()));
        let beyond = [
            first.checked_sub(1),
            last.checked_add(1).filter(|after| *after <= most),
        ];
        let all = [Some(first), Some(last)].into_iter().chain(beyond);
        all.flatten().map(|bits| self.like(bits)).collect()
    }

    /// An address that shares its first `kept` bits with the block's, and takes the others from `bits`.
    pub fn nearby(&self, bits: u128, kept: u32) -> IpAddr {
        let width = self::bits(self.base).len();
        let kept = usize::try_from(kept).unwrap().min(width);
        let drawn = format!("{bits:0128b}");
        let mixed = format!("{}{}", &self::bits(self.base)[..kept], &drawn[kept..width]);
        self.like(number(&mixed))
    }

    fn like(&self, bits: u128) -> IpAddr {
        match self.base {
            IpAddr::V4(_) => Ipv4Addr::from_bits(u32::try_from(bits).unwrap()).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(bits).into(),
        }
    }
}

/// What the registries say: refused in any of the blocks, and around an ISATAP identifier (RFC 5214 §6.1), which
/// may stand behind any prefix.
pub fn judge(ip: IpAddr) -> Verdict {
    let listed = blocks().iter().any(|block| block.contains(ip));
    Verdict::of(!listed && !is_isatap(ip))
}

pub fn is_isatap(ip: IpAddr) -> bool {
    let IpAddr::V6(ip) = ip else { return false };
    let digits = format!("{:032x}", ip.to_bits());
    matches!(&digits[16..24], "00005efe" | "02005efe")
}

fn bits(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => format!("{:032b}", ip.to_bits()),
        IpAddr::V6(ip) => format!("{:0128b}", ip.to_bits()),
    }
}

fn number(bits: &str) -> u128 {
    u128::from_str_radix(bits, 2).unwrap()
}
