//! The guard against addresses and spellings of URLs that lead to private networks, held to tables that know nothing
//! of its code: IANA's special-purpose registries (`registry.tsv`), the edges of each of their blocks and the targets
//! of attacks (`addresses.tsv`), and URLs in every notation (`urls.tsv`), with the host that each is read as.
//!
//! With the feature `oracles` (see `oracles.rs`) Python's `ipaddress` judges the addresses too, and Node's URL parser
//! reads the URLs.

#[cfg(feature = "oracles")]
#[path = "address_vectors/oracles.rs"]
mod oracles;
#[path = "address_vectors/tables.rs"]
mod tables;

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::address;
use domain::endpoint_url::{EndpointUrl, UrlError, UrlRules};
use proptest::prelude::*;
use tables::{Block, Verdict, addresses, blocks, judge, urls};

/// A deployment that refuses nothing but what is no URL or no host.
const LOOSE: UrlRules = UrlRules {
    allow_plain_http: true,
    allow_private_networks: true,
};

fn guarded(ip: IpAddr) -> Verdict {
    Verdict::of(address::vet(ip).is_ok())
}

fn parsed(url: &str) -> Result<EndpointUrl, UrlError> {
    EndpointUrl::parse(url, UrlRules::default())
}

fn url_of(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => format!("https://{ip}/"),
        IpAddr::V6(ip) => format!("https://[{ip}]/"),
    }
}

#[test]
fn every_address_gets_its_verdict_alone_and_as_the_host_of_a_url() {
    let mut wrong = Vec::new();
    for vector in addresses() {
        let verdicts = [
            guarded(vector.ip),
            Verdict::of(parsed(&url_of(vector.ip)).is_ok()),
        ];
        if verdicts != [vector.verdict; 2] {
            wrong.push((vector, verdicts));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_url_gets_its_verdict() {
    let mut wrong = Vec::new();
    for vector in urls() {
        let result = parsed(&vector.url);
        if Verdict::of(result.is_ok()) != vector.verdict {
            wrong.push((vector, result));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// So that a URL is refused for the host it names, and not by a slip in how it is written down here.
#[test]
fn every_url_is_read_as_the_host_it_names() {
    let mut wrong = Vec::new();
    for vector in urls() {
        let read = url::Url::parse(&vector.url);
        let read = read.as_ref().ok().and_then(url::Url::host_str);
        let read = read.map(|host| host.trim_matches(['[', ']']).to_owned());
        if read.as_deref().filter(|host| !host.is_empty()) != vector.host.as_deref() {
            wrong.push((vector, read));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_address_is_recognised_and_named_alike_in_every_spelling() {
    for vector in urls() {
        let Some(ip) = vector.address() else { continue };
        assert!(
            vector.verdict == Verdict::Refused || judge(ip) == Verdict::Allowed,
            "{vector:?}"
        );
        if let Ok(url) = EndpointUrl::parse(&vector.url, LOOSE) {
            assert_eq!(url.literal_address(), Some(ip), "{vector:?}");
        }
        if let Err(UrlError::NotPublic(kind)) = parsed(&vector.url) {
            assert_eq!(address::vet(ip), Err(kind), "{vector:?}");
        }
    }
}

#[test]
fn the_verdicts_on_addresses_are_those_of_the_registries() {
    for vector in addresses() {
        assert_eq!(judge(vector.ip), vector.verdict, "{vector:?}");
    }
}

/// Whoever adds a block to the registry adds its edges.
#[test]
fn the_edges_of_every_block_are_among_the_vectors() {
    let tried: HashSet<IpAddr> = addresses().iter().map(|vector| vector.ip).collect();
    let edges: BTreeSet<IpAddr> = blocks().iter().flat_map(Block::edges).collect();
    let missing: Vec<_> = edges.iter().filter(|ip| !tried.contains(ip)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn no_vector_stands_twice_and_each_has_its_source() {
    let (addresses, urls) = (addresses(), urls());
    let distinct: HashSet<_> = addresses.iter().map(|vector| vector.ip).collect();
    assert_eq!(distinct.len(), addresses.len());
    let distinct: HashSet<_> = urls.iter().map(|vector| &vector.url).collect();
    assert_eq!(distinct.len(), urls.len());
    println!("{} addresses, {} URLs", addresses.len(), urls.len());
    assert!(addresses.len() + urls.len() >= 400);
    let allowed = addresses.iter().filter(|v| v.verdict == Verdict::Allowed);
    assert!(
        allowed.count() > 50,
        "the guard may not pass by refusing all"
    );
}

/// Addresses anywhere, and those that share their first bits with a block: an address drawn at random seldom meets one.
fn any_address() -> impl Strategy<Value = IpAddr> {
    let beside = (prop::sample::select(blocks()), any::<u128>(), 0..=128_u32);
    prop_oneof![
        any::<Ipv4Addr>().prop_map(IpAddr::from),
        any::<Ipv6Addr>().prop_map(IpAddr::from),
        beside.prop_map(|(block, bits, kept)| block.nearby(bits, kept)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn any_address_is_judged_as_the_registries_say(ip in any_address()) {
        prop_assert_eq!(guarded(ip), judge(ip));
    }
}
