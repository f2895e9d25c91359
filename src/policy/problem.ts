import { type ErrorCode, SecureStreamsError } from "../lib/errors.ts";
import type { Place } from "./source.ts";

export type Severity = "error" | "warning" | "note";

/** One fault of a policy, or one thing worth knowing about it. */
export interface Problem {
  readonly severity: Severity;
  readonly code: ErrorCode;
  /** What is wrong and what to write instead. */
  readonly message: string;
  /** The file name or URL given as `source`. */
  readonly source: string;
  /** From 1; undefined where the policy came as an object. */
  readonly line: number | undefined;
  /** From 1, in UTF-16 units. */
  readonly column: number | undefined;
  /** JSON pointer of the value or member concerned. */
  readonly path: string;
  /** The name that was probably meant. */
  readonly suggestion?: string;
}

/** `file:line:column: error: Unknown key "endpont" (did you mean "endpoint"?)`. */
export function formatProblem(problem: Problem): string {
  const where = problem.line === undefined ? `#${problem.path}` : `:${problem.line}:${problem.column}`;
  const hint = problem.suggestion === undefined ? "" : ` (did you mean "${problem.suggestion}"?)`;
  return `${problem.source}${where}: ${problem.severity}: ${problem.message}${hint}`;
}

/** A policy that cannot be used. `problems` holds every fault found, warnings and notes included. */
export class PolicyError extends SecureStreamsError {
  override readonly name = "PolicyError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const errors = problems.filter((problem) => problem.severity === "error");
    super({
      layer: "policy",
      code: errors[0]?.code ?? "policy-value",
      message: errors.map(formatProblem).join("\n"),
    });
    this.problems = problems;
  }
}

/** The name that was probably meant; asked only while problems are kept. */
export type Suggest = () => string | undefined;

/** Longest path kept; keys may be as long as the text. */
const LONGEST_PATH = 1000;
/** How many problems of each kind, errors and others, are kept. */
const MOST = 100;

/** Collects problems, keeps a bounded number of them; errors have their own room, so warnings never displace one. */
export class Problems {
  readonly #errors: Problem[] = [];
  readonly #others: Problem[] = [];
  #droppedCount = 0;

  get hasErrors(): boolean {
    return this.#errors.length > 0;
  }

  error(code: ErrorCode, place: Place, message: string, suggest?: Suggest): void {
    this.#add("error", code, place, message, suggest);
  }

  warning(code: ErrorCode, place: Place, message: string, suggest?: Suggest): void {
    this.#add("warning", code, place, message, suggest);
  }

  note(code: ErrorCode, place: Place, message: string): void {
    this.#add("note", code, place, message);
  }

  /**
   * All that was kept, in the order of the text, without the warnings and notes that `known` already holds.
   * `strict` makes every warning an error.
   */
  list(strict: boolean, known: readonly Problem[] = []): readonly Problem[] {
    const old = new Set(known.map(formatProblem));
    const fresh = this.#others.filter((problem) => !old.has(formatProblem(problem)));
    const all = [...this.#errors, ...fresh.map((problem) => (strict ? asError(problem) : problem))];
    all.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
    const last = all.at(-1);
    if (last === undefined || this.#droppedCount === 0) return all;
    const message = `${this.#droppedCount} more problems are not listed`;
    return [...all, { ...last, severity: "note", message }];
  }

  #add(severity: Severity, code: ErrorCode, place: Place, message: string, suggest?: Suggest): void {
    const kept = severity === "error" ? this.#errors : this.#others;
    if (kept.length === MOST) {
      this.#droppedCount++;
      return;
    }
    const at = place.source.position(place.offset);
    const suggestion = suggest?.();
    kept.push({
      severity,
      code,
      message,
      source: place.source.name,
      line: at?.line,
      column: at?.column,
      path: place.path.slice(0, LONGEST_PATH),
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  }
}

function asError(problem: Problem): Problem {
  return problem.severity === "warning" ? { ...problem, severity: "error" } : problem;
}
