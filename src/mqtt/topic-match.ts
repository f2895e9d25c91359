import { sharedFilter } from "../lib/mqtt-topic.ts";

/**
 * Whether a message on `topic` is for a subscription to `filter` (MQTT 3.1.1, 4.7). A `$share/<name>/` prefix of the
 * filter is skipped. Neither is checked for being valid.
 */
export function matches(filter: string, topic: string): boolean {
  const wanted = sharedFilter(filter);
  if (wanted === topic) return true;
  // A wildcard in the first level does not reach the server's own topics (4.7.2).
  if (topic.startsWith("$") && /^[+#]/.test(wanted)) return false;
  let at = 0;
  let from = 0;
  while (from <= wanted.length) {
    const end = levelEnd(wanted, from);
    const level = wanted.slice(from, end);
    if (level === "#") return true;
    if (at > topic.length) return false;
    const topicEnd = levelEnd(topic, at);
    if (level !== "+" && level !== topic.slice(at, topicEnd)) return false;
    from = end + 1;
    at = topicEnd + 1;
  }
  return at > topic.length;
}

function levelEnd(text: string, from: number): number {
  const slash = text.indexOf("/", from);
  return slash < 0 ? text.length : slash;
}
