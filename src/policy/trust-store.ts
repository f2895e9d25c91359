import { fromBase64 } from "../lib/bytes.ts";
import type { Malformed } from "../lib/malformed.ts";
import { isRevocationList, readDer } from "./certificate.ts";
import type { Values } from "./check.ts";
import type { Entry } from "./draft.ts";
import { type Json, quote } from "./json.ts";
import type { TRUST_STORE_KEYS } from "./keys.ts";
import { nearest } from "./nearest.ts";
import type { Problems } from "./problem.ts";
import type { TrustStore } from "./types.ts";

type Checked = Values<typeof TRUST_STORE_KEYS>;

const SHA256_BYTES = 32;

export function buildTrustStore(
  entry: Entry,
  values: Checked,
  certificates: ReadonlyMap<string, Uint8Array>,
  problems: Problems,
): TrustStore {
  const stack = values.get("stack");
  const written = values.member("stack");
  if (written === undefined || (written.value.type === "list" && written.value.items.length === 0)) {
    const message = `The trust store ${quote(entry.name)} has no certificates: name them in "stack"`;
    problems.error("policy-value", entry.place, message);
  }
  return {
    name: entry.name,
    stack: (stack ?? []).map((name) => certificates.get(name)).filter((der) => der !== undefined),
    crl: readList(values, "crl", problems, (text) => readRevocationList(text, certificates)),
    pins: readList(values, "pins", problems, readPin),
  };
}

/** Undefined where the key is absent: an empty list would be one that nothing passes. */
function readList(
  values: Checked,
  key: "crl" | "pins",
  problems: Problems,
  read: (text: string, place: Json) => Uint8Array | Fault,
): readonly Uint8Array[] | undefined {
  const member = values.member(key);
  if (values.get(key) === undefined || member?.value.type !== "list") return undefined;
  if (member.value.items.length === 0) {
    problems.error(
      "policy-value",
      member.value,
      `${quote(key)} is empty: leave it out, or list what it asks for`,
    );
  }
  return member.value.items.flatMap((item) => {
    if (item.type !== "text") return [];
    const result = read(item.value, item);
    if (result instanceof Uint8Array) return [result];
    problems.error("policy-certificate", item, result.message, () => result.suggestion);
    return [];
  });
}

interface Fault {
  readonly message: string;
  readonly suggestion?: string | undefined;
}

function readRevocationList(text: string, certificates: ReadonlyMap<string, Uint8Array>): Uint8Array | Fault {
  try {
    const der = certificates.get(text) ?? readDer(text);
    return isRevocationList(der) ? der : { message: `${quote(text)} in "crl" is no revocation list` };
  } catch (error) {
    const { message } = error as Malformed;
    const suggestion = nearest(text, certificates.keys());
    return {
      message: `"crl" has ${quote(text)}, neither a name of "certs" nor a revocation list: ${message}`,
      suggestion,
    };
  }
}

/** RFC 7469, 2.4: base64 of the SHA-256 of the SubjectPublicKeyInfo; `sha256/` before it is what other tools write. */
function readPin(text: string): Uint8Array | Fault {
  const fault = {
    message: `${quote(text)} in "pins" is no SHA-256: expected base64 of ${SHA256_BYTES} bytes`,
  };
  try {
    const digest = fromBase64(text.replace(/^sha256\/{1,2}(?=.{44}$)/, ""));
    return digest.length === SHA256_BYTES ? digest : fault;
  } catch {
    return fault;
  }
}
