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
/// The filters, each with the comparison of a message's time to the given one that it lets through. Where a query
/// says `DateSent>=2026-03-29`, the name ends with the sign before the `=`.
const DATE_FILTERS: [(&str, fn(Ordering) -> bool); 3] = [
    ("DateSent", Ordering::is_eq),
    ("DateSent<", Ordering::is_le),
    ("DateSent>", Ordering::is_ge),
];

/// What a list call asks for.
pub(super) struct ListCall<'a> {
    account: &'a str,
    to: Option<&'a str>,
    from: Option<&'a str>,
    dates: Vec<(&'static str, Moment, fn(Ordering) -> bool)>,
    page_size: usize,
    page: usize,
    /// The SID of the last message of the page before.
    after: Option<&'a str>,
    /// Messages accepted later do not show yet.
    accepted_until: Timestamp,
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
        let resources: Vec<_> = page.iter().map(|message| message.resource()).collect();
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
            && self.to.is_none_or(|to| to == message.to)
            && self.from.is_none_or(|from| message.from.as_deref() == Some(from))
            && self.dates.iter().all(|(_, moment, lets_through)| lets_through(moment.order(sent)))
    }

    fn uri(&self, page: usize, after: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in [("To", self.to), ("From", self.from)] {
            query.extend_pairs(value.map(|value| (name, value)));
        }
        query.extend_pairs(self.dates.iter().map(|(name, moment, _)| (name, moment.text())));
        query.append_pair("PageSize", &self.page_size.to_string());
        query.append_pair("Page", &page.to_string());
        query.extend_pairs(after.map(|sid| ("PageToken", format!("PA{sid}"))));
        let (account, query) = (self.account, query.finish());
        format!("/2010-04-01/Accounts/{account}/Messages.json?{query}")
    }
}

/// A day (UTC) or an instant.
#[derive(Clone, Copy)]
enum Moment {
    Day(Date),
    Instant(Timestamp),
}

impl Moment {
    fn parse(text: &str) -> Option<Self> {
        let day = text.parse().map(Self::Day);
        day.or_else(|_| text.parse().map(Self::Instant)).ok()
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

type DateFilter = (&'static str, Moment, fn(Ordering) -> bool);

fn date_filters(query: &Form) -> Result<Vec<DateFilter>, Refusal> {
    let filter = |(name, lets_through)| {
        let text = query.get(name)?;
        let moment = Moment::parse(text).ok_or(Refusal::InvalidParameter("DateSent"));
        Some(moment.map(|moment| (name, moment, lets_through)))
    };
    DATE_FILTERS.into_iter().filter_map(filter).collect()
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
