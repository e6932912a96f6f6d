//! Which IP addresses a customer's endpoint may have: those of the public internet, and no others.
//!
//! The ranges are those of IANA's special-purpose registries
//! (<https://www.iana.org/assignments/iana-ipv4-special-registry>,
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>, RFC 6890 and RFC 8190), of the multicast registries,
//! and every IPv6 form that carries an IPv4 address inside. A transition form is refused even where the address
//! inside is public: no customer needs one, and who unwraps it is not ours to know.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not one of the public internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotPublic {
    /// `0.0.0.0/8` and `::`: this host on this network.
    Unspecified,
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// RFC 1918.
    Private,
    /// `100.64.0.0/10`: between a carrier and its customers.
    CarrierGradeNat,
    /// `169.254.0.0/16` and `fe80::/10`; cloud metadata services live here.
    LinkLocal,
    /// `fc00::/7`, IPv6's private addresses, and the site-local ones that came before.
    UniqueLocal,
    /// A cloud's metadata service outside the link-local range.
    CloudMetadata,
    /// Multicast groups.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
    /// Addresses for examples in documents.
    Documentation,
    /// Addresses for benchmarks of network devices.
    Benchmarking,
    /// An IPv6 address that holds an IPv4 address, in which of the ways.
    EmbedsIpv4(Transition),
    /// Reserved by IANA for protocols or for the future, or never allocated.
    Reserved,
}

/// The ways in which an IPv6 address carries an IPv4 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transition {
    /// `::ffff:a.b.c.d`.
    Mapped,
    /// `::a.b.c.d`.
    Compatible,
    /// `::ffff:0:a.b.c.d`.
    Translated,
    /// `64:ff9b::a.b.c.d` and the local-use prefix `64:ff9b:1::/48`.
    Nat64,
    /// `2002:aabb:ccdd::`.
    SixToFour,
    /// `2001::/32`.
    Teredo,
    /// An interface identifier `[02]00:5efe:a.b.c.d` under any prefix.
    Isatap,
}

/// `a private address`, with the kind behind it where that is not the private range proper.
impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Private => return f.write_str("a private address"),
            Self::EmbedsIpv4(how) => return write!(f, "a private address ({how})"),
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::CarrierGradeNat => "carrier-grade NAT",
            Self::LinkLocal => "link-local",
            Self::UniqueLocal => "unique-local",
            Self::CloudMetadata => "cloud metadata",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Documentation => "documentation",
            Self::Benchmarking => "benchmarking",
            Self::Reserved => "reserved",
        };
        write!(f, "a private address ({kind})")
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mapped => "IPv4-mapped",
            Self::Compatible => "IPv4-compatible",
            Self::Translated => "IPv4-translated",
            Self::Nat64 => "NAT64",
            Self::SixToFour => "6to4",
            Self::Teredo => "Teredo",
            Self::Isatap => "ISATAP",
        })
    }
}

/// Lets an address of the public internet pass.
///
/// # Errors
/// The kind of address it is, for every other.
pub fn vet(ip: IpAddr) -> Result<(), NotPublic> {
    let refusal = match ip {
        IpAddr::V4(ip) => refuse_v4(ip),
        IpAddr::V6(ip) => refuse_v6(ip),
    };
    refusal.map_or(Ok(()), Err)
}

fn refuse_v4(ip: Ipv4Addr) -> Option<NotPublic> {
    V4.iter()
        .find(|(base, length, _)| (ip.to_bits() ^ base.to_bits()) >> (32 - length) == 0)
        .map(|&(_, _, kind)| kind)
}

fn refuse_v6(ip: Ipv6Addr) -> Option<NotPublic> {
    let inside =
        |base: Ipv6Addr, length: u32| (ip.to_bits() ^ base.to_bits()) >> (128 - length) == 0;
    if let Some((_, _, kind)) = V6.iter().find(|(base, length, _)| inside(*base, *length)) {
        return Some(*kind);
    }
    // RFC 5214 §6.1, with the universal/local bit either way.
    if matches!(ip.segments()[4..6], [0x0000 | 0x0200, 0x5efe]) {
        return Some(NotPublic::EmbedsIpv4(Transition::Isatap));
    }
    // RFC 4291 §2.4: nothing outside 2000::/3 is allocated as global unicast.
    let (global_unicast, length) = (v6(0x2000, 0, 0, 0), 3);
    (!inside(global_unicast, length)).then_some(NotPublic::Reserved)
}

