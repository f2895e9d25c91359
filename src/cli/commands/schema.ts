import { policySchema } from "../../policy/index.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";

export const schema: Command = {
  name: "schema",
  summary: "the JSON Schema of the policy, for editors",
  help: `Prints the JSON Schema of the policy. Editors complete and check a policy that names it:
  { "$schema": "./node_modules/secure-streams/dist/policy.schema.json", ... }

Usage: secure-streams schema [--json]

  --json    the schema as one event

Example:
  secure-streams schema > policy.schema.json
`,
  options: {},
  positionals: [],
  async run({ output }) {
    output.event("schema", { schema: policySchema() });
    output.line(JSON.stringify(policySchema(), undefined, 2));
    return EXIT.done;
  },
};
