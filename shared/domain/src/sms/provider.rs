//! Who carries a workspace's messages.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::segments::MaxSegments;
use super::sender::TwilioSender;
use crate::secret::SealedSecret;
use crate::twilio::sids::{AccountSid, ApiKeySid};

/// How long the auth token of a provider that was replaced stays good for receipts, and for finding out what became of
/// its last sends.
pub const RETIRED_TOKEN_LIFETIME: Duration = Duration::from_secs(72 * 60 * 60);

/// Retired tokens that are kept at most, the newest: whoever changes tokens in a loop must not outgrow the item.
const MOST_RETIRED: usize = 100;

/// A workspace's provider and what is still known of those before it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProviderConfig {
    /// Who carries messages now.
    pub current: Option<Provider>,
    /// The auth tokens of accounts and tokens that were replaced, newest first.
    #[serde(default)]
    pub retired: Vec<RetiredToken>,
}

/// Who carries messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// The carrier with what it needs.
    pub carrier: Carrier,
    /// The most segments that a message may have.
    pub max_segments: MaxSegments,
    /// When the workspace first had a provider configured without a break.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A carrier with what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// Twilio.
    Twilio(TwilioAccount),
    /// An HTTP gateway.
    Http(Gateway),
}

/// Which carrier, without its particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CarrierKind {
    /// Twilio.
    Twilio,
    /// An HTTP gateway.
    Http,
}

/// An account with Twilio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwilioAccount {
    /// The account.
    pub account: AccountSid,
    /// What messages are sent from.
    pub sender: TwilioSender,
    /// The account's auth token.
    pub auth_token: SealedSecret,
    /// An API key that signs in for sending, in place of the auth token.
    pub api_key: Option<SealedApiKey>,
}

/// An API key of Twilio's as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedApiKey {
    /// The key.
    pub sid: ApiKeySid,
    /// Its secret.
    pub secret: SealedSecret,
}

/// An HTTP gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateway {
    /// Its URL, whole: the query may carry a token.
    pub url: SealedSecret,
    /// The URL as people may see it: the query masked.
    pub shown_url: String,
    /// Whether it honours our `Idempotency-Key`, so that a send without an answer may be repeated.
    pub idempotent: bool,
    /// Signs the requests, where set.
    pub signing_secret: Option<SealedSecret>,
}

/// An auth token that is no longer used for sending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredToken {
    /// The account.
    pub account: AccountSid,
    /// The token.
    pub auth_token: SealedSecret,
    /// Good before this time.
    pub until: Timestamp,
}

impl Carrier {
    /// Which carrier it is.
    #[must_use]
    pub fn kind(&self) -> CarrierKind {
        match self {
            Carrier::Twilio(_) => CarrierKind::Twilio,
            Carrier::Http(_) => CarrierKind::Http,
        }
    }

    /// The sender that recipients can tell to stop; gateways have none that we would hear of.
    #[must_use]
    pub fn opt_out_sender(&self) -> Option<&str> {
        match self {
            Carrier::Twilio(twilio) => Some(twilio.sender.as_str()),
            Carrier::Http(_) => None,
        }
    }

    /// What the history shows as the sender: the number, the messaging service or the gateway's masked URL.
    #[must_use]
    pub fn sender(&self) -> &str {
        match self {
            Carrier::Twilio(twilio) => twilio.sender.as_str(),
            Carrier::Http(gateway) => &gateway.shown_url,
        }
    }
}

impl CarrierKind {
    /// The carrier as the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            CarrierKind::Twilio => "twilio",
            CarrierKind::Http => "http",
        }
    }
}

