import { type Message, type Question, RCODE } from "./message.ts";
import { isHostname, isWithin, labels, type Name, ROOT, toWire } from "./name.ts";
import type { DnsRecord, SoaRecord, TargetRecord } from "./record.ts";
import type { RecordType } from "./type.ts";

/** What a message says about its question, and nothing else it may carry: DNS-06. */
export type Finding =
  | {
      readonly type: "records";
      readonly canonicalName: Name;
      readonly records: readonly DnsRecord[];
      /** Least of the chain, in seconds. */
      readonly ttl: number;
    }
  /** The name is another's alias, and the message says no more: `target` is to be asked for. */
  | { readonly type: "alias"; readonly target: Name; readonly ttl: number; readonly hops: number }
  /** `ttl` undefined where the message gives none (RFC 2308, 5). `name` is where the chain ended. */
  | { readonly type: "no-data" | "not-found"; readonly name: Name; readonly ttl: number | undefined }
  | { readonly type: "cname-loop" }
  | { readonly type: "bad-name" };

/** CNAME and DNAME records followed for one lookup, over all its messages. */
export const MAX_HOPS = 8;
/** RFC 2308, 5: one to three hours work well. */
const MAX_NEGATIVE_TTL = 10_800;

/**
 * Follows the chain from the question's name through the answers, in whatever order they stand. `hops` have been
 * followed before.
 */
export function findAnswer(message: Message, question: Question, hops: number): Finding {
  let name = question.name;
  let ttl = Number.POSITIVE_INFINITY;
  let followed = hops;
  const seen = [name];
  for (;;) {
    const records = recordsOf(message.answers, name, question.type);
    if (records.length > 0) {
      for (const record of records) ttl = Math.min(ttl, record.ttl);
      return { type: "records", canonicalName: name, records: unique(records), ttl };
    }
    const step = question.type === "CNAME" ? undefined : nextName(message.answers, name);
    if (step === undefined) break;
    if (step.target === undefined) return { type: "bad-name" };
    if (seen.includes(step.target) || ++followed > MAX_HOPS) return { type: "cname-loop" };
    const isAddress = question.type === "A" || question.type === "AAAA";
    if (isAddress && !isHostname(step.target)) return { type: "bad-name" };
    name = step.target;
    seen.push(name);
    ttl = Math.min(ttl, step.ttl);
  }
  const negative = negativeTtl(message.authorities, name, ttl);
  if (message.rcode === RCODE.nameError) return { type: "not-found", name, ttl: negative };
  if (name === question.name || negative !== undefined) return { type: "no-data", name, ttl: negative };
  return { type: "alias", target: name, ttl, hops: followed };
}

/** The answers themselves where they are all of that name and type: the usual case. */
function recordsOf(answers: readonly DnsRecord[], name: Name, type: RecordType): readonly DnsRecord[] {
  const isOf = (record: DnsRecord): boolean => record.name === name && record.type === type;
  return answers.every(isOf) ? answers : answers.filter(isOf);
}

function nextName(
  answers: readonly DnsRecord[],
  name: Name,
): { readonly target: Name | undefined; readonly ttl: number } | undefined {
  const alias = answers.find((record) => record.type === "CNAME" && record.name === name);
  if (alias !== undefined) return { target: (alias as TargetRecord).target, ttl: alias.ttl };
  const tree = answers.find(
    (record) => record.type === "DNAME" && record.name !== name && isWithin(name, record.name),
  );
  if (tree === undefined) return undefined;
  return { target: substitute(name, tree as TargetRecord), ttl: tree.ttl };
}

/** RFC 6672, 2.2; undefined when the new name would be too long. */
function substitute(name: Name, tree: TargetRecord): Name | undefined {
  const kept = labels(name).slice(0, labels(name).length - labels(tree.name).length);
  const target = tree.target === ROOT ? kept.join(".") : `${kept.join(".")}.${tree.target}`;
  return toWire(target) === undefined ? undefined : target;
}

function negativeTtl(authorities: readonly DnsRecord[], name: Name, ttl: number): number | undefined {
  const soa = authorities.find(
    (record): record is SoaRecord => record.type === "SOA" && isWithin(name, record.name),
  );
  return soa === undefined ? undefined : Math.min(soa.minimum, soa.ttl, ttl, MAX_NEGATIVE_TTL);
}

/** The same address twice is one address. */
function unique(records: readonly DnsRecord[]): readonly DnsRecord[] {
  if (records.length === 1) return records;
  const addresses = new Set<string>();
  return records.filter((record) => {
    if (record.type !== "A" && record.type !== "AAAA") return true;
    const isNew = !addresses.has(record.address);
    addresses.add(record.address);
    return isNew;
  });
}
