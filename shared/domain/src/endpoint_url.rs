//! The URL of a customer's endpoint, and the rules it must keep.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};
use url::{Host, Url};

use crate::address::{self, NotPublic};

/// The most characters a URL may have, as written and as normalised.
pub const MAX_URL_CHARACTERS: usize = 2_048;

/// What a deployment allows beyond public `https` URLs. The default, for the cloud, allows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UrlRules {
    /// `http` besides `https`.
    pub allow_plain_http: bool,
    /// Addresses and names of private networks, loopback included.
    pub allow_private_networks: bool,
}

/// The rule that a URL breaks, worded for the customer who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Over [`MAX_URL_CHARACTERS`].
    #[error(
        "must have at most 2,048 characters, those that need percent-encoding counted as encoded"
    )]
    TooLong,
    /// Not a URL, or without its scheme.
    #[error("must be a complete URL such as https://example.com/hooks ({0})")]
    Malformed(url::ParseError),
    /// Neither `https` nor, where that is allowed, `http`.
    #[error("must start with https://{}", if *plain_http_allowed { " or http://" } else { "; plain http and other schemes are not accepted" })]
    Scheme {
        /// Whether `http` would have done.
        plain_http_allowed: bool,
    },
    /// `https://user:password@…`.
    #[error(
        "must not contain a user name or password; put a token into the query, or verify the signature instead"
    )]
    UserInfo,
    /// `…#fragment`, which is never sent.
    #[error("must not have a fragment; remove everything from # on")]
    Fragment,
    /// `:0`, which nothing can listen on.
    #[error(
        "must not name port 0; leave the port out or give the one that the endpoint listens on"
    )]
    PortZero,
    /// Characters or empty labels that no host's name has: it could not resolve, or not be written into a request.
    #[error(
        "must name its host with letters, digits, hyphens and single dots, such as hooks.example.com"
    )]
    HostName,
    /// A name that is local by definition.
    #[error("must name a public host, with its full domain name such as hooks.example.com")]
    LocalName,
    /// An address that is not of the public internet.
    #[error("must name a public host; this is {0}")]
    NotPublic(NotPublic),
}

/// A URL that kept its deployment's [`UrlRules`] when it was parsed, normalised as browsers do (WHATWG).
///
/// Stored and shown as a string. There is no `Deserialize`: what comes from the table or the API goes through
/// [`EndpointUrl::parse`] again, because the rules may have changed since. The query may hold a token, so `Debug`
/// hides it, and logs get [`EndpointUrl::origin_for_logs`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EndpointUrl(Url);

impl EndpointUrl {
    /// Parses a URL and holds it to the rules. Decimal, octal, hexadecimal and short forms of an IPv4 address, and
    /// full-width or encoded spellings of any host, are recognised for what they are.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn parse(text: &str, rules: UrlRules) -> Result<Self, UrlError> {
        // Bytes bound characters from above: nothing is counted or parsed that is hopelessly long.
        if text.len() > 4 * MAX_URL_CHARACTERS || text.chars().count() > MAX_URL_CHARACTERS {
            return Err(UrlError::TooLong);
        }
        let url = Self(Url::parse(text).map_err(UrlError::Malformed)?);
        url.keeps(rules)?;
        Ok(url)
    }

    /// Holds a URL that was parsed under other rules to these.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn keeps(&self, rules: UrlRules) -> Result<(), UrlError> {
        let url = &self.0;
        let plain_http_allowed = rules.allow_plain_http;
        match url.scheme() {
            "https" => {}
            "http" if plain_http_allowed => {}
            _ => return Err(UrlError::Scheme { plain_http_allowed }),
        }
        if url.as_str().len() > MAX_URL_CHARACTERS {
            return Err(UrlError::TooLong);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(UrlError::Fragment);
        }
        if url.port() == Some(0) {
            return Err(UrlError::PortZero);
        }
        if self.literal_address().is_none() && !is_host_name(self.host()) {
            return Err(UrlError::HostName);
        }
        if rules.allow_private_networks {
            Ok(())
        } else {
            self.has_public_host()
        }
    }

    fn has_public_host(&self) -> Result<(), UrlError> {
        if let Some(ip) = self.literal_address() {
            return address::vet(ip).map_err(UrlError::NotPublic);
        }
        if is_local_name(self.host()) {
            Err(UrlError::LocalName)
        } else {
            Ok(())
        }
    }

    /// The host's address where the URL gives one instead of a name; such a host never meets a resolver.
    #[must_use]
    pub fn literal_address(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => Some(ip.into()),
            Host::Ipv6(ip) => Some(ip.into()),
        }
    }

    /// The host in lower case; international names in their ASCII form, IPv6 addresses in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The whole URL, its query included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The URL in the form that HTTP clients take.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The URL as people may see it: the query, which may hold a token, is hidden: `https://gw.example.com/send?***`.
    #[must_use]
    pub fn masked(&self) -> String {
        match self.as_str().split_once('?') {
            Some((before_query, _)) => format!("{before_query}?***"),
            None => self.as_str().to_owned(),
        }
    }

    /// Scheme, host and port: what a log line may say of a URL whose path and query may hold a token.
    #[must_use]
    pub fn origin_for_logs(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

/// Labels of letters, digits and hyphens (RFC 952, RFC 1123 §2.1; international names are in their ASCII form by now),
/// none of them empty (RFC 1035 §3.1), and underscores, which hosts have in practice. The parser lets more pass.
fn is_host_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.split('.')
        .all(|label| !label.is_empty() && label.bytes().all(allowed))
}

/// Names that never leave a host or a network: `localhost` (RFC 6761 §6.3), `.local` (RFC 6762), `.home.arpa`
/// (RFC 8375), `.internal` (ICANN's reservation of 2024), and names of one label, which resolvers complete with
/// their own search list.
fn is_local_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let local_domains = [
        ".localhost",
        ".localdomain",
        ".local",
        ".internal",
        ".home.arpa",
    ];
    !name.contains('.')
        || name == "home.arpa"
        || local_domains.iter().any(|domain| name.ends_with(domain))
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for EndpointUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
