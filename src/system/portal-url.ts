/** More is no address that a person can use. */
const LONGEST = 2048;

/**
 * An http or https URL of somebody whom we do not trust, as it can be shown: absolute, without user and password, and
 * without a character that could end a line, a string or a tag. Undefined where it is none.
 */
export function safeUrl(
  text: string,
  schemes: "https" | "http or https" = "http or https",
): string | undefined {
  if (text.length > LONGEST) return undefined;
  const scheme = schemes === "https" ? "https" : "https?";
  const [, start, authority, rest] = new RegExp(`^(${scheme}://)([^/?#]+)(.*)$`, "is").exec(text) ?? [];
  if (start === undefined || authority === undefined || rest === undefined) return undefined;
  if (!/^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(authority))
    return undefined;
  const shown = start.toLowerCase() + authority.toLowerCase() + escaped(rest);
  return shown.length > LONGEST ? undefined : shown;
}

/** Percent signs stay: what is escaped already is not escaped twice. */
function escaped(text: string): string {
  return text.replace(/[^!#$%&()*+,\-./0-9:;=?@A-Z[\]_a-z~]/gu, (character) => {
    const code = Number(character.codePointAt(0));
    return code >= 0xd800 && code <= 0xdfff ? "%EF%BF%BD" : encodeURIComponent(character).replace("'", "%27");
  });
}
