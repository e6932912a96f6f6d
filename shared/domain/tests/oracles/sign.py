"""An independent reading of the signature rules on Python's hmac, and the published Standard Webhooks verifier.

One case a line on standard input: {"secret", "id", "timestamp", "body", "headers"}; one answer a line:
{"plain", "standard", "verified"}. `headers` are what the request carries; the verifier judges them.
"""

import base64
import hashlib
import hmac
import json
import re
import sys

from standardwebhooks import Webhook, WebhookVerificationError

PREFIX = "whsec_"
# RFC 4648; b64decode alone takes padding where none belongs.
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def standard_key(secret):
    encoded = secret[len(PREFIX) :] if secret.startswith(PREFIX) else ""
    decodes = encoded and BASE64.fullmatch(encoded)
    return base64.b64decode(encoded) if decodes else secret.encode()


def mac(key, message):
    return hmac.new(key, message.encode(), hashlib.sha256)


def verifies(case):
    verifier = Webhook(PREFIX + base64.b64encode(standard_key(case["secret"])).decode())
    try:
        verifier.verify(case["body"].encode(), case["headers"])
        return True
    except WebhookVerificationError:
        return False


def answer(case):
    signed = f"{case['id']}.{case['timestamp']}.{case['body']}"
    standard = base64.b64encode(mac(standard_key(case["secret"]), signed).digest()).decode()
    return {
        "plain": mac(case["secret"].encode(), case["body"]).hexdigest(),
        "standard": f"v1,{standard}",
        "verified": verifies(case),
    }


for line in sys.stdin.buffer:
    print(json.dumps(answer(json.loads(line))))
