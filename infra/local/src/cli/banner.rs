//! What the stack says when all is up.

use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;

use crate::stack::Stack;

/// Prints the addresses, three commands to copy, and last the line that scripts wait for.
pub(super) fn print(stack: &Stack, output: &Path) -> io::Result<()> {
    let (addresses, key) = (stack.addresses(), stack.api_key());
    let (api, aws, outside) = (
        addresses.api_url(),
        addresses.aws_url(),
        addresses.outside_url(),
    );
    let (output, event) = (output.display(), event(Timestamp::now()));
    let text = format!(
        r#"
HTTP API       {api}
AWS endpoint   {aws}   (SQS, DynamoDB, KMS)
outside world  {outside}
settings       {output}/env
logs           {output}/logs

Create a webhook, publish an event, see what arrived:

curl -sS -X POST {api}/v1/workspaces/ws_demo/webhooks -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
  -d '{{"url":"{outside}/inbox/demo","events":["*"],"generate_secret":true}}'

curl -sS -X POST {api}/v1/workspaces/ws_demo/events -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
  -d '{event}'

until curl -sS {outside}/inbox/demo/requests | grep '"body"'; do sleep 1; done

ready: {api}
"#
    );
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// The sample of the payload's description, for the workspace of the commands, as of now.
fn event(now: Timestamp) -> String {
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ");
    format!(
        r#"{{"id":"evt_1","event":"work_item.created","timestamp":"{now}","workspace":{{"id":"ws_demo","slug":"demo"}},
  "project":{{"id":"proj_def456","name":"Web App","identifier":"WEB"}},
  "data":{{"id":"wi_ghi789","title":"Fix dashboard loading issue","state":"Backlog","priority":"High",
    "assignees":["alice@example.com"],"labels":["bug","frontend"],"created_at":"{now}","updated_at":"{now}"}},
  "actor":{{"id":"user_jkl012","email":"bob@example.com","display_name":"Bob"}}}}"#
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_sample_event_is_json_and_fits_between_single_quotes() {
        let event = super::event("2026-03-29T14:30:00.7Z".parse().unwrap());
        assert!(!event.contains('\''));
        let event: serde_json::Value = serde_json::from_str(&event).unwrap();
        assert_eq!(event["workspace"]["id"], "ws_demo");
        assert_eq!(event["timestamp"], "2026-03-29T14:30:00Z");
    }
}
