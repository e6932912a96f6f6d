//! What messages say, and how they are shortened.

use std::iter;

use domain::{
    event::AlertItem,
    sms::{
        segments::{Encoding, MaxSegments, count},
        text::{Brand, InvalidBrand, Message, alert, test},
    },
};
use proptest::prelude::*;

const LINK: &str = "https://app.setget.io/engineering/issues/ENG-42";

fn brand() -> Brand {
    "SetGet".parse().unwrap()
}

fn item(title: &str) -> AlertItem {
    AlertItem {
        identifier: "ENG-42".to_owned(),
        title: title.to_owned(),
        url: LINK.to_owned(),
    }
}

fn at_most(segments: u64) -> MaxSegments {
    segments.try_into().unwrap()
}

fn alert_of(title: &str, summary: &str, most: u64) -> Message {
    let message = alert(&brand(), summary, &item(title), at_most(most));
    assert_eq!(message.count, count(&message.text));
    message
}

/// The first line, in a message that has room for everything.
fn told(title: &str, summary: &str) -> String {
    let text = alert_of(title, summary, 10).text;
    let (line, link) = text.split_once('\n').unwrap();
    assert_eq!(link, format!("View: {LINK}"));
    line.to_owned()
}

#[test]
fn an_alert_names_what_happened_the_item_and_its_link() {
    let message = alert_of("Fix login redirect", "priority changed to Urgent", 2);
    assert_eq!(
        message.text,
        "SetGet Alert: Work item ENG-42 \"Fix login redirect\" priority changed to Urgent.\n\
         View: https://app.setget.io/engineering/issues/ENG-42"
    );
    assert_eq!(message.count.encoding, Encoding::Gsm7);
    assert_eq!(message.count.segments.get(), 1);
}

#[test]
fn the_test_message_is_marked_and_takes_one_segment() {
    let message = test(&brand(), at_most(1));
    assert_eq!(
        message.text,
        "SetGet Alert: [Test] Work item ENG-42 \"Fix login redirect\" priority changed to Urgent.\n\
         View: https://app.setget.io/engineering/issues/ENG-42"
    );
    assert_eq!(message.count, count(&message.text));
    assert_eq!(message.count.segments.get(), 1);
}

#[test]
fn the_test_message_keeps_its_mark_under_a_brand_that_leaves_little_room() {
    let brand: Brand = "Ж".repeat(32).parse().unwrap();
    let message = test(&brand, at_most(2));
    assert_eq!(message.count.segments.get(), 2);
    let start = format!("{} Alert: [Test] Work item ENG-42 pri", brand.as_str());
    assert!(message.text.starts_with(&start), "{}", message.text);
    assert!(
        message
            .text
            .ends_with("...\nView: https://app.setget.io/engineering/issues/ENG-42")
    );
}

#[test]
fn a_summary_that_ends_a_sentence_gets_no_second_full_stop() {
    for end in [".", "!", "?", "...", "…", "。", "？", "।", "؟"] {
        let summary = format!("is done{end}");
        let expected = format!("SetGet Alert: Work item ENG-42 \"T\" {summary}");
        assert_eq!(told("T", &summary), expected);
        assert_eq!(told("T", &format!("{summary} \n")), expected);
    }
    assert!(told("T", "is done)").ends_with("is done)."));
    assert!(told("Done?", "is done").ends_with("is done."));
}

#[test]
fn white_space_and_control_characters_become_single_spaces() {
    let line = told(
        "\r\n Fix\u{a0}\u{a0}login\u{2028}now\u{0}\t",
        "was\u{1b}\u{85}changed\nView: https://evil.example",
    );
    assert_eq!(
        line,
        "SetGet Alert: Work item ENG-42 \"Fix login now\" was changed View: https://evil.example."
    );
    let mut item = item("T");
    item.identifier = " ENG\n42 ".to_owned();
    let text = alert(&brand(), "is done", &item, at_most(1)).text;
    assert!(text.starts_with("SetGet Alert: Work item ENG 42 \"T\" is done.\n"));
}

