//! What is in the way of messages and of their receipts.
//!
//! *Problems* stop messages: credentials that Twilio refuses, an account that is not active, a sender that it does not
//! own, a gateway whose host leads nowhere. *Warnings* do not: a trial account, a base URL that Twilio cannot post
//! receipts to, an API key that may send but not read. Nothing is sent to find out.

use domain::endpoint_url::{EndpointUrl, UrlError, UrlRules};
use domain::ids::WorkspaceId;
use domain::sms::provider::{Carrier, Gateway, TwilioAccount};
use domain::sms::sender::TwilioSender;
use platform::http::SendError;
use platform::secrets::{Purpose, SecretsError};
use platform::twilio::{AccountStatus, AskError, Login};
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::endpoint;
use crate::problem::{FieldError, Problem};

/// What was found.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) problems: Vec<FieldError>,
    warnings: Vec<Warning>,
}

/// What the check said.
#[derive(Serialize, ToSchema)]
#[schema(as = Check)]
pub(super) struct CheckView {
    /// Whether nothing stops messages.
    ok: bool,
    /// What stops them, by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<FieldError>,
    /// What does not stop them, but should be known.
    warnings: Vec<Warning>,
}

/// Something that does not stop messages.
#[derive(Serialize, ToSchema)]
struct Warning {
    code: WarningCode,
    /// What it is, and what to do about it.
    message: String,
}

/// What a warning is about.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum WarningCode {
    /// It is a trial account.
    TrialAccount,
    /// The API key may not read what would show that it is good.
    ApiKeyNotChecked,
    /// The deployment has no public base URL.
    PublicBaseUrlMissing,
    /// The public base URL is not `https`.
    PublicBaseUrlNotHttps,
    /// The public base URL names no public host.
    PublicBaseUrlNotPublic,
    /// The public base URL's host does not resolve.
    PublicBaseUrlNotResolved,
    /// The public base URL is wrong in another way.
    PublicBaseUrlInvalid,
}

impl From<Checked> for CheckView {
    fn from(Checked { problems, warnings }: Checked) -> CheckView {
        CheckView {
            ok: problems.is_empty(),
            problems,
            warnings,
        }
    }
}

/// Checks a carrier, within some 13 s.
///
/// # Errors
/// 503 where Twilio, or KMS, does not answer.
pub(super) async fn check(
    app: &App,
    workspace: &WorkspaceId,
    carrier: &Carrier,
) -> Result<Checked, Problem> {
    match carrier {
        Carrier::Twilio(twilio) => check_twilio(app, workspace, twilio).await,
        Carrier::Http(gateway) => check_gateway(app, workspace, gateway).await,
    }
}

async fn check_gateway(
    app: &App,
    workspace: &WorkspaceId,
    gateway: &Gateway,
) -> Result<Checked, Problem> {
    let text = app
        .secrets
        .open_text(workspace, Purpose::GatewayUrl, &gateway.url)
        .await?;
    let broken = match EndpointUrl::parse(text.expose(), app.url_rules) {
        Ok(url) => endpoint::broken_by_host(app, &url).await,
        Err(error) => Some(error.to_string()),
    };
    let mut checked = Checked::default();
    checked
        .problems
        .extend(broken.map(|rule| FieldError::new("url", rule)));
    Ok(checked)
}

async fn check_twilio(
    app: &App,
    workspace: &WorkspaceId,
    twilio: &TwilioAccount,
) -> Result<Checked, Problem> {
    let login = login(app, workspace, twilio).await?;
    let key_login = key_login(app, workspace, twilio).await?;
    let key_owns = async {
        match &key_login {
            Some(login) => app.twilio.owns(login, &twilio.sender).await.map(drop),
            None => Ok(()),
        }
    };
    // At the same time: each may take as long as Twilio is given for an answer, and the caller waits.
    let (account, owns, key, base_url) = tokio::join!(
        app.twilio.account(&login),
        app.twilio.owns(&login, &twilio.sender),
        key_owns,
        base_url(app),
    );
    let mut checked = Checked::default();
    checked.account(account)?;
    if checked.problems.is_empty() {
        checked.sender(&twilio.sender, owns)?;
        checked.api_key(key)?;
    }
    checked.warnings.extend(base_url);
    Ok(checked)
}

/// Signs in with the account's own token.
async fn login(
    app: &App,
    workspace: &WorkspaceId,
    twilio: &TwilioAccount,
) -> Result<Login, SecretsError> {
    let purpose = Purpose::TwilioAuthToken;
    let token = app
        .secrets
        .open_text(workspace, purpose, &twilio.auth_token);
    Ok(Login {
        account: twilio.account.clone(),
        user: twilio.account.to_string(),
        password: token.await?,
    })
}