impl ProviderConfig {
    /// Puts another provider (or none) in place of the current one at `now`. A token that is given up stays good for
    /// [`RETIRED_TOKEN_LIFETIME`].
    pub fn replace(&mut self, with: Option<Provider>, now: Timestamp) {
        self.retired.retain(|retired| now < retired.until);
        let old = std::mem::replace(&mut self.current, with);
        let Some(Carrier::Twilio(old)) = old.map(|provider| provider.carrier) else {
            return;
        };
        let still_used = matches!(&self.current, Some(Provider { carrier: Carrier::Twilio(new), .. })
            if new.account == old.account && new.auth_token == old.auth_token);
        if !still_used {
            let until = now + RETIRED_TOKEN_LIFETIME;
            let TwilioAccount {
                account,
                auth_token,
                ..
            } = old;
            self.retired.insert(
                0,
                RetiredToken {
                    account,
                    auth_token,
                    until,
                },
            );
            self.retired.truncate(MOST_RETIRED);
        }
    }

    /// The auth tokens of this account that are good at `now`, the current one first.
    pub fn auth_tokens<'a>(
        &'a self,
        account: &'a AccountSid,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a SealedSecret> + 'a {
        let current = match &self.current {
            Some(Provider {
                carrier: Carrier::Twilio(twilio),
                ..
            }) if twilio.account == *account => Some(&twilio.auth_token),
            _ => None,
        };
        let retired = self
            .retired
            .iter()
            .filter(move |retired| retired.account == *account && now < retired.until)
            .map(|retired| &retired.auth_token);
        current.into_iter().chain(retired)
    }

    /// The Twilio accounts whose receipts may still come at `now`, each once.
    #[must_use]
    pub fn accounts(&self, now: Timestamp) -> Vec<&AccountSid> {
        let retired = self
            .retired
            .iter()
            .filter(|retired| now < retired.until)
            .map(|retired| &retired.account);
        let mut accounts: Vec<_> = self.current_account().into_iter().chain(retired).collect();
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    }

    /// The Twilio account that messages are sent through now, if they are.
    #[must_use]
    pub fn current_account(&self) -> Option<&AccountSid> {
        match &self.current {
            Some(Provider {
                carrier: Carrier::Twilio(twilio),
                ..
            }) => Some(&twilio.account),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap()
    }

    fn account(letter: char) -> AccountSid {
        format!("AC{}", letter.to_string().repeat(32))
            .parse()
            .unwrap()
    }

    fn sealed(text: &str) -> SealedSecret {
        SealedSecret {
            ciphertext: text.as_bytes().to_vec(),
            hint: None,
        }
    }

    fn twilio(letter: char, token: &str) -> Provider {
        Provider {
            carrier: Carrier::Twilio(TwilioAccount {
                account: account(letter),
                sender: TwilioSender::Number("+14155550100".parse().unwrap()),
                auth_token: sealed(token),
                api_key: None,
            }),
            max_segments: MaxSegments::default(),
            created_at: at(0),
            updated_at: at(0),
        }
    }

    fn tokens(config: &ProviderConfig, letter: char, now: Timestamp) -> Vec<String> {
        config
            .auth_tokens(&account(letter), now)
            .map(|sealed| String::from_utf8(sealed.ciphertext.clone()).unwrap())
            .collect()
    }

    #[test]
    fn a_replaced_token_stays_good_for_receipts_for_72_hours() {
        let mut config = ProviderConfig::default();
        config.replace(Some(twilio('a', "one")), at(0));
        assert_eq!(tokens(&config, 'a', at(0)), ["one"]);
        config.replace(Some(twilio('a', "two")), at(1));
        assert_eq!(tokens(&config, 'a', at(72)), ["two", "one"]);
        assert_eq!(tokens(&config, 'a', at(73)), ["two"]);
        config.replace(None, at(2));
        assert_eq!(tokens(&config, 'a', at(3)), ["two", "one"]);
        assert_eq!(tokens(&config, 'b', at(3)), Vec::<String>::new());
        assert_eq!(config.accounts(at(3)), [&account('a')]);
        assert!(config.accounts(at(74)).is_empty());
    }

    #[test]
    fn an_edit_that_keeps_the_token_retires_nothing() {
        let mut config = ProviderConfig::default();
        config.replace(Some(twilio('a', "one")), at(0));
        config.replace(Some(twilio('a', "one")), at(1));
        assert!(config.retired.is_empty());
    }
}
