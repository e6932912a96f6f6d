//! What Twilio's answer to a send means.
//! Source: [Create a Message](https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource) and
//! [Twilio's response](https://www.twilio.com/docs/usage/twilios-response), "Exceptions".

use serde_json::Value;

use super::errors::{ErrorClass, TwilioErrorCode};
use super::sids::MessageSid;
use crate::sms::provider_error::ProviderError;

/// What became of a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Twilio has the message.
    Accepted {
        /// The message.
        sid: MessageSid,
    },
    /// Nothing was accepted, for certain, and it is worth trying again.
    TryAgain {
        /// What went wrong.
        error: ProviderError,
    },
    /// Nothing was accepted, for certain, and trying again would not help.
    Refused {
        /// What went wrong.
        error: ProviderError,
    },
    /// Nothing was accepted: the recipient wants no more messages from this sender.
    OptedOut {
        /// What went wrong.
        error: ProviderError,
    },
    /// Perhaps accepted: to be found out before anything is sent again.
    Ambiguous {
        /// What went wrong.
        error: ProviderError,
    },
}

/// Judges Twilio's answer to `POST …/Messages.json`. How long it asks us to wait is not looked at: an alert is urgent,
/// and its schedule is short.
#[must_use]
pub fn judge(status: u16, body: &[u8]) -> Answer {
    let body = serde_json::from_slice(body).unwrap_or(Value::Null);
    if (200..300).contains(&status) {
        return accepted(status, &body);
    }
    let code = code(&body);
    if status == 429 || code == Some(TwilioErrorCode::TOO_MANY_REQUESTS) {
        let error = refusal(status, &body);
        return Answer::TryAgain { error };
    }
    if !(300..500).contains(&status) {
        return doubt(format!("Twilio answered {status}"));
    }
    let error = refusal(status, &body);
    match code.map(TwilioErrorCode::class) {
        Some(ErrorClass::OptedOut) => Answer::OptedOut { error },
        Some(ErrorClass::Throttled) => Answer::TryAgain { error },
        _ => Answer::Refused { error },
    }
}

/// Judges an answer to `POST …/Messages.json` whose head came and whose body did not come whole.
///
/// The status alone tells what is certain: a 429 and any other 4xx that nothing was accepted. What follows from a 4xx is
/// for its error code to say, which is in the body (a throttle with 400, a recipient who opted out, a callback URL that is
/// refused), so it is asked for again, by trying again: nobody gets a text twice by that, and where the code never comes
/// the delivery ends as failed, with the status. A success without a SID and a 5xx are in doubt as ever.
#[must_use]
pub fn judge_head(status: u16) -> Answer {
    match judge(status, b"") {
        Answer::Refused { error } if (400..500).contains(&status) => Answer::TryAgain { error },
        other => other,
    }
}

/// Whatever initial status the message has: that it has a SID means that Twilio took it.
fn accepted(status: u16, body: &Value) -> Answer {
    match body.get("sid").and_then(Value::as_str).map(str::parse) {
        Some(Ok(sid)) => Answer::Accepted { sid },
        _ => doubt(format!("Twilio answered {status} without a message's SID")),
    }
}

fn doubt(message: String) -> Answer {
    Answer::Ambiguous {
        error: ProviderError {
            code: None,
            message,
            remedy: "nothing: it is being found out whether Twilio accepted the message".to_owned(),
        },
    }
}

fn refusal(status: u16, body: &Value) -> ProviderError {
    let words = body.get("message").and_then(Value::as_str);
    if let Some(code) = code(body) {
        return code.error(words);
    }
    let likely = match status {
        401 | 403 => Some(TwilioErrorCode(20_003)),
        404 => Some(TwilioErrorCode(20_404)),
        429 => Some(TwilioErrorCode::TOO_MANY_REQUESTS),
        _ => None,
    };
    let remedy = likely.map_or("look at https://status.twilio.com".into(), |code| {
        code.remedy()
    });
    ProviderError {
        code: None,
        message: format!("Twilio answered {status}"),
        remedy: remedy.into_owned(),
    }
}