/// The narrower of two nested ranges stands first.
const V4: &[(Ipv4Addr, u32, NotPublic)] = {
    use NotPublic::*;
    &[
        (Ipv4Addr::new(0, 0, 0, 0), 8, Unspecified), // RFC 791 §3.2, RFC 1122 §3.2.1.3
        (Ipv4Addr::new(10, 0, 0, 0), 8, Private),    // RFC 1918
        (Ipv4Addr::new(100, 64, 0, 0), 10, CarrierGradeNat), // RFC 6598
        (Ipv4Addr::new(127, 0, 0, 0), 8, Loopback),  // RFC 1122 §3.2.1.3
        // Azure's platform address ("What is IP address 168.63.129.16?", Microsoft Learn); not in IANA's registry.
        (Ipv4Addr::new(168, 63, 129, 16), 32, CloudMetadata),
        (Ipv4Addr::new(169, 254, 0, 0), 16, LinkLocal), // RFC 3927
        (Ipv4Addr::new(172, 16, 0, 0), 12, Private),    // RFC 1918
        (Ipv4Addr::new(192, 0, 0, 0), 24, Reserved),    // RFC 6890 §2.1, protocol assignments
        (Ipv4Addr::new(192, 0, 2, 0), 24, Documentation), // RFC 5737, TEST-NET-1
        (Ipv4Addr::new(192, 31, 196, 0), 24, Reserved), // RFC 7535, AS112 sinks
        (Ipv4Addr::new(192, 52, 193, 0), 24, Reserved), // RFC 7450, AMT relays
        (Ipv4Addr::new(192, 88, 99, 0), 24, Reserved),  // RFC 7526, former 6to4 relays
        (Ipv4Addr::new(192, 168, 0, 0), 16, Private),   // RFC 1918
        (Ipv4Addr::new(192, 175, 48, 0), 24, Reserved), // RFC 7534, AS112 sinks
        (Ipv4Addr::new(198, 18, 0, 0), 15, Benchmarking), // RFC 2544
        (Ipv4Addr::new(198, 51, 100, 0), 24, Documentation), // RFC 5737, TEST-NET-2
        (Ipv4Addr::new(203, 0, 113, 0), 24, Documentation), // RFC 5737, TEST-NET-3
        (Ipv4Addr::new(224, 0, 0, 0), 4, Multicast),    // RFC 5771
        (Ipv4Addr::new(255, 255, 255, 255), 32, Broadcast), // RFC 919, RFC 8190
        (Ipv4Addr::new(240, 0, 0, 0), 4, Reserved),     // RFC 1112 §4
    ]
};

/// The narrower of two nested ranges stands first.
const V6: &[(Ipv6Addr, u32, NotPublic)] = {
    use NotPublic::*;
    &[
        (Ipv6Addr::UNSPECIFIED, 128, Unspecified), // RFC 4291 §2.5.2
        (Ipv6Addr::LOCALHOST, 128, Loopback),      // RFC 4291 §2.5.3
        (
            Ipv6Addr::UNSPECIFIED,
            96,
            EmbedsIpv4(Transition::Compatible),
        ), // RFC 4291 §2.5.5.1
        (
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0),
            96,
            EmbedsIpv4(Transition::Mapped),
        ), // RFC 4291 §2.5.5.2
        (
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0),
            96,
            EmbedsIpv4(Transition::Translated),
        ), // RFC 2765 §2.1
        (v6(0x0064, 0xff9b, 0, 0), 96, EmbedsIpv4(Transition::Nat64)), // RFC 6052 §2.1
        (v6(0x0064, 0xff9b, 1, 0), 48, EmbedsIpv4(Transition::Nat64)), // RFC 8215
        (v6(0x0100, 0, 0, 0), 64, Reserved),       // RFC 6666, discard-only
        (v6(0x0100, 0, 0, 1), 64, Reserved),       // RFC 9780, dummy prefix
        (v6(0x2001, 0, 0, 0), 32, EmbedsIpv4(Transition::Teredo)), // RFC 4380
        (v6(0x2001, 2, 0, 0), 48, Benchmarking),   // RFC 5180
        (v6(0x2001, 0, 0, 0), 23, Reserved), // RFC 2928, protocol assignments (ORCHID, AMT, DRIP …)
        (v6(0x2001, 0x0db8, 0, 0), 32, Documentation), // RFC 3849
        (v6(0x2002, 0, 0, 0), 16, EmbedsIpv4(Transition::SixToFour)), // RFC 3056
        (v6(0x2620, 0x004f, 0x8000, 0), 48, Reserved), // RFC 7534, AS112 sinks
        (v6(0x3fff, 0, 0, 0), 20, Documentation), // RFC 9637
        (v6(0x5f00, 0, 0, 0), 16, Reserved), // RFC 9602, segment routing
        (v6(0xfc00, 0, 0, 0), 7, UniqueLocal), // RFC 4193
        (v6(0xfe80, 0, 0, 0), 10, LinkLocal), // RFC 4291 §2.5.6
        (v6(0xfec0, 0, 0, 0), 10, UniqueLocal), // RFC 3879, the former site-local range
        (v6(0xff00, 0, 0, 0), 8, Multicast), // RFC 4291 §2.7
    ]
};

