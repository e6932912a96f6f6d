//! The items' keys.

use domain::channel::Channel;
use domain::delivery::DeliveryKey;
use domain::ids::{DeliveryId, DueShard, EventId, KeyId, LogShard, UserId, WebhookId, WorkspaceId};
use domain::sms::delivery::SmsKey;
use domain::sms::phone::PhoneNumber;
use domain::twilio::sids::{AccountSid, MessageSid};
use domain::waiting::Waiting;
use jiff::civil::Date;

use super::allowances::Tester;
use super::turns::TurnOf;

/// `pk` and `sk` of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

/// The partition of a workspace's configuration.
pub(crate) fn workspace(workspace: &WorkspaceId) -> String {
    format!("WORKSPACE#{workspace}")
}

/// What the sort keys of a workspace's webhooks start with.
pub(crate) const WEBHOOK_PREFIX: &str = "WEBHOOK#";

/// What the sort keys of a workspace's API keys start with.
pub(crate) const API_KEY_PREFIX: &str = "KEY#";

pub(crate) fn webhook(workspace_id: &WorkspaceId, id: &WebhookId) -> Key {
    Key {
        pk: workspace(workspace_id),
        sk: format!("{WEBHOOK_PREFIX}{id}"),
    }
}

/// The item whose revision is the version of the workspace's configuration.
pub(crate) fn version(workspace_id: &WorkspaceId) -> Key {
    Key {
        pk: workspace(workspace_id),
        sk: "VERSION".to_owned(),
    }
}

/// An API key as its workspace lists it.
pub(crate) fn api_key(workspace_id: &WorkspaceId, id: &KeyId) -> Key {
    Key {
        pk: workspace(workspace_id),
        sk: format!("{API_KEY_PREFIX}{id}"),
    }
}

/// An API key as a request finds it.
pub(crate) fn api_key_hash(hash: &str) -> Key {
    Key {
        pk: format!("KEYHASH#{hash}"),
        sk: "KEY".to_owned(),
    }
}

/// What the sort keys of a workspace's members start with.
pub(crate) const MEMBER_PREFIX: &str = "MEMBER#";

pub(crate) fn member(workspace_id: &WorkspaceId, user: &UserId) -> Key {
    Key {
        pk: workspace(workspace_id),
        sk: format!("{MEMBER_PREFIX}{user}"),
    }
}

/// A workspace's SMS provider, and what is still known of those before it.
pub(crate) fn provider(workspace_id: &WorkspaceId) -> Key {
    Key {
        pk: workspace(workspace_id),
        sk: "PROVIDER".to_owned(),
    }
}

/// What the sort keys of a workspace's opt-outs of one phone start with.
pub(crate) fn opt_outs_of(phone: &PhoneNumber) -> String {
    format!("OPTOUT#{}#", phone.as_str())
}

/// That a phone's owner told a sender to stop.
pub(crate) fn opt_out(workspace_id: &WorkspaceId, phone: &PhoneNumber, sender: &str) -> Key {
    Key {
        pk: workspace(workspace_id),
        sk: format!("{}{sender}", opt_outs_of(phone)),
    }
}

/// The partition of the workspaces that use a Twilio account.
pub(crate) fn account(account: &AccountSid) -> String {
    format!("ACCOUNT#{account}")
}

/// That a workspace uses a Twilio account, or did until lately.
pub(crate) fn account_workspace(account_sid: &AccountSid, workspace: &WorkspaceId) -> Key {
    Key {
        pk: account(account_sid),
        sk: workspace.to_string(),
    }
}

/// What was decided for each recipient of an event's alert.
pub(crate) fn decisions(workspace: &WorkspaceId, event: &EventId) -> Key {
    Key {
        pk: format!("ALERT#{workspace}#{event}"),
        sk: "DECISIONS".to_owned(),
    }
}

const SMS_PREFIX: &str = "SMS#";

/// One of the partitions of a workspace's SMS history.
pub(crate) fn sms_history(workspace: &WorkspaceId, shard: LogShard) -> String {
    format!("{SMS_PREFIX}{workspace}#{}", shard.number())
}

pub(crate) fn sms(key: &SmsKey) -> Key {
    Key {
        pk: sms_history(&key.workspace, key.id.shard()),
        sk: key.id.to_string(),
    }
}

/// Who has the say over a text from one sender to one phone while it is not known whether it was sent.
pub(crate) fn text_in_flight(digest: &str) -> Key {
    Key {
        pk: format!("TEXT#{digest}"),
        sk: "HOLDER".to_owned(),
    }
}

/// The partition of what is known of one of the provider's messages.
pub(crate) fn message(message_id: &str) -> String {
    format!("MESSAGE#{message_id}")
}

/// Which delivery one of the provider's messages belongs to.
pub(crate) fn message_owner(message_id: &str) -> Key {
    Key {
        pk: message(message_id),
        sk: "OWNER".to_owned(),
    }
}

/// What the sort keys of receipts start with that came before it was known whose message they tell of.
pub(crate) const EARLY_RECEIPT_PREFIX: &str = "RECEIPT#";

/// That what a recipient texted was applied to a workspace. Each has its own: a message counts for those whose token signed
/// it, and another one that claims the same account must not be able to spend it for them.
pub(crate) fn inbound(message_sid: &MessageSid, workspace: &WorkspaceId) -> Key {
    Key {
        pk: message(message_sid.as_str()),
        sk: format!("INBOUND#{workspace}"),
    }
}

