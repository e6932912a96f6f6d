"""One running stack for all tests of this folder."""

import pytest
from described_api import Target
from running_stack import running

OFFSET = 1200
# Retries that follow within seconds; the real schedules have tests of their own.
SETTINGS = {"RetrySchedule": "2s,2s,2s,2s,2s", "SmsRetrySchedule": "1s,1s,1s"}


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    with running(OFFSET, tmp_path_factory.mktemp("stack") / "output", SETTINGS) as stack:
        yield stack


@pytest.fixture(scope="session")
def target(stack):
    target = Target(stack)
    yield target
    print(f"{target.attacks} requests made from the description, and raw ones")
    assert "panicked" not in (stack.logs / "AdminApi.log").read_text()
