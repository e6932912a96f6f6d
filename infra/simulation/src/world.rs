//! What is there before anything happens: the template's queues, table and key, and what the scenario has configured.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use domain::catalogue::{AlertType, EventFilter};
use domain::endpoint_url::{EndpointUrl, UrlRules};
use domain::ids::{UserId, WebhookId, WorkspaceId};
use domain::secret::{SealedSecret, SecretText, WebhookSecret};
use domain::sms::member::{Member, NotSent, Preferences};
use domain::sms::provider::{Carrier, Gateway, Provider, TwilioAccount};
use domain::sms::segments::MaxSegments;
use domain::sms::sender::TwilioSender;
use domain::webhook::{Activity, FailureStreak, Lane, Webhook};
use local::aws::Aws;
use local::template::{Place, Settings, Template};
use platform::secrets::{Purpose, Secrets};
use platform::store::Store;

use crate::clients::Clients;
use crate::run::Run;
use crate::scenario::{Hook, ProviderPlan, Wants};
use crate::{outside, secrets};

/// Opens queue URLs; nobody listens there.
pub const ENDPOINT: &str = "http://aws.test";
/// The project that events are of.
pub const PROJECT: &str = "proj_1";
/// Who Twilio's messages come from.
pub const SENDER: &str = "+14155550100";

static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
    let place = Place {
        stack_name: "simulation".into(),
        aws_endpoint: ENDPOINT.into(),
    };
    Template::read(path.as_ref(), &Settings::default(), &place).expect("the template is good")
});

/// What `template.yaml` asks for.
#[must_use]
pub fn template() -> &'static Template {
    &TEMPLATE
}

/// The name of a queue, by its logical id.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn queue_name(resource: &str) -> &'static str {
    let mut queues = template().queues.iter();
    let queue = queues.find(|queue| queue.id == resource);
    &queue.expect("a queue of the template").name
}

/// The URL of a queue, by its logical id.
#[must_use]
pub fn queue_url(resource: &str) -> String {
    format!(
        "{ENDPOINT}/{}/{}",
        local::aws::ACCOUNT_ID,
        queue_name(resource)
    )
}

/// The one workspace.
#[must_use]
pub fn workspace() -> WorkspaceId {
    "ws_1".parse().expect("an id")
}

/// The id of the webhook at this place.
#[must_use]
pub fn webhook_id(place: usize) -> WebhookId {
    WebhookId::from_random([u8::try_from(place + 1).unwrap_or(u8::MAX); 16])
}

/// Twilio's account.
#[must_use]
pub fn account() -> String {
    format!("AC{}", "a".repeat(32))
}

/// The phone of the member at this place.
#[must_use]
pub fn phone(place: usize) -> String {
    format!("+1415555{:04}", 1234 + place)
}

/// The phone that the request for a test message with this number names: nobody else's.
#[must_use]
pub fn test_phone(request: usize) -> String {
    format!("+1415556{:04}", 1234 + request)
}

/// A queue tells so late how many of its messages are in flight.
const COUNTS_LAG: Duration = Duration::from_secs(60);

/// The queues, the table and the key.
pub async fn resources(aws: &Aws) {
    aws.create_resources(template())
        .await
        .expect("the template's resources can be made");
    let slow = queue_name("WebhookSlowQueue");
    assert!(aws.sqs().lag_counts(slow, COUNTS_LAG));
}

