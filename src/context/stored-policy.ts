/** A policy as it was fetched, and the server's name for this version of it. */
export interface StoredPolicy {
  readonly text: string;
  readonly etag: string | undefined;
}

const FIRST_LINE = /^\/\/ secure-streams: fetched(?:, etag (\S{1,256}))?\n/;
/** RFC 9110, 8.8.3. */
const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e]{0,250}"$/;

/** One file for both, so that they never disagree: a policy with a comment before it is still a policy. */
export function encodeStored({ text, etag }: StoredPolicy): string {
  const tag = entityTag(etag);
  return `// secure-streams: fetched${tag === undefined ? "" : `, etag ${tag}`}\n${text}`;
}

/** A file that somebody else put there is a policy too, without a tag. */
export function decodeStored(content: string): StoredPolicy {
  const [line, etag] = FIRST_LINE.exec(content) ?? [];
  if (line === undefined) return { text: content, etag: undefined };
  return { text: content.slice(line.length), etag: entityTag(etag) };
}

/** A server's entity tag, where it is one that can be given back. */
export function entityTag(text: string | undefined): string | undefined {
  return text !== undefined && ENTITY_TAG.test(text) ? text : undefined;
}
