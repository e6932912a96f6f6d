// The host that Node's URL parser (WHATWG) reads in a URL. One JSON string a line on standard input; one answer a line:
// the host without the brackets of IPv6, or null where there is no URL or no host.
import { createInterface } from "node:readline";

function host(url) {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, "") || null : null;
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(host(JSON.parse(line))));
}