/// What the scenario has configured, written as the API would.
pub async fn configure(run: &Arc<Run>) {
    let clients = Clients::certain();
    let (store, secrets) = (clients.store(), clients.secrets());
    let seal = Seal(secrets);
    for (place, hook) in run.scenario.webhooks.iter().enumerate() {
        let webhook = webhook(run, place, hook, &seal).await;
        store.add_webhook(&webhook).await.expect("no fault here");
    }
    let wanting = (0..run.scenario.members).map(|place| member(run, place));
    let left_out = run.scenario.left_out.iter().zip(run.scenario.members..);
    let left_out = left_out.map(|(because, place)| left_out_member(run, place, *because));
    for member in wanting.chain(left_out) {
        store.create_member(&member).await.expect("no fault here");
    }
    match &run.scenario.provider {
        None => {}
        Some(ProviderPlan::Twilio { behaviour }) => {
            outside::twilio_behaves(run, behaviour).await;
            let carrier = Carrier::Twilio(TwilioAccount {
                account: account().parse().expect("a SID"),
                sender: TwilioSender::Number(SENDER.parse().expect("a number")),
                auth_token: seal
                    .secret(Purpose::TwilioAuthToken, secrets::TWILIO_TOKEN)
                    .await,
                api_key: None,
            });
            save_carrier(run, &store, carrier).await;
        }
        Some(ProviderPlan::Gateway { idempotent, .. }) => {
            let carrier = Carrier::Http(Gateway {
                url: seal.secret(Purpose::GatewayUrl, secrets::GATEWAY_URL).await,
                shown_url: "https://gateway.example.com/send?***".to_owned(),
                idempotent: *idempotent,
                signing_secret: Some(
                    seal.secret(Purpose::GatewaySecret, secrets::GATEWAY_SECRET)
                        .await,
                ),
            });
            save_carrier(run, &store, carrier).await;
        }
    }
}

struct Seal(Secrets);

impl Seal {
    async fn secret(&self, purpose: Purpose, secret: &str) -> SealedSecret {
        let secret = SecretText::new(secret);
        let sealed = self.0.seal_text(&workspace(), purpose, &secret).await;
        sealed.expect("no fault here")
    }
}

async fn webhook(run: &Run, place: usize, hook: &Hook, seal: &Seal) -> Webhook {
    let url = format!("https://{}/hook", outside::host(place));
    let secret = WebhookSecret::parse(secrets::WEBHOOK_SECRET).expect("a secret");
    let secret = if hook.secret {
        let sealed = seal.0.seal(&workspace(), &secret).await;
        Some(SealedSecret {
            // The hint shows the last characters: no part of the word.
            hint: None,
            ..sealed.expect("no fault here")
        })
    } else {
        None
    };
    Webhook {
        id: webhook_id(place),
        workspace: workspace(),
        url: EndpointUrl::parse(&url, UrlRules::default()).expect("a URL"),
        events: match hook.wants {
            Wants::OtherType => EventFilter::parse(&["project.deleted"]).expect("a type"),
            _ => EventFilter::All,
        },
        project_id: match hook.wants {
            Wants::Project => Some(PROJECT.parse().expect("an id")),
            Wants::OtherProject => Some("proj_2".parse().expect("an id")),
            Wants::Everything | Wants::OtherType => None,
        },
        description: None,
        activity: Activity::Active,
        secret,
        retiring_secrets: Vec::new(),
        streak: FailureStreak::default(),
        lane: if hook.fast { Lane::Fast } else { Lane::Slow },
        lane_since: run.now(),
        created_at: run.now(),
        updated_at: run.now(),
    }
}

fn member(run: &Run, place: usize) -> Member {
    let mut preferences = Preferences::default();
    preferences.0.insert(AlertType::PriorityChanged);
    Member {
        workspace: workspace(),
        id: user(place),
        name: format!("Member {place}"),
        phone: Some(phone(place).parse().expect("a phone")),
        preferences,
        created_at: run.now(),
        updated_at: run.now(),
    }
}

/// A member who is named and gets nothing.
fn left_out_member(run: &Run, place: usize, because: NotSent) -> Member {
    let mut member = member(run, place);
    match because {
        NotSent::NoPhone => member.phone = None,
        NotSent::SwitchedOff => member.preferences = Preferences::default(),
        NotSent::NoProvider | NotSent::OptedOut => unreachable!("nothing of the member's own"),
    }
    member
}

/// The member at this place.
#[must_use]
pub fn user(place: usize) -> UserId {
    format!("user_{place}").parse().expect("an id")
}

async fn save_carrier(run: &Run, store: &Store, carrier: Carrier) {
    let mut stored = store.provider(&workspace()).await.expect("no fault here");
    let provider = Provider {
        carrier,
        max_segments: MaxSegments::default(),
        created_at: run.now(),
        updated_at: run.now(),
    };
    stored.value.replace(Some(provider), run.now());
    let saved = store.save_provider(&workspace(), &stored).await;
    saved.expect("no fault here");
}
