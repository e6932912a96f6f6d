//! Other people's code on the same tables. `ORACLE_PYTHON` and `node` as in `oracles.rs`.

#[path = "../oracle_process/mod.rs"]
mod oracle_process;

use std::env;
use std::net::IpAddr;
use std::process::Command;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};

use super::tables::{Block, Verdict, addresses, is_isatap, urls};
use super::{any_address, guarded};

/// Blocks that Python counts as public, some versions at least, and why they are refused all the same. Each version knows
/// the registries as they were in its day (<https://docs.python.org/3/library/ipaddress.html>, `is_global`).
const DISAGREEMENTS: [(&str, &str); 11] = [
    (
        "192.0.0.0/24",
        "globally reachable in parts: anycast of PCP and TURN, never an endpoint",
    ),
    (
        "192.31.196.0/24",
        "globally reachable: AS112 sinks, never an endpoint",
    ),
    (
        "192.52.193.0/24",
        "globally reachable: AMT relays, never an endpoint",
    ),
    (
        "192.88.99.0/24",
        "ended: a 6to4 relay may still unwrap what is sent there",
    ),
    (
        "192.175.48.0/24",
        "globally reachable: AS112 sinks, never an endpoint",
    ),
    ("168.63.129.16/32", "in no registry: Azure's platform"),
    (
        "2001::/23",
        "globally reachable in parts: anycast, AMT, AS112, ORCHIDv2, DETs; Teredo in older versions",
    ),
    (
        "2002::/16",
        "6to4 unwraps to any IPv4 address; older versions",
    ),
    (
        "2620:4f:8000::/48",
        "globally reachable: AS112 sinks, never an endpoint",
    ),
    ("3fff::/20", "documentation since 2024; older versions"),
    (
        "::ffff:0:0/96",
        "newer versions unwrap what is mapped; no endpoint needs it",
    ),
];

/// The vectors, and addresses drawn at random, the same in each run.
fn candidates() -> Vec<IpAddr> {
    let rng = TestRunner::deterministic().new_rng();
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let drawn = (0..4_000).map(|_| any_address().new_tree(&mut runner).unwrap().current());
    addresses()
        .into_iter()
        .map(|vector| vector.ip)
        .chain(drawn)
        .collect()
}

fn script(name: &str) -> String {
    format!("{}/tests/oracles/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// What Python and the guard disagree on is what is listed, and there the guard is the stricter.
#[test]
fn python_calls_private_whatever_is_refused_and_public_whatever_is_allowed() {
    let python = env::var("ORACLE_PYTHON").expect("ORACLE_PYTHON names a Python; see oracles.rs");
    let candidates = candidates();
    let questions: Vec<_> = candidates.iter().map(IpAddr::to_string).collect();
    let mut oracle = Command::new(python);
    oracle.arg(script("addresses.py"));
    let answers: Vec<bool> = oracle_process::ask(&mut oracle, &questions, "see oracles.rs");
    let listed: Vec<_> = DISAGREEMENTS.map(|(cidr, _)| Block::read(cidr)).to_vec();
    for (ip, public) in candidates.into_iter().zip(answers) {
        let listed = is_isatap(ip) || listed.iter().any(|block| block.contains(ip));
        match guarded(ip) {
            Verdict::Allowed => assert!(public, "Python calls {ip} private"),
            Verdict::Refused => assert!(!public || listed, "Python calls {ip} public"),
        }
    }
}

#[test]
fn every_disagreement_has_its_vectors() {
    for (cidr, reason) in DISAGREEMENTS {
        let block = Block::read(cidr);
        let mut vectors = addresses().into_iter().filter(|v| block.contains(v.ip));
        assert!(
            vectors.any(|v| v.verdict == Verdict::Refused),
            "{cidr}: {reason}"
        );
    }
}

#[test]
fn node_reads_the_same_host_in_every_url() {
    let vectors = urls();
    let quoted = |url: &String| serde_json::to_string(url).unwrap();
    let questions: Vec<_> = vectors.iter().map(|vector| quoted(&vector.url)).collect();
    let mut oracle = Command::new("node");
    oracle.arg(script("url_hosts.mjs"));
    let remedy = "install Node.js 20 or later (apt-get install nodejs)";
    let answers: Vec<Option<String>> = oracle_process::ask(&mut oracle, &questions, remedy);
    for (vector, host) in vectors.into_iter().zip(answers) {
        assert_eq!(host, vector.host, "{vector:?}");
    }
}
