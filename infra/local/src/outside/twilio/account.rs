//! An account and what it may send from: it owns every number, short code and messaging service but the published
//! ones for tests.

use http::Uri;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::behaviour::AccountType;
use super::form::Form;
use super::login::is_sid;
use super::message::rfc_2822;
use super::messages::sid;
use super::new_message::is_short_code;

/// Twilio's number for tests that no account owns.
const NOT_OWNED: &str = "+15005550007";
/// The messaging service that is not there.
const NO_SERVICE: &str = "MG00000000000000000000000000000000";
/// When everything that was always there was made.
const ORIGIN: Timestamp = Timestamp::constant(1_270_080_000, 0);

/// Source: [Account resource](https://www.twilio.com/docs/iam/api/account).
pub(super) fn account(account: &str, kind: AccountType) -> Value {
    let made = rfc_2822(ORIGIN);
    json!({
        "date_created": made,
        "date_updated": made,
        "friendly_name": "Simulated account",
        "owner_account_sid": account,
        "sid": account,
        "status": "active",
        "type": kind,
        "uri": format!("/2010-04-01/Accounts/{account}.json"),
    })
}

/// The account's numbers: the one that is asked for.
/// Source: [IncomingPhoneNumber resource](https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource).
pub(super) fn phone_numbers(account: &str, query: &Form, uri: &Uri) -> Value {
    let number = query
        .get("PhoneNumber")
        .filter(|number| number.starts_with('+') && *number != NOT_OWNED);
    let resource = number.map(|number| {
        let sid = sid("PN", number);
        json!({
            "account_sid": account,
            "api_version": "2010-04-01",
            "capabilities": { "fax": false, "mms": true, "sms": true, "voice": true },
            "date_created": rfc_2822(ORIGIN),
            "date_updated": rfc_2822(ORIGIN),
            "friendly_name": number,
            "phone_number": number,
            "sid": sid,
            "status": "in-use",
            "uri": format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json"),
        })
    });
    list("incoming_phone_numbers", resource, uri)
}

/// The account's short codes: the one that is asked for.
/// Source: [ShortCode resource](https://www.twilio.com/docs/messaging/api/short-code-resource).
pub(super) fn short_codes(account: &str, query: &Form, uri: &Uri) -> Value {
    let code = query.get("ShortCode").filter(|code| is_short_code(code));
    let resource = code.map(|code| {
        let sid = sid("SC", code);
        json!({
            "account_sid": account,
            "api_version": "2010-04-01",
            "date_created": rfc_2822(ORIGIN),
            "date_updated": rfc_2822(ORIGIN),
            "friendly_name": code,
            "short_code": code,
            "sid": sid,
            "uri": format!("/2010-04-01/Accounts/{account}/SMS/ShortCodes/{sid}.json"),
        })
    });
    list("short_codes", resource, uri)
}

/// Whether there is such a messaging service.
pub(super) fn has_service(sid: &str) -> bool {
    is_sid(sid, "MG") && sid != NO_SERVICE
}

/// Source: [Messaging Service resource](https://www.twilio.com/docs/messaging/api/service-resource).
pub(super) fn service(sid: &str, account: Option<&str>) -> Value {
    json!({
        "account_sid": account,
        "date_created": ORIGIN,
        "date_updated": ORIGIN,
        "friendly_name": "Simulated service",
        "sid": sid,
        "status_callback": null,
        "url": format!("https://messaging.twilio.com/v1/Services/{sid}"),
    })
}

/// A list that fits on one page.
fn list(name: &str, resource: Option<Value>, uri: &Uri) -> Value {
    let uri = uri.to_string();
    json!({
        name: Vec::from_iter(resource),
        "end": 0,
        "first_page_uri": uri,
        "next_page_uri": null,
        "page": 0,
        "page_size": 50,
        "previous_page_uri": null,
        "start": 0,
        "uri": uri,
    })
}
