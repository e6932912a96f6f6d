//! Encoding and segments against Twilio's `sms-segments-calculator`.
//!
//! It needs `node`, and in `ORACLE_NODE_MODULES` the folder that `oracles/package-lock.json` is installed into:
//!
//! ```sh
//! mkdir -p target/oracles/node && cp shared/domain/tests/oracles/package*.json target/oracles/node
//! npm ci --prefix target/oracles/node
//! ORACLE_NODE_MODULES=$PWD/target/oracles/node/node_modules cargo test -p domain --features oracles
//! ```
//!
//! # Where the calculator does not count as carriers do
//! It never parts a grapheme cluster (a family of emoji, a letter with its combining marks), and writes a cluster of more
//! than 67 units into one segment all the same. Networks know nothing of clusters: TS 23.040 cuts the coded text, and
//! this product parts no surrogate pair, which a receiver could not read. So the calculator's number is taken as it is for
//! every text in GSM-7, every text of one segment and every text whose clusters are all single characters; for the
//! rest (texts in UCS-2, of several segments, with clusters of several characters) its own packing is asked again, over
//! characters in place of clusters.

mod oracle_process;

use std::{env, iter, process::Command};

use domain::sms::segments::count;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde::Deserialize;

const REMEDY: &str = "install Node.js 18 or later, then prepare it with: mkdir -p target/oracles/node && cp \
    shared/domain/tests/oracles/package*.json target/oracles/node && npm ci --prefix target/oracles/node && export \
    ORACLE_NODE_MODULES=$PWD/target/oracles/node/node_modules";
const DRAWN: usize = 3_000;

/// What the calculator makes of one text (`oracles/segments.mjs`).
#[derive(Debug, Deserialize)]
struct Answer {
    encoding: String,
    segments: u32,
    forced_by: Option<String>,
    clusters: bool,
    segments_by_character: u32,
}

impl Answer {
    fn cluster_may_lie_on_a_border(&self) -> bool {
        self.clusters && self.encoding == "UCS-2" && self.segments_by_character > 1
    }
}

fn ask(texts: &[String]) -> Vec<Answer> {
    let modules = env::var("ORACLE_NODE_MODULES")
        .unwrap_or_else(|_| panic!("ORACLE_NODE_MODULES is not set; {REMEDY}"));
    let questions: Vec<_> = texts
        .iter()
        .map(|text| serde_json::to_string(text).expect("a string is JSON"))
        .collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/segments.mjs");
    let mut node = Command::new("node");
    node.arg(script).env("ORACLE_NODE_MODULES", modules);
    oracle_process::ask(&mut node, &questions, REMEDY)
}

/// Whether the untouched number was compared.
fn check(text: &str, answer: &Answer) -> bool {
    let count = count(text);
    assert_eq!(count.encoding.as_str(), answer.encoding, "{text:?}");
    match (&answer.forced_by, count.forced_by) {
        (None, None) => {}
        (Some(cluster), Some(c)) => assert!(cluster.contains(c), "{text:?}: {cluster:?}, {c:?}"),
        (theirs, ours) => panic!("{text:?}: {theirs:?}, {ours:?}"),
    }
    assert_eq!(
        count.segments.get(),
        answer.segments_by_character,
        "{text:?}"
    );
    let untouched = !answer.cluster_may_lie_on_a_border();
    if untouched {
        assert_eq!(count.segments.get(), answer.segments, "{text:?}");
    }
    untouched
}

/// Checks all texts, and that the calculator's untouched number was compared for at least so many.
fn check_all(texts: &[String], at_least: usize) {
    let untouched = texts
        .iter()
        .zip(ask(texts))
        .filter(|(text, answer)| check(text, answer))
        .count();
    assert!(untouched >= at_least, "{untouched} of {}", texts.len());
}

/// `filler` up to every place near the ends of the first segments, there `inserted`, and more `filler` so that the whole
/// ends near the end of a segment.
fn around_borders(filler: &str, inserted: &str, alone: usize, part: usize) -> Vec<String> {
    let borders: Vec<usize> = iter::once(alone)
        .chain((1..=3).map(|parts| parts * part))
        .collect();
    let near = |border: usize| border - 3..=border + 2;
    let pairs = borders
        .iter()
        .flat_map(|start| borders.iter().map(move |end| (*start, *end)));
    pairs
        .filter(|(start, end)| start <= end)
        .flat_map(|(start, end)| {
            near(start).flat_map(move |start| near(end).map(move |end| (start, end)))
        })
        .map(|(start, end)| {
            let rest = end.saturating_sub(start);
            format!("{}{inserted}{}", filler.repeat(start), filler.repeat(rest))
        })
        .collect()
}

