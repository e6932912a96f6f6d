//! What Twilio posts: a line with the query of the URL, then the form.

#![no_main]

use domain::secret::SecretText;
use domain::twilio::credentials::AuthToken;
use domain::twilio::inbound::Inbound;
use domain::twilio::receipt::{CallbackQuery, Receipt, callback_url, verify};
use domain::twilio::signature::{Params, sign};
use libfuzzer_sys::fuzz_target;
use url::form_urlencoded::Serializer;

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let query = String::from_utf8_lossy(&data[..end]);
    named(&query);
    let Ok(params) = Params::parse(data.get(end + 1..).unwrap_or_default()) else {
        return;
    };
    let receipt = Receipt::try_from(&params);
    let inbound = Inbound::try_from(&params);
    if let Ok(receipt) = &receipt {
        assert!(is_sid(receipt.account.as_str()) && is_sid(receipt.message.as_str()));
        let _ = receipt.status.stage();
    }
    if let Ok(inbound) = &inbound {
        assert!(is_sid(inbound.account.as_str()) && is_sid(inbound.message.as_str()));
        assert_eq!(params.get("MessageSid"), Some(inbound.message.as_str()));
    }
    let written = Serializer::new(String::new())
        .extend_pairs(params.iter())
        .finish();
    let again = Params::parse(written.as_bytes()).expect("a form");
    assert!(again == params, "a form that is written anew is the same");
    assert_eq!(Receipt::try_from(&again), receipt);
    assert_eq!(Inbound::try_from(&again), inbound);
    signed(
        &format!("https://a.example/webhooks/twilio/status?{query}"),
        &params,
    );
});

/// A query that names a delivery is that of the delivery's callback, or says the same in other words.
fn named(query: &str) {
    let Some(named) = CallbackQuery::parse(query) else {
        return;
    };
    let url = callback_url("https://a.example", &named.workspace, &named.delivery);
    let query = url.split(['?', '#']).nth(1).expect("a query");
    assert_eq!(CallbackQuery::parse(query), Some(named));
}

fn signed(url: &str, params: &Params) {
    let token = |text: &str| AuthToken(SecretText::new(text));
    let signature = sign(url, params, &token("ours"));
    assert!(verify(&signature, url, params, &token("ours")));
    assert!(!verify(&signature, url, params, &token("theirs")));
    assert!(!verify(
        &signature,
        &format!("{url}x"),
        params,
        &token("ours")
    ));
}

/// Two letters and 32 hexadecimal digits.
fn is_sid(text: &str) -> bool {
    text.len() == 34 && text.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit())
}