#[test]
fn characters_that_nobody_sees_or_that_turn_text_around_are_taken_out() {
    let line = told(
        "\u{feff}Fix\u{200b} the\u{ad} \u{202e}nigol\u{202c}\u{2067}",
        "is \u{2060} done",
    );
    assert_eq!(
        line,
        "SetGet Alert: Work item ENG-42 \"Fix the nigol\" is done."
    );
    assert_eq!(count(&line).encoding, Encoding::Gsm7);
}

#[test]
fn characters_that_emoji_and_scripts_are_spelt_with_stay() {
    for title in [
        "👨‍👩‍👧‍👦 ❤\u{fe0f}",
        "می\u{200c}خواهم",
        "שלום\u{200f}!",
        "🏴\u{e0067}\u{e0062}\u{e007f}",
        "e\u{301}",
    ] {
        assert!(
            told(title, "is done").contains(&format!("\"{title}\"")),
            "{title}"
        );
    }
}

#[test]
fn what_is_empty_is_left_out() {
    assert_eq!(
        told(" \u{200b}", "is done"),
        "SetGet Alert: Work item ENG-42 is done."
    );
    assert_eq!(told("T", "\u{0}"), "SetGet Alert: Work item ENG-42 \"T\".");
    assert_eq!(told("", "\u{feff}"), "SetGet Alert: Work item ENG-42.");
}

#[test]
fn a_link_is_written_as_it_was_given() {
    for url in [
        "https://例え.jp/ü?q=a%20b#ä",
        "HTTP://EXAMPLE.com",
        "https://example.com/{a}|b^",
    ] {
        let item = AlertItem {
            url: url.to_owned(),
            ..item("T")
        };
        let text = alert(&brand(), "is done", &item, at_most(1)).text;
        assert_eq!(text.split_once('\n').unwrap().1, format!("View: {url}"));
    }
}

#[test]
fn a_link_that_a_text_would_break_is_escaped() {
    let url = " https://example.com/a b\u{202e}c\u{1}\nd?e f#g h\u{200b} ";
    let item = AlertItem {
        url: url.to_owned(),
        ..item("T")
    };
    let text = alert(&brand(), "is done", &item, at_most(10)).text;
    assert_eq!(
        text.split_once('\n').unwrap().1,
        "View: https://example.com/a%20b%E2%80%AEc%01d?e%20f#g%20h%E2%80%8B"
    );
}

#[test]
fn the_title_is_shortened_first_and_fills_what_is_left() {
    let message = alert_of(
        &"Fix the login. ".repeat(20),
        "priority changed to Urgent",
        1,
    );
    assert_eq!(
        message.text,
        "SetGet Alert: Work item ENG-42 \"Fix the login. Fix the login. Fix the logi...\" priority changed to Urgent.\n\
         View: https://app.setget.io/engineering/issues/ENG-42"
    );
    assert_eq!((message.text.len(), message.count.segments.get()), (160, 1));
}

#[test]
fn no_blank_is_left_before_the_dots() {
    let full = alert_of(&"a".repeat(100), "is done", 1).text;
    let room = full.matches('a').count();
    assert!(full.contains("a...\""), "{full}");
    let title = format!("{} {}", "b".repeat(room - 1), "c".repeat(100));
    let text = alert_of(&title, "is done", 1).text;
    assert!(text.contains("b...\""), "{text}");
}

#[test]
fn shortening_that_loses_what_forces_ucs_2_fills_the_room_of_gsm_7() {
    let title = format!("{}😀 and so on", "a".repeat(60));
    let message = alert_of(&title, "is done", 1);
    assert_eq!(message.count.encoding, Encoding::Gsm7);
    assert!(
        message.text.contains(&format!("\"{}...\"", "a".repeat(60))),
        "{}",
        message.text
    );
}

