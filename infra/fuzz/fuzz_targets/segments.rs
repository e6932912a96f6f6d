//! Alerts' texts: fields divided by `|`, the limit of segments first. Each text is counted anew, as naively as can be.

#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;

use domain::event::AlertItem;
use domain::sms::segments::{Encoding, MaxSegments, count};
use domain::sms::text::{Brand, Message, alert, test};
use libfuzzer_sys::fuzz_target;

static ALPHABET: LazyLock<HashSet<char>> =
    LazyLock::new(|| DEFAULT_ALPHABET.chars().chain(EXTENSION.chars()).collect());
/// 3GPP TS 23.038, §6.2.1, without the escape, and §6.2.1.1.
const DEFAULT_ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION: &str = "\u{c}^{}\\[~]|€";
const ESCAPE: u16 = 0x1b;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    recount(&text);
    let mut fields = text.splitn(6, '|').map(str::to_owned);
    let mut next = || fields.next().unwrap_or_default();
    let most = MaxSegments::try_from(next().parse::<u64>().unwrap_or(2)).unwrap_or_default();
    let brand: Brand = next()
        .parse()
        .unwrap_or_else(|_| "SetGet".parse().expect("a brand"));
    let (identifier, title) = (next(), next());
    let (url, summary) = (next(), next());
    let item = AlertItem {
        identifier,
        title,
        url,
    };
    check(&alert(&brand, &summary, &item, most), &brand, &item, most);
    recount(&test(&brand, most).text);
});

fn check(message: &Message, brand: &Brand, item: &AlertItem, most: MaxSegments) {
    let Message {
        text,
        count: counted,
    } = message;
    assert_eq!(count(text), *counted);
    recount(text);
    let untitled = AlertItem {
        title: String::new(),
        ..item.clone()
    };
    let barest = alert(brand, "", &untitled, most);
    assert!(
        counted.segments <= most.get() || *message == barest,
        "what is over the limit has lost all that it can lose"
    );
    let (told, link) = text.split_once('\n').expect("two lines");
    assert!(told.starts_with(brand.as_str()) && link.starts_with("View: "));
    assert!(!told.chars().any(char::is_control) && !link.chars().any(char::is_control));
    assert_eq!(
        barest.text.split_once('\n').map(|(_, link)| link),
        Some(link),
        "the link stays"
    );
}

/// Units one by one, and a segment ends wherever it is full or would cut a pair.
fn recount(text: &str) {
    let counted = count(text);
    let foreign = text.chars().find(|c| !ALPHABET.contains(c));
    assert_eq!(counted.forced_by, foreign);
    let (units, alone, part): (Vec<u16>, _, _) = match counted.forced_by {
        None => (text.chars().flat_map(septets).collect(), 160, 153),
        Some(_) => (text.encode_utf16().collect(), 70, 67),
    };
    assert_eq!(
        counted.encoding == Encoding::Gsm7,
        counted.forced_by.is_none()
    );
    let opens_pair = |unit: u16| match counted.encoding {
        Encoding::Gsm7 => unit == ESCAPE,
        Encoding::Ucs2 => (0xd800..0xdc00).contains(&unit),
    };
    let (mut at, mut segments) = (0, 0);
    while at < units.len() {
        let mut end = (at + part).min(units.len());
        if end < units.len() && opens_pair(units[end - 1]) {
            end -= 1;
        }
        at = end;
        segments += 1;
    }
    let expected = if units.len() <= alone { 1 } else { segments };
    assert_eq!(counted.segments.get(), expected);
}

/// The units of a character; which one is of no matter, but for the escape.
fn septets(c: char) -> Vec<u16> {
    match EXTENSION.contains(c) {
        true => vec![ESCAPE, 0],
        false => vec![0],
    }
}
