import {
  type Parsed,
  type PolicyDocument,
  parsePolicy,
  parsePolicyValue,
  requirePolicy,
} from "../policy/index.ts";
import type { Ports } from "./ports.ts";

/** A path, a URL (`https:`, `http:`, `file:`), the JSON text itself (it begins with `{`), or an object. */
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
  if (/^[\s\ufeff]*(?:\{|\/[/*])/.test(location))
    return parsePolicy(location, { source: "policy", ...options });
  return parsePolicy(await ports.readPolicy(location), { source: location, ...options });
}

/** A URL object is known by its `href`; a policy has no such key. */
function hrefOf(source: unknown): string | undefined {
  return typeof source === "object" && source !== null && "href" in source && typeof source.href === "string"
    ? source.href
    : undefined;
}