#[test]
fn clusters_are_cut_as_a_whole() {
    for cluster in ["👨‍👩‍👧‍👦", "🇩🇪", "e\u{301}\u{302}", "👍🏽", "1\u{fe0f}\u{20e3}"]
    {
        let text = alert_of(&cluster.repeat(100), "is done", 2).text;
        let title = text.split('"').nth(1).unwrap().strip_suffix("...").unwrap();
        assert!(
            !title.is_empty() && title.replace(cluster, "").is_empty(),
            "{title}"
        );
    }
}

#[test]
fn a_title_without_room_leaves_its_dots_and_then_goes() {
    let fixed = alert_of("", "", 1).text.len();
    let line = |room: usize, title: &str| {
        let summary = "s".repeat(160 - fixed - 1 - room);
        let text = alert_of(title, &summary, 1).text;
        text.replace(&format!(" {summary}"), " S")
    };
    let title = "A long title";
    assert!(line(7, title).starts_with("SetGet Alert: Work item ENG-42 \"A...\" S.\n"));
    assert!(line(6, title).starts_with("SetGet Alert: Work item ENG-42 \"...\" S.\n"));
    assert!(line(5, title).starts_with("SetGet Alert: Work item ENG-42 S.\n"));
}

#[test]
fn the_summary_is_shortened_once_the_title_is_gone() {
    let text = alert_of("A title", &"word ".repeat(1000), 1).text;
    assert!(
        text.starts_with("SetGet Alert: Work item ENG-42 word word "),
        "{text}"
    );
    assert!(text.ends_with(&format!("...\nView: {LINK}")), "{text}");
    assert!((156..=160).contains(&text.len()), "{text}");
}

#[test]
fn what_is_never_shortened_is_sent_even_if_it_is_over_the_limit() {
    let url = format!("https://example.com/{}", "a".repeat(2_000));
    let item = AlertItem {
        url: url.clone(),
        ..item("A title")
    };
    let message = alert(&brand(), "is done", &item, at_most(10));
    assert_eq!(
        message.text,
        format!("SetGet Alert: Work item ENG-42.\nView: {url}")
    );
    assert_eq!(message.count.segments.get(), 14);
}

/// Each of these would take minutes if work grew with the square of the length.
#[test]
fn the_longest_texts_of_an_event_are_shortened_too() {
    let long = |pattern: &str| pattern.repeat(200 * 1024 / pattern.len());
    for pattern in [
        "a",
        "a ",
        "\u{301}",
        "👍\u{200d}",
        "🇩",
        "क\u{94d}",
        " ",
        "\u{200b}",
        "€\r\n",
        "\u{600}",
    ] {
        for (title, summary) in [
            (long(pattern), "is done".to_owned()),
            ("T".to_owned(), long(pattern)),
        ] {
            let message = alert_of(&title, &summary, 10);
            assert!(message.count.segments <= at_most(10).get(), "{pattern:?}");
        }
        let huge = AlertItem {
            identifier: long(pattern),
            ..item(&long(pattern))
        };
        let text = alert(&brand(), "is done", &huge, at_most(10)).text;
        assert!(text.ends_with(LINK), "{pattern:?}");
    }
}