/// Signs in with the API key, where there is one.
async fn key_login(
    app: &App,
    workspace: &WorkspaceId,
    twilio: &TwilioAccount,
) -> Result<Option<Login>, SecretsError> {
    let Some(key) = &twilio.api_key else {
        return Ok(None);
    };
    let purpose = Purpose::TwilioApiKeySecret;
    let secret = app.secrets.open_text(workspace, purpose, &key.secret);
    Ok(Some(Login {
        account: twilio.account.clone(),
        user: key.sid.to_string(),
        password: secret.await?,
    }))
}

impl Checked {
    fn account(&mut self, asked: Result<AccountStatus, AskError>) -> Result<(), Problem> {
        match asked {
            Ok(AccountStatus { active: false, .. }) => self.problem(
                "account_sid",
                "names an account that is suspended or closed; see Twilio's console",
            ),
            Ok(AccountStatus { trial: true, .. }) => self.warn(
                WarningCode::TrialAccount,
                "a trial account sends to verified numbers only and opens each message with a note of its own; upgrade \
                 it in Twilio's console",
            ),
            Ok(_) => {}
            Err(AskError::Unauthorized) => self.problem(
                "auth_token",
                "is refused by Twilio with this account SID; copy both from Twilio's console, and see there whether the \
                 account is active",
            ),
            Err(AskError::NotFound) => {
                self.problem("account_sid", "names an account that Twilio does not know");
            }
            // What test credentials get, and some suspended accounts.
            Err(AskError::Refused(403)) => self.problem(
                "auth_token",
                "does not open the account (403); give the live credentials of an active account",
            ),
            Err(error) => return Err(silent(&error)),
        }
        Ok(())
    }

    fn sender(
        &mut self,
        sender: &TwilioSender,
        owns: Result<bool, AskError>,
    ) -> Result<(), Problem> {
        let field = match sender {
            TwilioSender::Number(_) => "from_number",
            TwilioSender::MessagingService(_) => "messaging_service_sid",
        };
        match owns {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.problem(field, "is not one of the account's; see Twilio's console");
                Ok(())
            }
            Err(error) => Err(silent(&error)),
        }
    }

    /// A key that may send need not be one that may read: then nothing can be said.
    fn api_key(&mut self, asked: Result<(), AskError>) -> Result<(), Problem> {
        match asked {
            Ok(()) => {}
            Err(AskError::Unauthorized) => self.problem(
                "api_key_secret",
                "is refused by Twilio with this API key; copy both again. (A restricted key that may not read the \
                 account's senders is refused alike: save it without check)",
            ),
            Err(AskError::Refused(403)) => self.warn(
                WarningCode::ApiKeyNotChecked,
                "the API key may not read the account's senders, so that it could not be checked; send a test message",
            ),
            Err(error) => return Err(silent(&error)),
        }
        Ok(())
    }

    fn problem(&mut self, field: &str, rule: &str) {
        self.problems.push(FieldError::new(field, rule));
    }

    fn warn(&mut self, code: WarningCode, message: &str) {
        let message = message.to_owned();
        self.warnings.push(Warning { code, message });
    }
}

fn silent(error: &AskError) -> Problem {
    Problem::unanswered(
        "Twilio does not answer, so that nothing could be checked, and nothing was saved; try again, or leave out check",
        error,
    )
}

/// The warning that Twilio cannot post receipts to us.
async fn base_url(app: &App) -> Option<Warning> {
    let (code, fault) = fault_of_base_url(app).await?;
    let message = format!(
        "the deployment's PublicBaseUrl {fault}. Twilio cannot post receipts there: messages are sent, but stay sent, \
         whatever becomes of them. Deploy with one that is public https"
    );
    Some(Warning { code, message })
}

/// What the deployment allows its own endpoints does not matter here: Twilio is on the public internet.
async fn fault_of_base_url(app: &App) -> Option<(WarningCode, String)> {
    let Some(base) = &app.public_base_url else {
        return Some((WarningCode::PublicBaseUrlMissing, "is not set".to_owned()));
    };
    let url = match EndpointUrl::parse(base, UrlRules::default()) {
        Ok(url) => url,
        Err(error) => return Some((code_of(&error), error.to_string())),
    };
    if url.literal_address().is_some() {
        let fault = "names an address; certificates, which Twilio verifies, name hosts";
        return Some((WarningCode::PublicBaseUrlNotPublic, fault.to_owned()));
    }
    match app.public_internet.check(&url).await {
        Ok(()) => None,
        Err(SendError::NotResolved) => {
            let fault = "names a host for which no address was found within 3 s";
            Some((WarningCode::PublicBaseUrlNotResolved, fault.to_owned()))
        }
        Err(error) => Some((WarningCode::PublicBaseUrlNotPublic, error.to_string())),
    }
}

fn code_of(error: &UrlError) -> WarningCode {
    match error {
        UrlError::Scheme { .. } => WarningCode::PublicBaseUrlNotHttps,
        UrlError::LocalName | UrlError::NotPublic(_) => WarningCode::PublicBaseUrlNotPublic,
        _ => WarningCode::PublicBaseUrlInvalid,
    }
}
