import { buildPolicy } from "./build.ts";
import { type Draft, readDraft } from "./draft.ts";
import { fromValue, type Json, LIMITS, type Limits } from "./json.ts";
import { readJsonc } from "./jsonc.ts";
import { mergeDrafts } from "./overlay.ts";
import { PolicyError, type Problem, Problems } from "./problem.ts";
import { Source } from "./source.ts";
import type { Policy } from "./types.ts";

export interface Options {
  /** File name or URL shown in messages; default "policy". */
  readonly source?: string;
  /** Warnings are errors. */
  readonly strict?: boolean;
  readonly limits?: Partial<Limits>;
}

/** A policy, and what it was written as: what overlays and `effectiveSettings` start from. */
export interface PolicyDocument {
  readonly policy: Policy;
  readonly draft: Draft;
  readonly problems: readonly Problem[];
}

/** Either a document, its `problems` being warnings and notes, or `problems` with at least one error. */
export type Parsed =
  | { readonly document: PolicyDocument; readonly policy: Policy; readonly problems: readonly Problem[] }
  | { readonly document: undefined; readonly policy: undefined; readonly problems: readonly Problem[] };

/** A policy from JSON text; comments and trailing commas may stand in it. Never throws for what the text says. */
export function parsePolicy(text: string, options: Options = {}): Parsed {
  return parse(options, undefined, (problems) => fromText(text, options, false, problems));
}

/** A policy from a value, such as what `definePolicy` or JSON.parse returned. Places are JSON pointers. */
export function parsePolicyValue(value: unknown, options: Options = {}): Parsed {
  return parse(options, undefined, (problems) => fromObject(value, options, false, problems));
}

/**
 * The policy of `base` with an overlay's text laid over it: keys that the overlay has replace those of streamtypes,
 * retries and other named things of the same name, metadata and response maps add to them, `null` returns a key to
 * its default, new names are added. The outcome is checked as a whole; `base` stays as it is whatever happens.
 */
export function applyOverlay(base: PolicyDocument, text: string, options: Options = {}): Parsed {
  return parse(options, base, (problems) => fromText(text, options, true, problems));
}

/** As `applyOverlay`, from a value. */
export function applyOverlayValue(base: PolicyDocument, value: unknown, options: Options = {}): Parsed {
  return parse(options, base, (problems) => fromObject(value, options, true, problems));
}

/** The document, or a PolicyError with every problem. */
export function requirePolicy(parsed: Parsed): PolicyDocument {
  if (parsed.document === undefined) throw new PolicyError(parsed.problems);
  return parsed.document;
}

/** What comes of the tree of a policy, or of an overlay over `base`; `problems` holds what was found while reading. */
export function concludePolicy(
  root: Json | undefined,
  problems: Problems,
  { strict = false }: Options,
  base?: PolicyDocument,
): Parsed {
  const known = base?.problems ?? [];
  const written = root && readDraft(root, problems);
  const draft = written && base ? mergeDrafts(base.draft, written, problems) : written;
  const policy = draft && buildPolicy(draft, problems);
  const found = problems.list(strict, known);
  if (draft === undefined || policy === undefined || found.some((problem) => problem.severity === "error")) {
    return { document: undefined, policy: undefined, problems: found };
  }
  return { document: { policy, draft, problems: [...known, ...found] }, policy, problems: found };
}

function parse(
  options: Options,
  base: PolicyDocument | undefined,
  read: (problems: Problems) => Json | undefined,
): Parsed {
  const problems = new Problems();
  return concludePolicy(read(problems), problems, options, base);
}

function fromText(text: string, options: Options, isOverlay: boolean, problems: Problems): Json | undefined {
  const source = new Source(options.source ?? "policy", isOverlay);
  return readJsonc(text, source, { ...LIMITS, ...options.limits }, problems);
}

function fromObject(value: unknown, options: Options, isOverlay: boolean, problems: Problems): Json {
  const root = { source: new Source(options.source ?? "policy", isOverlay), offset: 0, path: "" };
  return fromValue(value, root, { ...LIMITS, ...options.limits }, problems);
}
