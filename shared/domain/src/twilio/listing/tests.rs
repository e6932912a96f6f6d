use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const TEXT: &str = "SetGet Alert: Work item ENG-42 \"Fix\" done.\nView: https://a.io/ENG-42";
const NUMBER: &str = "+14155550100";
const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";

/// As the list shows it.
fn listed() -> Value {
    json!({
        "account_sid": "AC0123456789abcdef0123456789abcdef",
        "api_version": "2010-04-01",
        "body": TEXT,
        "date_created": "Sun, 29 Mar 2026 14:30:00 +0000",
        "date_sent": null,
        "direction": "outbound-api",
        "error_code": null,
        "error_message": null,
        "from": NUMBER,
        "messaging_service_sid": SERVICE,
        "num_segments": "1",
        "price": null,
        "sid": "SM0123456789abcdef0123456789abcdef",
        "status": "sent",
        "to": "+14155550199",
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut message = listed();
    message[field] = value;
    message
}

fn page(messages: &[Value], next: &Value) -> Result<Page, NotAPage> {
    let page = json!({"messages": messages, "next_page_uri": next, "page": 0, "page_size": 50});
    Page::parse(page.to_string().as_bytes())
}

fn read(message: Value) -> ListedMessage {
    let mut page = page(&[message], &Value::Null).unwrap();
    page.messages.remove(0)
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn senders() -> [TwilioSender; 2] {
    [
        TwilioSender::Number(NUMBER.parse().unwrap()),
        TwilioSender::MessagingService(SERVICE.parse().unwrap()),
    ]
}

/// Whether a message sent from the number or the service, at the second that [`listed`] was created, matches.
fn found(message: Value) -> [bool; 2] {
    let [number, service] = senders();
    let mut by_number = message.clone();
    if message["messaging_service_sid"] == json!(SERVICE) {
        by_number["messaging_service_sid"] = Value::Null;
    }
    [(number, by_number), (service, message)].map(|(sender, message)| {
        let sought = Sought {
            to: &"+14155550199".parse().unwrap(),
            sender: &sender,
            body: TEXT,
            since: time("2026-03-29T14:30:00Z"),
        };
        sought.likeness(&read(message)).is_some()
    })
}

fn says(listed: &str, sent: &str) -> bool {
    likeness(listed, sent).is_some()
}

fn likeness(listed: &str, sent: &str) -> Option<Likeness> {
    let [sender, _] = senders();
    let sought = Sought {
        to: &"+14155550199".parse().unwrap(),
        sender: &sender,
        body: sent,
        since: time("2026-03-29T14:30:00Z"),
    };
    let mut message = with("body", listed.into());
    message["messaging_service_sid"] = Value::Null;
    sought.likeness(&read(message))
}

#[test]
fn a_page_is_read_with_the_next_ones_path() {
    let next = "/2010-04-01/Accounts/AC1/Messages.json?To=%2B1&Page=1&PageToken=PASM1";
    let page = page(&[listed()], &json!(next)).unwrap();
    assert_eq!(page.next_page_uri.as_deref(), Some(next));
    let [message] = &page.messages[..] else {
        panic!("{page:?}")
    };
    assert_eq!(message.created, time("2026-03-29T14:30:00Z"));
    assert_eq!(message.status, Some(ReceiptStatus::Sent));
    assert_eq!(message.error(), None);
}

#[test]
fn a_failed_message_tells_why() {
    let message = read(with("error_code", json!(30_005)));
    assert_eq!(message.error(), Some(TwilioErrorCode(30_005).error(None)));
    assert_eq!(read(with("error_code", json!(0))).error(), None);
}

#[test]
fn incoming_messages_are_read_too_and_never_match() {
    let mut message = with("direction", json!("inbound"));
    message["status"] = json!("received");
    assert_eq!(read(message.clone()).status, None);
    assert_eq!(found(message), [false; 2]);
}

#[test]
fn a_next_page_elsewhere_is_refused() {
    for next in [
        "https://evil.example/2010-04-01/",
        "//evil.example/",
        "@evil.example",
        "",
        "/v1/Services",
    ] {
        assert_eq!(page(&[], &json!(next)), Err(NotAPage), "{next}");
    }
}

#[test]
fn one_message_that_cannot_be_read_makes_the_page_unreadable() {
    for (field, value) in [
        ("sid", json!("SM1")),
        ("sid", Value::Null),
        ("date_created", Value::Null),
        ("date_created", json!("2026-03-29T14:30:00Z")),
        ("direction", Value::Null),
        ("body", json!(7)),
    ] {
        let messages = [listed(), with(field, value)];
        assert_eq!(page(&messages, &Value::Null), Err(NotAPage), "{field}");
    }
    for other in [&b""[..], b"{}", b"[]", b"{\"messages\":null}"] {
        assert_eq!(Page::parse(other), Err(NotAPage));
    }
}

#[test]
fn the_same_recipient_sender_and_text_since_the_attempt_match() {
    assert_eq!(found(listed()), [true; 2]);
    for (field, value, expected) in [
        ("to", json!("+14155550198"), [false; 2]),
        ("to", Value::Null, [false; 2]),
        ("direction", json!("outbound-reply"), [false; 2]),
        ("body", json!(format!("{TEXT}0")), [false; 2]),
        ("from", json!("+14155550101"), [false, true]),
        ("from", Value::Null, [false, true]),
        ("messaging_service_sid", Value::Null, [true, false]),
        ("messaging_service_sid", json!("MG1"), [true, false]),
    ] {
        assert_eq!(
            found(with(field, value.clone())),
            expected,
            "{field} {value}"
        );
    }
}

fn alike(to: &str, message: Value) -> Option<Likeness> {
    let [sender, _] = senders();
    let sought = Sought {
        to: &to.parse().unwrap(),
        sender: &sender,
        body: TEXT,
        since: time("2026-03-29T14:30:00Z"),
    };
    sought.likeness(&read(message))
}

/// Sent to that number from ours.
fn listed_to(to: &str) -> Value {
    let mut message = with("to", json!(to));
    message["messaging_service_sid"] = Value::Null;
    message
}

#[test]
fn a_redacted_number_may_be_any_that_begins_so() {
    let masked = listed_to("+1415555XXXX");
    assert!(read(masked.clone()).is_masked());
    assert_eq!(
        alike("+14155550199", masked.clone()),
        Some(Likeness::Similar)
    );
    for other in [
        "+14155560199",
        "+1415555019",
        "+141555501990",
        "+24155550199",
    ] {
        assert_eq!(alike(other, masked.clone()), None, "{other}");
    }
    let whole = listed_to("+14155550199");
    assert!(!read(whole.clone()).is_masked());
    assert_eq!(alike("+14155550199", whole), Some(Likeness::Same));
    let mut other_text = masked.clone();
    other_text["body"] = json!("another");
    assert_eq!(alike("+14155550199", other_text), None);
    let mut reply = masked;
    reply["direction"] = json!("inbound");
    assert!(!read(reply).is_masked());
}

#[test]
fn a_message_of_our_number_that_names_a_service_may_be_ours() {
    let named = listed();
    assert_eq!(
        alike("+14155550199", named.clone()),
        Some(Likeness::Similar)
    );
    let mut of_another = named;
    of_another["from"] = json!("+14155550101");
    assert_eq!(alike("+14155550199", of_another), None);
}

#[test]
fn a_clock_that_lags_by_five_seconds_hides_nothing() {
    let created = |text: &str| with("date_created", json!(text));
    assert_eq!(found(created("Sun, 29 Mar 2026 14:29:55 +0000")), [true; 2]);
    assert_eq!(
        found(created("Sun, 29 Mar 2026 14:29:54 +0000")),
        [false; 2]
    );
    assert_eq!(found(created("Sun, 29 Mar 2026 16:30:00 +0200")), [true; 2]);
    assert_eq!(found(created("Mon, 30 Mar 2026 14:30:00 +0000")), [true; 2]);
}

#[test]
fn what_twilio_does_to_a_text_makes_no_other_text_of_it() {
    let trial = "Sent from your Twilio trial account - ";
    assert!(says(&format!("{trial}{TEXT}"), TEXT));
    assert!(says(&TEXT.replace('\n', "\r\n"), TEXT));
    assert!(says(TEXT, &format!(" {TEXT}\n")));
    assert_eq!(likeness(TEXT, TEXT), Some(Likeness::Same));
    assert_eq!(likeness("", TEXT), Some(Likeness::Similar), "redacted");
    assert!(!says(&format!("{trial}{trial}{TEXT}"), TEXT));
    assert!(!says(trial, TEXT));
    let quoted = format!("{trial}{TEXT}");
    assert!(says(&quoted, &quoted), "a text of ours that begins so");
}

#[test]
fn smart_encoding_may_have_replaced_what_gsm_7_cannot_code() {
    let sent = "Work item “Fix – it…” done";
    let encoded = "Work item \"Fix - it...\" done";
    assert_eq!(likeness(encoded, sent), Some(Likeness::Similar));
    assert!(says(
        "Sent from your Twilio trial account - Work item \"Fix - it...\" done",
        sent
    ));
    assert!(says("Work item Fix  it done", sent), "dropped characters");
    for other in [
        "Work item \"Fix - it...\" begun",
        "Work item \"Fox - it...\" done",
        "Work item \"Fix - not at all, it...\" done",
        "Work item ‘Fix – it…’ done",
        "Work item",
    ] {
        assert!(!says(other, sent), "{other}");
    }
    assert!(!says("Work item 二 done", "Work item 一 done"));
    assert!(!says("Work item \"Fix\" done", "Work item 'Fix' done"));
}

#[test]
fn a_message_alone_is_read_as_in_the_list_also_where_its_text_was_redacted() {
    for message in [
        listed(),
        with("body", json!("")),
        with("error_code", json!(30_003)),
    ] {
        let alone = ListedMessage::parse(message.to_string().as_bytes());
        assert_eq!(alone, Ok(read(message)));
    }
    for other in [
        with("sid", json!("SM1")),
        json!({"code": 20_404}),
        Value::Null,
    ] {
        assert_eq!(
            ListedMessage::parse(other.to_string().as_bytes()),
            Err(NotAMessage)
        );
    }
}

#[test]
fn no_number_and_no_text_prints() {
    let next = json!("/2010-04-01/Accounts/AC1/Messages.json?To=%2B14155550199");
    let shown = format!("{:?}", page(&[listed()], &next).unwrap());
    assert!(
        !shown.contains("4155550") && !shown.contains("ENG-42"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused(body: Vec<u8>) {
        let _ = Page::parse(&body);
        let _ = ListedMessage::parse(&body);
    }

    #[test]
    fn any_text_says_what_it_says(text in "(.|[“…\r\n]){1,60}") {
        prop_assert!(says(&text, &text));
        let trial = format!("Sent from your Twilio trial account - {text}");
        prop_assert!(says(&trial, &text));
    }

    #[test]
    fn any_two_texts_are_compared(one in "[a“…é ]{1,12}", other in "[a“…é ]{1,12}") {
        let same = one.trim() == other.trim() || one.trim().is_empty();
        let smart = other.contains(['“', '…']) && !one.contains(['“', '…']);
        prop_assert!(says(&one, &other) == same || smart);
    }

    /// However many digits are masked, the number itself is never passed over, and no number is taken for another.
    #[test]
    fn a_masked_number_hides_nothing(digits in "[1-9][0-9]{6,14}", other in "[1-9][0-9]{6,14}", masked in 0..8_usize) {
        let number = format!("+{digits}");
        let kept = number.len() - masked.min(digits.len());
        let shown = format!("{}{}", &number[..kept], "X".repeat(number.len() - kept));
        let expected = if masked == 0 { Likeness::Same } else { Likeness::Similar };
        prop_assert_eq!(alike(&number, listed_to(&shown)), Some(expected));
        let other = format!("+{other}");
        let begins = other.len() == number.len() && other[..kept] == number[..kept];
        prop_assert_eq!(alike(&other, listed_to(&shown)).is_some(), begins);
    }

    #[test]
    fn a_time_matches_from_five_seconds_before_the_attempt_on(second in 0..4_000_000_000_i64, late in -100..100_i64) {
        let sent = Timestamp::from_second(second).unwrap();
        let created = Timestamp::from_second((second + late).max(0)).unwrap();
        let written = rfc2822::to_string(&created.to_zoned(jiff::tz::TimeZone::UTC)).unwrap();
        let mut message = with("date_created", json!(written));
        message["messaging_service_sid"] = Value::Null;
        let message = read(message);
        prop_assert_eq!(message.created, created);
        let [sender, _] = senders();
        let sought = Sought { to: &"+14155550199".parse().unwrap(), sender: &sender, body: TEXT, since: sent };
        prop_assert_eq!(sought.likeness(&message).is_some(), created.as_second() >= second - 5);
    }
}
