import { Values } from "./check.ts";
import { type Entry, holdsNames, isLater } from "./draft.ts";
import type { Member } from "./json.ts";
import type { KeyDefinition } from "./key-definition.ts";
import type { RETRY_KEYS } from "./keys.ts";
import type { PolicyDocument } from "./parse.ts";
import { Problems } from "./problem.ts";
import { socks5Text } from "./socks5-address.ts";
import { placeText } from "./source.ts";
import { STREAMTYPE_KEYS } from "./streamtype-keys.ts";
import type { Retry, Streamtype } from "./types.ts";

/** One setting in effect. */
export interface Setting {
  /** The policy's key; `metadata.NAME` for one metadata item, `retry.KEY` for what the retry says. */
  readonly key: string;
  /** As JSON could hold it; a sentence where absence means more than no value; undefined where it means none. */
  readonly value: unknown;
  readonly origin: "policy" | "overlay" | "default";
  /** `file:line:column` or `name#/pointer`; undefined for a default. */
  readonly at: string | undefined;
  /** Whether this version does what it says. */
  readonly isActedUpon: boolean;
}

/**
 * What is in effect for a streamtype, and where each setting comes from; undefined where there is no such
 * streamtype. Keys of other protocols are left out unless the policy writes them.
 */
export function effectiveSettings(document: PolicyDocument, name: string): readonly Setting[] | undefined {
  const { policy, draft } = document;
  const streamtype = policy.streamtypes.get(name);
  const entry = draft.collections.s.get(name);
  if (streamtype === undefined || entry === undefined) return undefined;
  const values = new Values(entry.fields, STREAMTYPE_KEYS, draft, new Problems());
  const inherited = draft.settings.get("via-socks5");
  const settings: Setting[] = [];
  for (const key of Object.keys(STREAMTYPE_KEYS) as readonly (keyof typeof STREAMTYPE_KEYS)[]) {
    const definition: KeyDefinition = STREAMTYPE_KEYS[key];
    const member = values.member(key);
    if (member === undefined && definition.protocols?.includes(streamtype.protocol) === false) continue;
    if (key === "via-socks5" && member === undefined && inherited !== undefined) {
      settings.push(written(key, computed(key, streamtype), inherited));
    } else if (member?.value.type === "object" && holdsNames(definition)) {
      settings.push(...named(key, values.get(key), member.value.members));
    } else {
      const value = computed(key, streamtype) ?? values.get(key) ?? definition.default;
      settings.push({ ...written(key, value, member), isActedUpon: !isLater(definition, member?.value) });
    }
    if (key === "retry")
      settings.push(
        ...retrySettings(streamtype.retry, draft.collections.retry.get(values.get("retry") ?? "")),
      );
  }
  return settings;
}

/** `policy.json:3:5`, `overlay extra.json:1:9` or `default`. */
export function originText(setting: Setting): string {
  return setting.at ?? setting.origin;
}

/** Values that depend on other keys. */
function computed(key: string, { port, buffer, retry, trustStore, viaSocks5 }: Streamtype): unknown {
  switch (key) {
    case "port":
      return port;
    case "client_buflen":
      return buffer.size;
    case "client_buflen_rxflow_on_above":
      return buffer.pauseAbove;
    case "client_buflen_rxflow_off_below":
      return buffer.resumeBelow;
    case "retry":
      return retry.name;
    case "via-socks5":
      return viaSocks5 === undefined ? "no proxy" : socks5Text(viaSocks5);
    case "tls_trust_store":
      return trustStore?.name;
    default:
      return undefined;
  }
}

function retrySettings(retry: Retry, entry: Entry | undefined): readonly Setting[] {
  const values: Readonly<Record<keyof typeof RETRY_KEYS, unknown>> = {
    backoff: retry.table,
    conceal: retry.conceal,
    jitterpc: retry.jitterPercent,
    svalidping: (retry.validityPing ?? 0) / 1000,
    svalidhup: (retry.validityHangup ?? 0) / 1000,
    stable_ms: retry.stable,
  };
  return Object.entries(values).map(([key, value]) => written(`retry.${key}`, value, entry?.fields.get(key)));
}

function named(key: string, values: unknown, members: ReadonlyMap<string, Member>): readonly Setting[] {
  const checked = values as ReadonlyMap<string | number, unknown>;
  return [...checked].map(([name, value]) => written(`${key}.${name}`, value, members.get(String(name))));
}

function written(key: string, value: unknown, member: Member | undefined): Setting {
  const setting = { key, value, isActedUpon: true } as const;
  if (member === undefined) return { ...setting, origin: "default", at: undefined };
  const { place } = member;
  return { ...setting, origin: place.source.isOverlay ? "overlay" : "policy", at: placeText(place) };
}
