"""Whether an IP address is of the public internet, as Python's ipaddress has it. One address a line on standard input;
one answer a line: true or false.
"""

import ipaddress
import json
import sys


def public(address):
    site_local = address.version == 6 and address.is_site_local
    return address.is_global and not (address.is_multicast or address.is_reserved or site_local)


for line in sys.stdin:
    print(json.dumps(public(ipaddress.ip_address(line.strip()))))
