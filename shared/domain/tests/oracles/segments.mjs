// What Twilio's sms-segments-calculator makes of texts; its folder is in $ORACLE_NODE_MODULES. One text, a JSON string,
// a line on standard input; one answer a line:
// - "encoding", "segments": as the calculator tells them, without Smart Encoding (which replaces characters before it
//   counts: another text)
// - "forced_by": the first grapheme cluster that GSM-7 cannot write, or null
// - "clusters": whether a cluster is more than one character, which decides "segments" where it lies on a border
// - "segments_by_character": the calculator's own packing, over characters in place of clusters
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const { SegmentedMessage } = require(join(process.env.ORACLE_NODE_MODULES, "sms-segments-calculator"));

function answer(text) {
  const message = new SegmentedMessage(text, "auto", false);
  const characters = [...text];
  return {
    encoding: message.getEncodingName(),
    segments: message.segmentsCount,
    forced_by: message.getNonGsmCharacters()[0] ?? null,
    clusters: message.graphemes.length !== characters.length,
    segments_by_character: message._buildSegments(message._encodeChars(characters)).length,
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(answer(JSON.parse(line))));
}
