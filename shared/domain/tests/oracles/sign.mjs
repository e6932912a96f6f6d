// An independent reading of the signature rules on Node's own crypto. One case a line on standard input:
// {"secret", "id", "timestamp", "body"}; one answer a line: {"plain", "standard"}.
import { createHmac } from "node:crypto";
import { createInterface } from "node:readline";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function standardKey(secret) {
  const encoded = secret.startsWith("whsec_") ? secret.slice("whsec_".length) : "";
  const decodes = encoded !== "" && BASE64.test(encoded);
  return decodes ? Buffer.from(encoded, "base64") : Buffer.from(secret, "utf8");
}

function sign({ secret, id, timestamp, body }) {
  const plain = createHmac("sha256", Buffer.from(secret, "utf8")).update(body, "utf8").digest("hex");
  const signed = `${id}.${timestamp}.${body}`;
  const standard = createHmac("sha256", standardKey(secret)).update(signed, "utf8").digest("base64");
  return { plain, standard: `v1,${standard}` };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(sign(JSON.parse(line))));
}