fn code(body: &Value) -> Option<TwilioErrorCode> {
    let code = body.get("code")?.as_u64()?;
    u32::try_from(code).ok().map(TwilioErrorCode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn judged(status: u16, body: &Value) -> Answer {
        judge(status, body.to_string().as_bytes())
    }

    /// As Twilio's exceptions look.
    fn refused_with(status: u16, code: u32) -> Answer {
        let more_info = format!("https://www.twilio.com/docs/errors/{code}");
        judged(
            status,
            &json!({"code": code, "message": "…", "more_info": more_info, "status": status}),
        )
    }

    #[test]
    fn a_sid_means_accepted_whatever_the_status() {
        let sid = format!("SM{}", "0123456789abcdef".repeat(2));
        for initial in ["queued", "accepted", "scheduled", "failed"] {
            let body = json!({"sid": sid, "status": initial, "error_code": null});
            assert_eq!(
                judged(201, &body),
                Answer::Accepted {
                    sid: sid.parse().unwrap()
                }
            );
        }
    }

    #[test]
    fn success_without_a_sid_is_in_doubt() {
        let account = json!({"sid": format!("AC{}", "0".repeat(32))});
        for body in [
            json!({}),
            json!({"sid": 7}),
            json!({"sid": "SM1"}),
            account,
            Value::Null,
        ] {
            assert!(
                matches!(judged(201, &body), Answer::Ambiguous { .. }),
                "{body}"
            );
        }
        for cut in [&b""[..], b"{\"sid\":\"SM", b"<html>"] {
            assert!(matches!(judge(200, cut), Answer::Ambiguous { .. }));
        }
    }

    #[test]
    fn too_many_requests_may_be_tried_again() {
        let answer = judge(429, b"");
        let Answer::TryAgain { error } = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(error.message, "Twilio answered 429");
        assert!(error.remedy.contains("tried again"));
        for (status, code) in [(429, 63_038), (400, 20_429), (503, 20_429), (400, 21_611)] {
            assert!(
                matches!(refused_with(status, code), Answer::TryAgain { .. }),
                "{status}, {code}"
            );
        }
    }

    #[test]
    fn account_and_recipient_errors_are_final() {
        for code in [
            20_003, 20_404, 21_211, 21_212, 21_408, 21_603, 21_606, 21_608, 21_612, 21_614, 30_002,
            30_034, 12_345,
        ] {
            let answer = refused_with(400, code);
            let Answer::Refused { error } = answer else {
                panic!("{answer:?}")
            };
            assert_eq!(error.code, Some(code));
            assert_eq!(error.remedy, TwilioErrorCode(code).remedy());
        }
        for status in [301, 302, 307, 400, 401, 404, 418] {
            assert!(matches!(judge(status, b"<html>"), Answer::Refused { .. }));
        }
    }

    #[test]
    fn a_recipient_who_opted_out_is_told_apart() {
        assert!(matches!(refused_with(400, 21_610), Answer::OptedOut { .. }));
    }

    #[test]
    fn server_errors_are_in_doubt_whatever_they_say() {
        for (status, code) in [(500, 20_500), (503, 21_610), (504, 20_003), (502, 21_611)] {
            let answer = refused_with(status, code);
            let Answer::Ambiguous { error } = answer else {
                panic!("{answer:?}")
            };
            assert_eq!(error.message, format!("Twilio answered {status}"));
        }
    }

    #[test]
    fn without_a_code_the_status_tells_what_to_do() {
        let Answer::Refused { error } = judge(401, b"") else {
            panic!("refused")
        };
        assert_eq!(error.code, None);
        assert!(error.remedy.contains("auth token"));
    }

    #[test]
    fn of_a_head_alone_what_was_not_accepted_is_tried_again_and_the_rest_is_as_with_an_empty_body()
    {
        for status in [400, 401, 403, 404, 429] {
            let Answer::TryAgain { error } = judge_head(status) else {
                panic!("{status}")
            };
            assert_eq!(error.message, format!("Twilio answered {status}"));
        }
        for status in [200, 201, 301, 307, 500, 503, 504] {
            assert_eq!(judge_head(status), judge(status, b""), "{status}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_judged(status: u16, body: Vec<u8>) {
            let _ = judge(status, &body);
        }

        #[test]
        fn nothing_but_a_refusal_is_certain(
            status in 200..600_u16, code in prop::sample::select(vec![None, Some(20_003), Some(20_429), Some(21_610)]),
        ) {
            let answer = judged(status, &json!({"code": code, "message": "…"}));
            let refused = (300..500).contains(&status) || status >= 500 && code == Some(20_429);
            prop_assert_eq!(matches!(answer, Answer::Ambiguous { .. }), !refused);
        }
    }
}
