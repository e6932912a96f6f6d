//! An account's messages, page by page.
//! Sources: [Read multiple Messages](https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources),
//! [paging](https://www.twilio.com/docs/usage/twilios-response#response-formats-list-paging-information).

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::form::Form;
use super::message::{AcceptedMessage, Status};
use super::messages::Messages;
use super::refusal::Refusal;

const DEFAULT_PAGE_SIZE: usize = 50;
const MAX_PAGE_SIZE: usize = 1000;
/// What a list call asks for.
pub(super) struct ListCall<'a> {
    account: &'a str,
    to: Option<&'a str>,
    from: Option<&'a str>,
    dates: Vec<DateFilter>,
    page_size: usize,
    page: usize,
    /// The SID of the last message of the page before.
    after: Option<&'a str>,
    /// Messages accepted later do not show yet.
    accepted_until: Timestamp,
    /// Phones are masked.
    pub(super) redacts: bool,
}

impl<'a> ListCall<'a> {
    pub(super) fn read(
        account: &'a str,
        query: &'a Form,
        accepted_until: Timestamp,
    ) -> Result<Self, Refusal> {
        let page = number(query, "Page")?.unwrap_or(0);
        let after = query.get("PageToken").map(token).transpose()?;
        // Numbered pages without a token are gone since Twilio's list calls page by cursor.
        if page > 0 && after.is_none() {
            return Err(Refusal::InvalidParameter("Page"));
        }
        Ok(Self {
            account,
            to: query.get("To"),
            from: query.get("From"),
            dates: date_filters(query)?,
            page_size: page_size(query)?,
            page,
            after,
            accepted_until,
            redacts: false,
        })
    }

    /// The page, newest message first.
    pub(super) fn answer(&self, messages: &Messages) -> Result<Value, Refusal> {
        let mut found = messages.newest_first(self.account);
        if let Some(after) = self.after
            && !found.any(|message| message.sid == after)
        {
            return Err(Refusal::InvalidParameter("PageToken"));
        }
        let mut found = found.filter(|message| self.wants(message));
        let page: Vec<_> = found.by_ref().take(self.page_size).collect();
        let next = page.last().filter(|_| found.next().is_some());
        let next = next.map(|last| self.uri(self.page + 1, Some(&last.sid)));
        let resources: Vec<_> = page
            .iter()
            .map(|message| message.shown(self.redacts))
            .collect();
        let start = self.page * self.page_size;
        Ok(json!({
            "end": start + page.len().saturating_sub(1),
            "first_page_uri": self.uri(0, None),
            "messages": resources,
            "next_page_uri": next,
            "page": self.page,
            "page_size": self.page_size,
            "previous_page_uri": null,
            "start": start,
            "uri": self.uri(self.page, self.after),
        }))
    }

    fn wants(&self, message: &AcceptedMessage) -> bool {
        let sent = message.since(Status::Sent).unwrap_or(message.created);
        message.created <= self.accepted_until
            && self
                .to
                .is_none_or(|to| to == message.to_shown(self.redacts))
            && self
                .from
                .is_none_or(|from| message.from.as_deref() == Some(from))
            && self.dates.iter().all(|filter| filter.lets_through(sent))
    }

    fn uri(&self, page: usize, after: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in [("To", self.to), ("From", self.from)] {
            query.extend_pairs(value.map(|value| (name, value)));
        }
        let dates = self.dates.iter();
        query.extend_pairs(dates.map(|date| (date.side.parameter(), date.moment.text())));
        query.append_pair("PageSize", &self.page_size.to_string());
        query.append_pair("Page", &page.to_string());
        query.extend_pairs(after.map(|sid| ("PageToken", format!("PA{sid}"))));
        let (account, query) = (self.account, query.finish());
        format!("/2010-04-01/Accounts/{account}/Messages.json?{query}")
    }
}

/// A filter by the time when a message was sent.
struct DateFilter {
    side: Side,
    moment: Moment,
}

/// Which side of a moment, the moment included.
#[derive(Clone, Copy)]
enum Side {
    At,
    Before,
    After,
}

/// A day (UTC) or an instant.
#[derive(Clone, Copy)]
enum Moment {
    Day(Date),
    Instant(Timestamp),
}

impl DateFilter {
    fn read(query: &Form, side: Side) -> Option<Result<Self, Refusal>> {
        let moment = Moment::parse(query.get(side.parameter())?);
        let filter = moment.map(|moment| Self { side, moment });
        Some(filter.ok_or(Refusal::InvalidParameter("DateSent")))
    }