const fn v6(a: u16, b: u16, c: u16, d: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind(ip: &str) -> Option<NotPublic> {
        vet(ip.parse().unwrap()).err()
    }

    #[test]
    fn public_addresses_pass() {
        for ip in [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.215.14",
            "168.63.129.15",
            "2606:4700:4700::1111",
            "2a00:1450:4001::200e",
            "2001:4860:4860::8888",
            "3ffe::1",
        ] {
            assert_eq!(kind(ip), None, "{ip}");
        }
    }

    #[test]
    fn each_range_is_refused_from_its_first_to_its_last_address_and_not_beyond() {
        use NotPublic::*;
        // (before, first, last, after); None where the neighbour is not public either.
        for (before, first, last, after, expected) in [
            (
                None,
                "0.0.0.0",
                "0.255.255.255",
                Some("1.0.0.0"),
                Unspecified,
            ),
            (
                Some("9.255.255.255"),
                "10.0.0.0",
                "10.255.255.255",
                Some("11.0.0.0"),
                Private,
            ),
            (
                Some("100.63.255.255"),
                "100.64.0.0",
                "100.127.255.255",
                Some("100.128.0.0"),
                CarrierGradeNat,
            ),
            (
                Some("126.255.255.255"),
                "127.0.0.0",
                "127.255.255.255",
                Some("128.0.0.0"),
                Loopback,
            ),
            (
                Some("169.253.255.255"),
                "169.254.0.0",
                "169.254.255.255",
                Some("169.255.0.0"),
                LinkLocal,
            ),
            (
                Some("172.15.255.255"),
                "172.16.0.0",
                "172.31.255.255",
                Some("172.32.0.0"),
                Private,
            ),
            (
                Some("191.255.255.255"),
                "192.0.0.0",
                "192.0.0.255",
                Some("192.0.1.0"),
                Reserved,
            ),
            (
                Some("192.0.1.255"),
                "192.0.2.0",
                "192.0.2.255",
                Some("192.0.3.0"),
                Documentation,
            ),
            (
                Some("192.31.195.255"),
                "192.31.196.0",
                "192.31.196.255",
                Some("192.31.197.0"),
                Reserved,
            ),
            (
                Some("192.52.192.255"),
                "192.52.193.0",
                "192.52.193.255",
                Some("192.52.194.0"),
                Reserved,
            ),
            (
                Some("192.88.98.255"),
                "192.88.99.0",
                "192.88.99.255",
                Some("192.88.100.0"),
                Reserved,
            ),
            (
                Some("192.167.255.255"),
                "192.168.0.0",
                "192.168.255.255",
                Some("192.169.0.0"),
                Private,
            ),
            (
                Some("192.175.47.255"),
                "192.175.48.0",
                "192.175.48.255",
                Some("192.175.49.0"),
                Reserved,
            ),
            (
                Some("198.17.255.255"),
                "198.18.0.0",
                "198.19.255.255",
                Some("198.20.0.0"),
                Benchmarking,
            ),
            (
                Some("198.51.99.255"),
                "198.51.100.0",
                "198.51.100.255",
                Some("198.51.101.0"),
                Documentation,
            ),
            (
                Some("203.0.112.255"),
                "203.0.113.0",
                "203.0.113.255",
                Some("203.0.114.0"),
                Documentation,
            ),
            (
                Some("223.255.255.255"),
                "224.0.0.0",
                "239.255.255.255",
                None,
                Multicast,
            ),
            (None, "240.0.0.0", "255.255.255.254", None, Reserved),
            (None, "255.255.255.255", "255.255.255.255", None, Broadcast),
            (
                None,
                "fc00::",
                "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                None,
                UniqueLocal,
            ),
            (
                None,
                "fe80::",
                "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                None,
                LinkLocal,
            ),
            (
                None,
                "fec0::",
                "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                None,
                UniqueLocal,
            ),
            (
                None,
                "ff00::",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                None,
                Multicast,
            ),
            (
                None,
                "2001:2::",
                "2001:2:0:ffff:ffff:ffff:ffff:ffff",
                None,
                Benchmarking,
            ),
            (
                None,
                "2001:3::",
                "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("2001:200::"),
                Reserved,
            ),
            (
                Some("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
                "2001:db8::",
                "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("2001:db9::"),
                Documentation,
            ),
            (
                Some("2620:4f:7fff:ffff:ffff:ffff:ffff:ffff"),
                "2620:4f:8000::",
                "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
                Some("2620:4f:8001::"),
                Reserved,
            ),
            (
                Some("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
                "3fff::",
                "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("3fff:1000::"),
                Documentation,
            ),
            (
                None,
                "4000::",
                "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                None,
                Reserved,
            ),
            (
                None,
                "100::",
                "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("2000::"),
                Reserved,
            ),
        ] {
            assert_eq!(before.and_then(kind), None, "before {first}");
            assert_eq!(kind(first), Some(expected), "{first}");
            assert_eq!(kind(last), Some(expected), "{last}");
            assert_eq!(after.and_then(kind), None, "after {last}");
        }
    }

    #[test]
    fn every_way_to_embed_an_ipv4_address_is_refused_even_around_a_public_one() {
        use Transition::*;
        for (ip, how) in [
            ("::ffff:127.0.0.1", Mapped),
            ("::ffff:8.8.8.8", Mapped),
            ("::127.0.0.1", Compatible),
            ("::8.8.8.8", Compatible),
            ("::ffff:0:8.8.8.8", Translated),
            ("64:ff9b::169.254.169.254", Nat64),
            ("64:ff9b::8.8.8.8", Nat64),
            ("64:ff9b:1:ffff::7f00:1", Nat64),
            ("2002:7f00:1::", SixToFour),
            ("2002:808:808::1", SixToFour),
            ("2001::1", Teredo),
            ("2001:0:ffff:ffff:ffff:ffff:ffff:ffff", Teredo),
            ("2606:4700::5efe:a00:1", Isatap),
            ("2606:4700::200:5efe:808:808", Isatap),
        ] {
            assert_eq!(kind(ip), Some(NotPublic::EmbedsIpv4(how)), "{ip}");
        }
    }

    proptest! {
        #[test]
        fn what_the_standard_library_calls_special_never_passes(bits: u32) {
            let ip = Ipv4Addr::from_bits(bits);
            let special = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast()
                || ip.is_documentation() || ip.is_broadcast() || ip.is_unspecified();
            prop_assert!(!special || vet(ip.into()).is_err());
        }

        #[test]
        fn no_ipv4_address_passes_in_an_ipv6_coat(bits: u32) {
            let ip = Ipv4Addr::from_bits(bits);
            prop_assert!(vet(ip.to_ipv6_mapped().into()).is_err());
            prop_assert!(vet(ip.to_ipv6_compatible().into()).is_err());
        }

        #[test]
        fn nothing_outside_global_unicast_passes(bits: u128) {
            let ip = Ipv6Addr::from_bits(bits);
            prop_assert!(bits >> 125 == 1 || vet(ip.into()).is_err());
            let special = ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_multicast();
            prop_assert!(!special || vet(ip.into()).is_err());
        }
    }
}
