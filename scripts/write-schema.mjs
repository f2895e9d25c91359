// Writes the policy's JSON Schema, for editors and for `secure-streams schema`, from the validator's own table.
import { writeFileSync } from "node:fs";
import { policySchema } from "../build/policy/index.js";

writeFileSync(
  new URL("../dist/policy.schema.json", import.meta.url),
  `${JSON.stringify(policySchema(), null, 2)}\n`,
);