    fn lets_through(&self, sent: Timestamp) -> bool {
        let order = self.moment.order(sent);
        match self.side {
            Side::At => order.is_eq(),
            Side::Before => order.is_le(),
            Side::After => order.is_ge(),
        }
    }
}

impl Side {
    /// Where a query says `DateSent>=2026-03-29`, the name ends with the sign before the `=`.
    fn parameter(self) -> &'static str {
        match self {
            Self::At => "DateSent",
            Self::Before => "DateSent<",
            Self::After => "DateSent>",
        }
    }
}

impl Moment {
    fn parse(text: &str) -> Option<Self> {
        // In this order: an instant's text begins with a day's.
        let instant = text.parse().map(Self::Instant);
        instant.or_else(|_| text.parse().map(Self::Day)).ok()
    }

    /// How that time compares to this moment.
    fn order(self, at: Timestamp) -> Ordering {
        match self {
            Self::Day(day) => at.to_zoned(TimeZone::UTC).date().cmp(&day),
            Self::Instant(instant) => at.cmp(&instant),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Day(day) => day.to_string(),
            Self::Instant(instant) => instant.to_string(),
        }
    }
}

fn date_filters(query: &Form) -> Result<Vec<DateFilter>, Refusal> {
    let sides = [Side::At, Side::Before, Side::After];
    let filters = sides.into_iter();
    filters
        .filter_map(|side| DateFilter::read(query, side))
        .collect()
}

fn page_size(query: &Form) -> Result<usize, Refusal> {
    match number(query, "PageSize")?.unwrap_or(DEFAULT_PAGE_SIZE) {
        0 => Err(Refusal::InvalidParameter("PageSize")),
        size if size > MAX_PAGE_SIZE => Err(Refusal::PageSizeTooLarge),
        size => Ok(size),
    }
}

fn number(query: &Form, name: &'static str) -> Result<Option<usize>, Refusal> {
    let number = query.get(name).map(str::parse::<u32>).transpose();
    let number = number.map_err(|_| Refusal::InvalidParameter(name))?;
    Ok(number.map(|number| number as usize))
}

fn token(text: &str) -> Result<&str, Refusal> {
    text.strip_prefix("PA")
        .ok_or(Refusal::InvalidParameter("PageToken"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::message::StatusChange;
    use super::*;

    const ACCOUNT: &str = "AC1";

    fn message(number: usize, to: &str) -> AcceptedMessage {
        let created = Timestamp::UNIX_EPOCH;
        AcceptedMessage {
            sid: format!("SM{number}"),
            account: ACCOUNT.into(),
            to: to.into(),
            from: Some("+2".into()),
            messaging_service: None,
            body: String::new(),
            status_callback: None,
            history: vec![StatusChange {
                status: Status::Queued,
                at: created,
            }],
            error_code: None,
            created,
        }
    }

    fn page(messages: &Messages, query: &str) -> Value {
        let query = Form::parse(query.as_bytes());
        let call = ListCall::read(ACCOUNT, &query, Timestamp::MAX).unwrap();
        call.answer(messages).unwrap()
    }

    proptest! {
        #[test]
        fn the_pages_together_are_the_list(
            recipients in proptest::collection::vec(prop_oneof![Just("+1"), Just("+3")], 0..30),
            page_size in 1_usize..12,
        ) {
            let mut messages = Messages::default();
            for (number, to) in recipients.iter().enumerate() {
                messages.keep(message(number, to));
            }
            let expected = recipients.iter().enumerate().rev().filter(|(_, to)| **to == "+1");
            let expected: Vec<_> = expected.map(|(number, _)| format!("SM{number}")).collect();

            let (mut seen, mut pages) = (Vec::new(), 0);
            let mut query = format!("To=%2B1&PageSize={page_size}");
            loop {
                let page = page(&messages, &query);
                let sids = page["messages"].as_array().unwrap().iter();
                seen.extend(sids.map(|message| message["sid"].as_str().unwrap().to_owned()));
                pages += 1;
                let Some(next) = page["next_page_uri"].as_str() else { break };
                query = next.split_once('?').unwrap().1.to_owned();
            }
            prop_assert_eq!(&seen, &expected);
            prop_assert_eq!(pages, expected.len().div_ceil(page_size).max(1));
        }
    }
}
