/** The longest topic and filter in bytes of UTF-8 (MQTT 3.1.1, 4.7.3). */
const MAX_BYTES = 65_535;
const SHARED_PREFIX = "$share/";

/** What is wrong with a topic to publish to; undefined when nothing is (MQTT 3.1.1, 4.7). */
export function topicFault(topic: string): string | undefined {
  if (/[+#]/.test(topic)) return "a topic to publish to has no + and no #";
  return textFault(topic);
}

/** What is wrong with a topic filter; undefined when nothing is (MQTT 3.1.1, 4.7.1; MQTT 5, 4.8.2). */
export function filterFault(filter: string): string | undefined {
  const fault = textFault(filter);
  if (fault !== undefined) return fault;
  if (isShared(filter)) {
    if (!/^\$share\/[^/+#]+\/./s.test(filter)) return "a shared filter is $share/NAME/FILTER";
    return filterFault(sharedFilter(filter));
  }
  const levels = filter.split("/");
  for (const [index, level] of levels.entries()) {
    if (level.includes("#") && (level !== "#" || index !== levels.length - 1)) {
      return "# stands alone, and last";
    }
    if (level.includes("+") && level !== "+") return "+ stands alone between slashes";
  }
  return undefined;
}

export function isShared(filter: string): boolean {
  return filter.startsWith(SHARED_PREFIX);
}

export function hasWildcard(filter: string): boolean {
  return /[+#]/.test(filter);
}

/** The filter that a message's topic is compared with: without `$share/<name>/`. */
export function sharedFilter(filter: string): string {
  if (!isShared(filter)) return filter;
  return filter.slice(filter.indexOf("/", SHARED_PREFIX.length) + 1);
}

/** Bytes of `text` in UTF-8; a surrogate without its pair counts as U+FFFD. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x800) length += 2;
    else if (unit >= 0x80) length += 1;
    if (unit < 0xd800 || unit > 0xdbff) continue;
    const next = text.charCodeAt(index + 1);
    if (next < 0xdc00 || next > 0xdfff) continue;
    index += 1;
  }
  return length;
}

function textFault(text: string): string | undefined {
  if (text === "") return "it is empty";
  if (text.includes("\0")) return "it contains U+0000";
  if (/\p{Cs}/u.test(text)) return "it is not valid Unicode";
  if (text.length * 3 > MAX_BYTES && utf8Length(text) > MAX_BYTES)
    return `it is longer than ${MAX_BYTES} bytes`;
  return undefined;
}