#[test]
fn brands_have_1_to_32_characters_and_no_control_characters() {
    for text in ["S", "SetGet", &"Ж".repeat(32)] {
        let brand: Brand = text.parse().unwrap();
        assert_eq!(brand.as_str(), text);
        let json = serde_json::to_string(&brand).unwrap();
        assert_eq!(serde_json::from_str::<Brand>(&json).unwrap(), brand);
    }
    for text in ["", "Set\nGet", "\u{85}", &"Ж".repeat(33)] {
        assert_eq!(text.parse::<Brand>(), Err(InvalidBrand), "{text:?}");
    }
    assert!(serde_json::from_str::<Brand>(r#""""#).is_err());
}

/// A text as its grapheme clusters, without blanks at the ends or in a row.
fn clusters() -> impl Strategy<Value = Vec<&'static str>> {
    const GSM_7: [&str; 8] = ["a", "Z", "9", " ", "é", "€", "[", "."];
    const ALL: [&str; 14] = [
        "a",
        "Z",
        " ",
        "€",
        "я",
        "中",
        "…",
        "e\u{301}",
        "😀",
        "👨‍👩‍👧‍👦",
        "🇩🇪",
        "👍🏽",
        "1\u{fe0f}\u{20e3}",
        "क्षि",
    ];
    let gsm = prop::collection::vec(prop::sample::select(&GSM_7[..]), 0..200);
    let mixed = prop::collection::vec(prop::sample::select(&ALL[..]), 0..120);
    let turns = (gsm.clone(), mixed.clone()).prop_map(|(gsm, mixed)| [gsm, mixed].concat());
    prop_oneof![gsm, mixed, turns].prop_map(|mut list| {
        list.dedup_by(|next, one| *next == " " && *one == " ");
        let start = usize::from(list.first() == Some(&" "));
        let end = list.len() - usize::from(list.len() > start && list.last() == Some(&" "));
        list[start..end].to_vec()
    })
}

/// Every shortened form of a text, the longest first.
fn shortened(clusters: &[&str]) -> impl Iterator<Item = String> {
    let ends = (0..clusters.len()).rev();
    ends.map(|end| format!("{}...", clusters[..end].concat().trim_end()))
}

/// The first of all texts, in the order in which they are preferred, that fits; else the shortest.
fn preferred(title: &[&str], summary: &[&str], most: MaxSegments) -> String {
    let (title_text, summary_text) = (title.concat(), summary.concat());
    let write = |title: &str, summary: &str| {
        let title = if title.is_empty() {
            String::new()
        } else {
            format!(" \"{title}\"")
        };
        let summary = if summary.is_empty() {
            String::new()
        } else {
            format!(" {summary}")
        };
        let stop = if summary.ends_with(['.', '…']) {
            ""
        } else {
            "."
        };
        format!("SetGet Alert: Work item ENG-42{title}{summary}{stop}\nView: {LINK}")
    };
    iter::once(write(&title_text, &summary_text))
        .chain(shortened(title).map(|title| write(&title, &summary_text)))
        .chain(iter::once(write("", &summary_text)))
        .chain(shortened(summary).map(|summary| write("", &summary)))
        .find(|text| count(text).segments <= most.get())
        .unwrap_or_else(|| write("", ""))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_message_is_the_longest_that_fits(title in clusters(), summary in clusters(), most in 1..=4_u64) {
        let message = alert_of(&title.concat(), &summary.concat(), most);
        prop_assert_eq!(message.text, preferred(&title, &summary, at_most(most)));
    }

    #[test]
    fn any_text_ends_as_one_line_with_its_link(
        title in "(?s).{0,300}", summary in "(?s).{0,300}", identifier in "(?s).{0,20}", most in 1..=10_u64,
    ) {
        let item = AlertItem { identifier, ..item(&title) };
        let message = alert(&brand(), &summary, &item, at_most(most));
        let (line, link) = message.text.split_once('\n').unwrap();
        prop_assert_eq!(link, format!("View: {LINK}"));
        prop_assert!(line.starts_with("SetGet Alert: Work item"));
        prop_assert!(!line.contains(char::is_control) && !line.contains("  "), "{}", line);
        // Brand, identifier and link are 120 units at the most: two segments hold them in either coding.
        prop_assert!(most == 1 || message.count.segments <= at_most(most).get());
    }

    #[test]
    fn a_message_that_fits_is_the_same_under_every_higher_limit(title in clusters(), summary in clusters()) {
        let whole = alert_of(&title.concat(), &summary.concat(), 10);
        let needed = u64::from(whole.count.segments.get());
        for most in needed..=10 {
            prop_assert_eq!(&alert_of(&title.concat(), &summary.concat(), most), &whole);
        }
    }
}
