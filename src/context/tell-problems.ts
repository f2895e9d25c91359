import type { Problem } from "../policy/index.ts";
import type { Logger } from "./ports.ts";

/** What is worth knowing about a policy that comes into force, without what the log has of the one before. */
export function tellProblems(
  problems: readonly Problem[],
  told: readonly Problem[],
  logger: Logger | undefined,
): void {
  if (logger === undefined) return;
  const known = new Set(told);
  for (const problem of problems) {
    if (known.has(problem)) continue;
    if (problem.severity === "note") logger.info({ ...problem }, "policy.note");
    else logger.warn({ ...problem }, "policy.warning");
  }
}
