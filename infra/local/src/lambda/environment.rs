use std::collections::BTreeMap;

use super::FunctionConfig;
use crate::aws::{REGION, SECRET_ACCESS_KEY};

/// Where functions find the services.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// SQS, DynamoDB and KMS: `http://127.0.0.1:4566`.
    pub aws: String,
}

/// The whole environment of a function's process but for the Runtime API's address, which each process has of its
/// own: nothing of the stack's environment leaks in.
pub(super) fn variables(
    function: &FunctionConfig,
    endpoints: &Endpoints,
) -> BTreeMap<String, String> {
    let lambda = [
        ("AWS_ACCESS_KEY_ID", function.access_key_id.as_str()),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.aws),
        ("AWS_ENDPOINT_URL_KMS", &endpoints.aws),
        ("AWS_ENDPOINT_URL_SQS", &endpoints.aws),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            &function.memory_mib.to_string(),
        ),
        ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        (
            "AWS_LAMBDA_LOG_GROUP_NAME",
            &format!("/aws/lambda/{}", function.name),
        ),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
        ("AWS_REGION", REGION),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("TZ", ":UTC"),
        ("_HANDLER", "bootstrap"),
    ];
    let mut variables = function.environment.clone();
    variables.extend(lambda.map(|(name, value)| (name.to_owned(), value.to_owned())));
    variables
}
