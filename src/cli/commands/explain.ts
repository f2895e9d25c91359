import { CONCEAL_ALWAYS } from "../../lib/backoff.ts";
import { UsageError } from "../../lib/errors.ts";
import { shortened } from "../../lib/shortened.ts";
import { CONNECT_TIMEOUT } from "../../node/index.ts";
import {
  effectiveSettings,
  nearest,
  originText,
  type PolicyDocument,
  requirePolicy,
  retryTimeline,
} from "../../policy/index.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { loadDocument } from "../load-document.ts";
import { type Output, printable } from "../output.ts";

export const explain: Command = {
  name: "explain",
  summary: "what a policy means: settings, where they come from, retries",
  help: `Explains a policy: the settings in effect, where each comes from, and when retries happen.

Usage: secure-streams explain POLICY [STREAMTYPE] [--strict] [--json]

  POLICY        a file or an http(s) URL
  STREAMTYPE    one of its streamtypes; default: all
  --strict      warnings (such as unknown keys) are errors
  --json        one JSON object per streamtype

Example:
  secure-streams explain policy.json telemetry
`,
  options: { strict: { type: "boolean" } },
  positionals: ["POLICY", "STREAMTYPE?"],
  async run({ values, positionals, output, signal }) {
    const [location = "", only] = positionals;
    const document = requirePolicy(await loadDocument(location, values.strict === true, signal));
    const names = [...document.policy.streamtypes.keys()];
    if (only !== undefined && !names.includes(only)) {
      const near = nearest(only, names);
      const hint = near === undefined ? `it has ${names.join(", ")}` : `did you mean "${near}"?`;
      throw new UsageError(`Cannot explain "${only}": ${location} has no such streamtype; ${hint}`);
    }
    for (const name of only === undefined ? names : [only]) explainOne(document, name, output);
    return EXIT.done;
  },
};

function explainOne(document: PolicyDocument, name: string, output: Output): void {
  const streamtype = document.policy.streamtypes.get(name);
  const settings = effectiveSettings(document, name) ?? [];
  if (streamtype === undefined) return;
  const timeline = retryTimeline(streamtype.retry, CONNECT_TIMEOUT, 12);
  output.event("streamtype", {
    streamtype: name,
    settings: settings.map(({ key, value, origin, at, isActedUpon }) => ({
      key,
      value: value ?? null,
      origin,
      at: at ?? null,
      isActedUpon,
    })),
    timeline,
    attemptTimeout: CONNECT_TIMEOUT,
  });
  const { paint } = output;
  output.line(paint.bold(printable(name)));
  const shown = settings.filter(
    ({ origin, value, isActedUpon }) =>
      origin !== "default" || (isActedUpon && value !== undefined && value !== false && value !== ""),
  );
  const width = Math.max(...shown.map(({ key }) => key.length));
  const values = shown.map(({ value }) => shorten(value));
  const valueWidth = Math.min(48, Math.max(...values.map((value) => value.length)));
  shown.forEach((setting, index) => {
    const value = (values[index] ?? "").padEnd(valueWidth);
    const later = setting.isActedUpon ? "" : " (not acted upon yet)";
    output.line(`  ${setting.key.padEnd(width)}  ${value}  ${paint.dim(originText(setting) + later)}`);
  });
  const { conceal } = streamtype.retry;
  const end = conceal === CONCEAL_ALWAYS ? "never gives up" : `gives up when attempt ${conceal + 1} fails`;
  output.line(`  retries (${end}), for a peer that:`);
  output.line(`${" ".repeat(40)}${"refuses at once".padEnd(24)}never answers`);
  for (const { number, wait, elapsed, elapsedInSilence, isLast } of timeline) {
    const after = number === 1 ? "at once" : `after ${range(wait)}`;
    const last = isLast ? paint.bad("  then all-retries-failed") : "";
    const [refused, silent] = [`at ${range(elapsed)}`.padEnd(24), `at ${range(elapsedInSilence)}`];
    output.line(
      `    attempt ${String(number).padStart(2)}  ${after.padEnd(24)}${paint.dim(refused + silent)}${last}`,
    );
  }
  if (conceal === CONCEAL_ALWAYS) output.line("    and so on, with the last wait");
  output.line(
    paint.dim(
      `    An attempt that is not connected fails after ${span(CONNECT_TIMEOUT)}; then the wait begins.`,
    ),
  );
  const { timeout } = streamtype;
  if (timeout !== undefined) {
    output.line(
      paint.dim(`    "timeout_ms" is ${span(timeout)}, retries included: what takes longer is given up.`),
    );
  }
  output.line("");
}

function range([least, most]: readonly [number, number]): string {
  return least === most ? span(least) : `${span(least)} to ${span(most)}`;
}

function span(millis: number): string {
  return millis >= 60_000 ? `${(millis / 60_000).toFixed(1)} min` : `${(millis / 1000).toFixed(1)} s`;
}

function shorten(value: unknown): string {
  const text = printable(typeof value === "string" ? value : (JSON.stringify(value) ?? "none"));
  return shortened(text, 47);
}
