//! The secrets of a run. All of them hold one word, so that the word must not be found anywhere.

/// In every secret, and in nothing else.
pub const CANARY: &str = "canary";

/// Signs a webhook's requests.
pub const WEBHOOK_SECRET: &str = "canary-of-a-webhook";
/// Signs a webhook's requests, once it was rotated.
pub const NEW_WEBHOOK_SECRET: &str = "canary-of-a-webhook-renewed";
/// Signs in to Twilio.
pub const TWILIO_TOKEN: &str = "canary-of-twilio";
/// Signs in to Twilio, once it was changed.
pub const NEW_TWILIO_TOKEN: &str = "canary-of-twilio-renewed";
/// In the gateway's URL.
pub const GATEWAY_URL: &str = "https://gateway.example.com/send?token=canary-of-a-gateway";
/// Signs requests to the gateway.
pub const GATEWAY_SECRET: &str = "canary-of-a-gateways-signature";
/// Signs in to the HTTP API.
pub const OPERATOR_KEY: &str = "sk_canary_of_the_operator";