/// One of the partitions of a workspace's SMS counters.
pub(crate) fn sms_counters(workspace: &WorkspaceId, shard: LogShard) -> String {
    format!("SMSCOUNT#{workspace}#{}", shard.number())
}

const LOG_PREFIX: &str = "LOG#";

/// One of the partitions of a webhook's log: a partition takes 1,000 write units a second, a webhook may need more.
pub(crate) fn log(webhook: &WebhookId, shard: LogShard) -> String {
    format!("{LOG_PREFIX}{webhook}#{}", shard.number())
}

pub(crate) fn delivery(webhook: &WebhookId, id: &DeliveryId) -> Key {
    Key {
        pk: log(webhook, id.shard()),
        sk: id.to_string(),
    }
}

pub(crate) fn delivery_key(key: &DeliveryKey) -> Key {
    delivery(&key.webhook, &key.id)
}

/// The partition of somebody's turns.
pub(crate) fn turns(whose: TurnOf<'_>) -> String {
    match whose {
        TurnOf::Endpoint(webhook) => format!("TURN#{webhook}"),
        TurnOf::Workspace(workspace) => format!("TURN#WORKSPACE#{workspace}"),
    }
}

/// One of the turns.
pub(crate) fn turn(whose: TurnOf<'_>, number: usize) -> Key {
    Key {
        pk: turns(whose),
        sk: format!("{number:04}"),
    }
}

/// What a tester has used of the SMS tests.
pub(crate) fn sms_tests(workspace: &WorkspaceId, tester: Tester<'_>) -> Key {
    Key {
        pk: format!("SMSTEST#{workspace}"),
        sk: match tester {
            Tester::Administrators => "ADMINISTRATORS".to_owned(),
            Tester::Member(user) => format!("{MEMBER_PREFIX}{user}"),
        },
    }
}

/// The partition of a webhook's roll-ups.
pub(crate) fn roll_ups(webhook: &WebhookId) -> String {
    format!("ROLLUP#{webhook}")
}

/// What was counted of a day of a webhook's log, hour by hour.
pub(crate) fn roll_up(webhook: &WebhookId, date: Date) -> Key {
    Key {
        pk: roll_ups(webhook),
        sk: date.to_string(),
    }
}

/// Which of the deliveries of a webhook that have not succeeded; the key of the `unsettled` index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsettled {
    /// Another attempt is to be made.
    Pending,
    /// Nothing more will be tried unless somebody asks.
    Failed,
}

pub(crate) fn unsettled(webhook: &WebhookId, which: Unsettled, shard: LogShard) -> String {
    let which = match which {
        Unsettled::Pending => "pending",
        Unsettled::Failed => "failed",
    };
    format!("{webhook}#{which}#{}", shard.number())
}

const PARKED_PREFIX: &str = "PARKED#";
const FOR_RECEIPT_PREFIX: &str = "RECEIPT#";

/// A partition of the `due` index: 32 of them for each channel and each [`Waiting`].
pub(crate) fn due_shard(channel: Channel, waiting: Waiting, shard: DueShard) -> String {
    let prefix = match waiting {
        Waiting::WithMessage => "",
        Waiting::Parked => PARKED_PREFIX,
        Waiting::ForReceipt => FOR_RECEIPT_PREFIX,
    };
    format!("{prefix}{}#{shard}", channel.as_str().to_ascii_uppercase())
}

/// What those in a partition of the `due` index wait for.
pub(crate) fn waiting_of(due_shard: &str) -> Waiting {
    if due_shard.starts_with(PARKED_PREFIX) {
        Waiting::Parked
    } else if due_shard.starts_with(FOR_RECEIPT_PREFIX) {
        Waiting::ForReceipt
    } else {
        Waiting::WithMessage
    }
}

/// The webhook of a delivery whose item has this partition key.
pub(crate) fn webhook_of_log(pk: &str) -> Option<WebhookId> {
    within(pk, LOG_PREFIX)?.parse().ok()
}

/// The workspace of an SMS delivery whose item has this partition key.
pub(crate) fn workspace_of_sms_history(pk: &str) -> Option<WorkspaceId> {
    within(pk, SMS_PREFIX)?.parse().ok()
}

/// What stands between the prefix and the shard.
fn within<'a>(pk: &'a str, prefix: &str) -> Option<&'a str> {
    let (name, _shard) = pk.strip_prefix(prefix)?.rsplit_once('#')?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use domain::ids::LogShard;

    use super::*;

    #[test]
    fn a_partition_of_the_index_tells_what_is_waited_for() {
        for waiting in Waiting::ALL {
            for (channel, shard) in Channel::ALL.into_iter().zip(DueShard::all()) {
                assert_eq!(waiting_of(&due_shard(channel, waiting, shard)), waiting);
            }
        }
    }

    #[test]
    fn a_partition_key_tells_whose_delivery_it_is() {
        let webhook = WebhookId::from_random([7; 16]);
        let workspace: WorkspaceId = "ws_1".parse().unwrap();
        for shard in LogShard::all() {
            let found = webhook_of_log(&log(&webhook, shard));
            assert_eq!(found.as_ref(), Some(&webhook));
            let found = workspace_of_sms_history(&sms_history(&workspace, shard));
            assert_eq!(found.as_ref(), Some(&workspace));
        }
        for pk in ["", "LOG#", "LOG#wh", "SMS#ws_1#0"] {
            assert_eq!(webhook_of_log(pk), None, "{pk}");
        }
    }
}
