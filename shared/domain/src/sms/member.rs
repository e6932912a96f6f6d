//! Members of a workspace, and who of them gets an alert.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::phone::PhoneNumber;
use crate::catalogue::AlertType;
use crate::ids::{DeliveryId, UserId, WorkspaceId};

/// A member with what SMS needs of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Who it is upstream.
    pub id: UserId,
    /// For people: what the history calls them.
    pub name: String,
    /// Where their messages go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// What they want to be told by SMS.
    #[serde(default)]
    pub preferences: Preferences,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// The alert types that a member has switched on; none by default, because each message costs money.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Preferences(pub BTreeSet<AlertType>);

impl Preferences {
    /// Whether alerts of this type are wanted.
    #[must_use]
    pub fn wants(&self, alert_type: AlertType) -> bool {
        self.0.contains(&alert_type)
    }
}

/// Why somebody who was named in an alert gets no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotSent {
    /// The workspace has no provider.
    NoProvider,
    /// They have no phone here, or are no member.
    NoPhone,
    /// Their preferences do not switch this type of alert on.
    SwitchedOff,
    /// They told the sender to stop.
    OptedOut,
}

impl NotSent {
    /// All reasons.
    pub const ALL: [NotSent; 4] = [
        NotSent::NoProvider,
        NotSent::NoPhone,
        NotSent::SwitchedOff,
        NotSent::OptedOut,
    ];

    /// The reason as the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            NotSent::NoProvider => "no_provider",
            NotSent::NoPhone => "no_phone",
            NotSent::SwitchedOff => "switched_off",
            NotSent::OptedOut => "opted_out",
        }
    }
}

/// What was decided for one recipient of an alert, once and for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// A message goes out, as this delivery.
    Send(DeliveryId),
    /// None does.
    NotSent(NotSent),
}

/// The phone that an alert of this type goes to, or why it goes to none. That somebody has opted out counts with the
/// sender, and is asked for elsewhere.
///
/// # Errors
/// The reason that nothing is sent: of several, the one that stands first in [`NotSent`].
pub fn destination(
    member: Option<&Member>,
    alert_type: AlertType,
) -> Result<&PhoneNumber, NotSent> {
    let member = member.ok_or(NotSent::NoPhone)?;
    let phone = member.phone.as_ref().ok_or(NotSent::NoPhone)?;
    if member.preferences.wants(alert_type) {
        Ok(phone)
    } else {
        Err(NotSent::SwitchedOff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(phone: Option<&str>, on: &[AlertType]) -> Member {
        Member {
            workspace: "ws".parse().unwrap(),
            id: "u".parse().unwrap(),
            name: "U".to_owned(),
            phone: phone.map(|text| text.parse().unwrap()),
            preferences: Preferences(on.iter().copied().collect()),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_alert_goes_to_a_phone_whose_owner_switched_its_type_on() {
        fn to(member: Option<&Member>) -> Result<&str, NotSent> {
            destination(member, AlertType::PriorityChanged).map(PhoneNumber::as_str)
        }
        let phone = Some("+14155551234");
        assert_eq!(to(None), Err(NotSent::NoPhone));
        assert_eq!(
            to(Some(&member(None, &[AlertType::PriorityChanged]))),
            Err(NotSent::NoPhone)
        );
        assert_eq!(to(Some(&member(phone, &[]))), Err(NotSent::SwitchedOff));
        assert_eq!(
            to(Some(&member(phone, &[AlertType::Mentioned]))),
            Err(NotSent::SwitchedOff)
        );
        assert_eq!(
            to(Some(&member(phone, &[AlertType::PriorityChanged]))),
            Ok("+14155551234")
        );
    }
}
