import {
  type Parsed,
  type PolicyDocument,
  parsePolicy,
  parsePolicyValue,
  requirePolicy,
} from "../policy/index.ts";
import type { Ports } from "./ports.ts";

/** More than the longest path of any system. */
const LONGEST_LOCATION = 8192;

/** A path, a URL (`https:`, `http:`, `file:`), the JSON text itself (it begins with `{` or a comment), or an object. */
export type PolicySource = string | object;

/** Reads and checks a policy. Rejects with PolicyError, or with SecureStreamsError `policy-unreadable`. */
export async function loadPolicy(
  source: PolicySource,
  ports: Pick<Ports, "readPolicy">,
  options: { readonly strict: boolean },
): Promise<PolicyDocument> {
  return requirePolicy(await parse(source, ports, options));
}

async function parse(
  source: PolicySource,
  ports: Pick<Ports, "readPolicy">,
  options: { readonly strict: boolean },
): Promise<Parsed> {
  const location = typeof source === "string" ? source : hrefOf(source);
  if (location === undefined) return parsePolicyValue(source, { source: "policy", ...options });
  if (isText(location)) return parsePolicy(location, { source: "policy", ...options });
  return parsePolicy(await ports.readPolicy(location), { source: location, ...options });
}

/** What begins as JSON or a comment does, or can be neither path nor URL: then the text's own fault is told. */
function isText(source: string): boolean {
  return (
    /^[\s\ufeff]*(?:\{|\[|\/[/*])/.test(source) || source.length > LONGEST_LOCATION || source.includes("\n")
  );
}

/** A URL object is known by its `href`; a policy has no such key. */
function hrefOf(source: unknown): string | undefined {
  return typeof source === "object" && source !== null && "href" in source && typeof source.href === "string"
    ? source.href
    : undefined;
}
