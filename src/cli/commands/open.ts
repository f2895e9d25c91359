import { type Context, createContext, formatProblem } from "../../index.ts";
import { UsageError } from "../../lib/errors.ts";
import { type Command, type Invocation, text, texts, wholeNumber } from "../command.ts";
import { exchange } from "../exchange.ts";
import type { ExitCode } from "../exit-codes.ts";
import { until } from "../interrupt.ts";
import { type Output, printable } from "../output.ts";
import { tellState } from "../tell.ts";
import { transact } from "../transact.ts";

export const open: Command = {
  name: "open",
  summary: "open a stream of a policy: payload in, payload out",
  help: `Opens one stream of a policy. Payload goes to stdout, states go to stderr.

Usage: secure-streams open STREAMTYPE [options]

  --policy FILE|URL       default: policy.json
  --metadata NAME=VALUE   fills \${NAME} and headers; may stand several times
  --data TEXT|@FILE|-     what to send; - is stdin
  --count N               leave after N received messages
  --timeout MS            give up after so many milliseconds, with exit code 4
  --strict                warnings of the policy are errors
  --json                  one JSON object per line: states and messages

h1, h2: one transaction. Its body comes from --data, or from stdin where the method takes one.
ws, mqtt, raw: each line of stdin (or --data) is a message; leaves when stdin has ended and
everything is acknowledged, unless --count waits for more.

Exit codes: 0 acknowledged, 1 refused by the peer, 2 usage or policy, 3 unreachable, 4 timed out,
130 interrupted before everything was acknowledged.

Example:
  secure-streams open config --policy policy.json > config.json
  sensor | secure-streams open telemetry --metadata device=roof-3
`,
  options: {
    policy: { type: "string" },
    metadata: { type: "string", multiple: true },
    data: { type: "string" },
    count: { type: "string" },
    timeout: { type: "string" },
    strict: { type: "boolean" },
  },
  positionals: ["STREAMTYPE"],
  async run(invocation) {
    const timeout = wholeNumber(invocation, "timeout", 1);
    const count = wholeNumber(invocation, "count", 1);
    const metadata = readMetadata(invocation);
    const policy = text(invocation, "policy") ?? "policy.json";
    const strict = invocation.values.strict === true;
    await using context = await until(invocation.signal, createContext({ policy, strict }));
    tellProblems(context, policy, invocation.output);
    const work = { metadata, timeout, count, data: text(invocation, "data"), invocation };
    return await start(context, invocation.positionals[0] ?? "", work);
  },
};

/** What the command line asks of one stream. */
export interface Work {
  readonly metadata: Readonly<Record<string, string>>;
  readonly timeout: number | undefined;
  readonly count: number | undefined;
  readonly data: string | undefined;
  readonly invocation: Invocation;
}

function start(context: Context<string>, streamtype: string, work: Work): Promise<ExitCode> {
  const { output } = work.invocation;
  const stream = context.open(streamtype, {
    metadata: work.metadata,
    state: (event) => {
      tellState(output, event);
      return undefined;
    },
  });
  return stream.isTransactional ? transact(stream, work) : exchange(stream, work);
}

/** Warnings of the policy, which a program would find in its log. */
function tellProblems({ problems }: Context<string>, policy: string, output: Output): void {
  for (const problem of problems) output.event("problem", problem);
  for (const problem of problems) {
    if (problem.severity === "warning") output.note(printable(formatProblem(problem)));
  }
  const notes = problems.filter(({ severity }) => severity === "note").length;
  const keys = notes === 1 ? "1 key is" : `${notes} keys are`;
  if (notes > 0) output.note(`${policy}: ${keys} not acted upon yet; see secure-streams check`);
}

function readMetadata(invocation: Invocation): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const pair of texts(invocation, "metadata")) {
    const at = pair.indexOf("=");
    if (at < 1) throw new UsageError(`Cannot use --metadata "${pair}": write NAME=VALUE`);
    metadata[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return metadata;
}
