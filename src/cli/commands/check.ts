import type { Command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { loadDocument } from "../load-document.ts";
import { printable } from "../output.ts";

export const check: Command = {
  name: "check",
  summary: "every fault of a policy, with file:line:column",
  help: `Checks a policy: every fault with its place, what is wrong, and what to write instead.

Usage: secure-streams check POLICY [--strict] [--json]

  POLICY      a file or an http(s) URL
  --strict    warnings (such as unknown keys) are errors
  --json      one JSON object per problem

Exit code 0 without errors, 2 with.

Example:
  secure-streams check policy.json --strict
`,
  options: { strict: { type: "boolean" } },
  positionals: ["POLICY"],
  async run({ values, positionals, output, signal }) {
    const location = positionals[0] ?? "";
    const { document, problems } = await loadDocument(location, values.strict === true, signal);
    for (const problem of problems) output.event("problem", problem);
    const { formatProblem } = await import("../../policy/index.ts");
    const { paint } = output;
    for (const problem of problems) {
      const text = printable(formatProblem(problem));
      output.line(
        problem.severity === "error" ? paint.bad(text) : problem.severity === "note" ? paint.dim(text) : text,
      );
    }
    const count = (severity: string): number => problems.filter((each) => each.severity === severity).length;
    const errors = count("error");
    const streamtypes = document === undefined ? [] : [...document.policy.streamtypes.keys()];
    output.event("checked", {
      ok: errors === 0,
      errors,
      warnings: count("warning"),
      notes: count("note"),
      streamtypes,
    });
    const tally = `${plural(errors, "error")}, ${plural(count("warning"), "warning")}, ${plural(count("note"), "note")}`;
    if (document === undefined) output.note(paint.bad(`${location} cannot be used: ${tally}`));
    else
      output.note(paint.good(`${location} is good: ${plural(streamtypes.length, "streamtype")}; ${tally}`));
    return errors === 0 ? EXIT.done : EXIT.usage;
  },
};

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