#[test]
fn lengths_around_the_limits_agree() {
    let lengths = |filler: &str| -> Vec<String> { (0..=700).map(|n| filler.repeat(n)).collect() };
    let texts: Vec<_> = ["a", "€", "я", "😀", "\r\n"]
        .into_iter()
        .flat_map(lengths)
        .collect();
    check_all(&texts, texts.len());
}

#[test]
fn pairs_on_the_borders_agree() {
    let gsm = ["", "€", "[]", "\u{c}", "€€", "\r\n", "€\r\n^"];
    let ucs = ["", "€", "😀", "😀😀", "𝒳я𝒳", "\r\n"];
    let gsm = gsm
        .iter()
        .flat_map(|inserted| around_borders("a", inserted, 160, 153));
    let ucs = ucs
        .iter()
        .flat_map(|inserted| around_borders("я", inserted, 70, 67));
    let texts: Vec<_> = gsm.chain(ucs).collect();
    check_all(&texts, texts.len());
}

#[test]
fn clusters_on_the_borders_agree() {
    let clusters = ["e\u{301}", "👨‍👩‍👧‍👦", "🇩🇪", "👍🏽", "1\u{fe0f}\u{20e3}", "क्षि"];
    let texts: Vec<_> = clusters
        .iter()
        .flat_map(|cluster| around_borders("я", cluster, 70, 67))
        .collect();
    // The texts of one segment.
    check_all(&texts, 30);
}

#[test]
fn every_character_of_the_basic_plane_agrees() {
    let texts: Vec<_> = ('\0'..='\u{ffff}').map(String::from).collect();
    check_all(&texts, texts.len());
}

/// Texts of one to a few hundred pieces, GSM-7 alone half of the time: mixed with other pieces they are hardly ever.
fn any_text() -> impl Strategy<Value = String> {
    const GSM_7: [&str; 14] = [
        "a", "Z", "0", " ", "@", "é", "Ç", "Ω", "€", "{", "~", "\u{c}", "\n", "\r\n",
    ];
    const UCS_2: [&str; 18] = [
        "я",
        "中",
        "ç",
        "`",
        "…",
        "“",
        "\t",
        "\u{a0}",
        "\u{200d}",
        "\u{301}",
        "e\u{301}",
        "👨‍👩‍👧‍👦",
        "🇩🇪",
        "👍🏽",
        "1\u{fe0f}\u{20e3}",
        "क्षि",
        "😀",
        "𝒳",
    ];
    let gsm = || prop::sample::select(&GSM_7[..]);
    let piece = prop_oneof![gsm(), prop::sample::select(&UCS_2[..])];
    let lengths = || prop_oneof![1..80_usize, 1..500_usize];
    let gsm_only = lengths().prop_flat_map(move |n| prop::collection::vec(gsm(), n));
    let mixed = lengths().prop_flat_map(move |n| prop::collection::vec(piece.clone(), n));
    prop_oneof![
        gsm_only.prop_map(|pieces| pieces.concat()),
        mixed.prop_map(|pieces| pieces.concat()),
        prop::collection::vec(any::<char>(), 0..200).prop_map(|chars| chars.into_iter().collect()),
    ]
}

#[test]
fn drawn_texts_agree() {
    let rng = TestRunner::deterministic().new_rng();
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut draw = || {
        any_text()
            .new_tree(&mut runner)
            .expect("a text can be drawn")
            .current()
    };
    let texts: Vec<_> = (0..DRAWN).map(|_| draw()).collect();
    check_all(&texts, DRAWN / 2);
}

#[test]
fn the_calculator_keeps_clusters_whole_where_networks_cut_them() {
    let family = "👨‍👩‍👧‍👦";
    let marks = format!("e{}", "\u{301}".repeat(200));
    let texts = [
        format!("{}{family}{}", "я".repeat(61), "я".repeat(62)),
        marks,
    ];
    let numbers: Vec<_> = texts
        .iter()
        .zip(ask(&texts))
        .map(|(text, answer)| (count(text).segments.get(), answer.segments))
        .collect();
    assert_eq!(numbers, [(2, 3), (3, 2)]);
}
