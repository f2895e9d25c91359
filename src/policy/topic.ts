import { encodeUtf8 } from "../lib/bytes.ts";

const MOST_BYTES = 65_535;

/** What is wrong with a topic to publish to; undefined when nothing is (MQTT 3.1.1, 4.7). */
export function topicFault(topic: string): string | undefined {
  if (/[+#]/.test(topic)) return "a topic to publish to has no + and no #";
  return lengthFault(topic);
}

/** What is wrong with a topic filter; undefined when nothing is (MQTT 3.1.1, 4.7.1; MQTT 5, 4.8.2). */
export function filterFault(filter: string): string | undefined {
  const [, group, shared] = /^\$share\/([^/]*)\/?(.*)$/.exec(filter) ?? [];
  if (group !== undefined && (group === "" || /[+#]/.test(group) || shared === "")) {
    return "a shared filter is $share/NAME/FILTER";
  }
  const levels = (shared ?? filter).split("/");
  if (levels.some((level, index) => level.includes("#") && (level !== "#" || index < levels.length - 1))) {
    return "# stands alone, and last";
  }
  if (levels.some((level) => level.includes("+") && level !== "+")) return "+ stands alone between slashes";
  return lengthFault(filter);
}

function lengthFault(text: string): string | undefined {
  if (text === "") return "it is empty";
  return encodeUtf8(text).length > MOST_BYTES ? `it is longer than ${MOST_BYTES} bytes` : undefined;
}
