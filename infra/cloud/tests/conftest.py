"""The product deployed on an emulator of AWS, for tests that come to it from outside: boto3 and plain HTTP."""

import hashlib
import pathlib
import secrets
import signal
import sys

import pytest

CLOUD = pathlib.Path(__file__).resolve().parents[1]
LOCAL = CLOUD.parent / "local" / "tests" / "stack"
sys.path += [str(CLOUD), str(LOCAL)]

import emulator as emulators  # noqa: E402
import gaps  # noqa: E402
import translate  # noqa: E402
from running_stack import Stack  # noqa: E402

DOMAIN = "delivery.example.com"

# So that fixtures end what they have started, whoever stops the tests.
signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def template():
    """What is deployed: the translated template, and what had to be changed in it for the emulator."""
    translated = translate.translate()
    return translated, gaps.close(translated)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory):
    with emulators.emulator(tmp_path_factory.mktemp("emulator")) as found:
        yield found


@pytest.fixture(scope="session")
def stack(template, emulator, tmp_path_factory):
    """One deployment for all tests, with every condition of the template met and retries that follow within seconds."""
    key = f"sk_{secrets.token_urlsafe(32)}"
    with emulators.outside_world() as outside, emulators.public_address(emulator, DOMAIN) as address:
        emulators.upload(emulator, template[0])
        outputs = emulators.deploy(emulator, parameters(emulator, outside, address, key))
        env = {
            "API_URL": address,
            "API_KEY": key,
            "AWS_ENDPOINT_URL": emulator.url,
            "AWS_REGION": translate.REGION,
            "AWS_ACCESS_KEY_ID": emulators.ACCOUNT_KEY["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": emulators.ACCOUNT_KEY["aws_secret_access_key"],
            "EVENTS_QUEUE_URL": outputs["EventsQueueUrl"],
            "OUTSIDE_URL": outside,
        }
        yield Stack(None, env, tmp_path_factory.mktemp("stack"), emulator.log)


def parameters(emulator, outside, address, key):
    certificate = emulator.aws("acm").request_certificate(DomainName=DOMAIN)["CertificateArn"]
    zone = emulator.aws("route53").create_hosted_zone(Name="example.com", CallerReference="tests")["HostedZone"]["Id"]
    return {
        "Architecture": emulators.ARCHITECTURE,
        "OperatorKeyHash": hashlib.sha256(key.encode()).hexdigest(),
        "RetrySchedule": "1s,1s",
        "SmsRetrySchedule": "1s",
        "PublicBaseUrl": address,
        "TwilioBaseUrl": f"{outside}/twilio",
        "AllowPlainHttp": "true",
        "AllowPrivateNetworks": "true",
        "DomainName": DOMAIN,
        "CertificateArn": certificate,
        "HostedZoneId": zone.removeprefix("/hostedzone/"),
        "AlarmEmail": "operators@example.com",
    }
