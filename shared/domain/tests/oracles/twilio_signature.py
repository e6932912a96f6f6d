"""What Twilio's own library makes of requests.

One request a line on standard input: {"url", "form", "token", "signature"}, the form as it is posted; one answer a line:
{"computed", "valid"}: the request's signature, and whether the given one is taken for it.
"""

import json
import sys
from urllib.parse import parse_qsl

from multidict import MultiDict
from twilio.request_validator import RequestValidator


def answer(request):
    validator = RequestValidator(request["token"])
    params = MultiDict(parse_qsl(request["form"], keep_blank_values=True))
    return {
        "computed": validator.compute_signature(request["url"], params),
        "valid": validator.validate(request["url"], params, request["signature"]),
    }


for line in sys.stdin.buffer:
    print(json.dumps(answer(json.loads(line))))
