//! The deployment's settings, as `template.yaml` hands them to each function in its environment.

use std::str::FromStr;
use std::time::Duration;

use domain::endpoint_url::UrlRules;
use domain::retry::RetrySchedule;

/// A setting that is missing or wrong. The function refuses to start.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// The variable's value breaks its rule.
    #[error("the environment variable {name}: {rule}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What is wrong with its value.
        rule: String,
    },
}

/// The variable's text.
///
/// # Errors
/// [`SettingError::Missing`] where it is not set.
pub fn text(name: &'static str) -> Result<String, SettingError> {
    std::env::var(name).map_err(|_| SettingError::Missing(name))
}

/// The variable's value.
///
/// # Errors
/// [`SettingError`] where it is not set or does not parse.
pub fn parsed<T>(name: &'static str) -> Result<T, SettingError>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    text(name)?
        .parse()
        .map_err(|error: T::Err| SettingError::Invalid {
            name,
            rule: error.to_string(),
        })
}

/// Which endpoints the deployment allows: `ALLOW_PLAIN_HTTP`, `ALLOW_PRIVATE_NETWORKS`.
///
/// # Errors
/// [`SettingError`] where one is not set, or neither `true` nor `false`.
pub fn url_rules() -> Result<UrlRules, SettingError> {
    Ok(UrlRules {
        allow_plain_http: parsed("ALLOW_PLAIN_HTTP")?,
        allow_private_networks: parsed("ALLOW_PRIVATE_NETWORKS")?,
    })
}

/// The retry schedule of webhooks: `RETRY_SCHEDULE`.
///
/// # Errors
/// [`SettingError`] where it is not set or no schedule.
pub fn retry_schedule() -> Result<RetrySchedule, SettingError> {
    parsed("RETRY_SCHEDULE")
}

/// The retry schedule of SMS: `SMS_RETRY_SCHEDULE`.
///
/// # Errors
/// [`SettingError`] where it is not set or no schedule.
pub fn sms_retry_schedule() -> Result<RetrySchedule, SettingError> {
    parsed("SMS_RETRY_SCHEDULE")
}

/// The deployment's public base URL without a trailing slash: `PUBLIC_BASE_URL`; `None` where it is empty.
///
/// # Errors
/// [`SettingError`] where it is not set.
pub fn public_base_url() -> Result<Option<String>, SettingError> {
    let base = text("PUBLIC_BASE_URL")?;
    let base = base.trim_end_matches('/');
    Ok((!base.is_empty()).then(|| base.to_owned()))
}

/// How long the delivery log keeps an entry: `LOG_RETENTION_DAYS`.
///
/// # Errors
/// [`SettingError`] where it is not set or no number of days.
pub fn log_retention() -> Result<Duration, SettingError> {
    let days: u32 = parsed("LOG_RETENTION_DAYS")?;
    Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60))
}
