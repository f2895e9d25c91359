import { isSame } from "../lib/same.ts";
import type { Policy, Streamtype } from "./types.ts";

/** Names of streamtypes, each list in the order of the policy it comes from. */
export interface PolicyDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** In both, with other effective settings, be it through a retry, a trust store, an auth or a certificate. */
  readonly changed: readonly string[];
  /** In both and the same in effect. */
  readonly unchanged: readonly string[];
}

export function diffPolicies(before: Policy, after: Policy): PolicyDiff {
  const both = [...after.streamtypes.values()].flatMap((streamtype) => {
    const old = before.streamtypes.get(streamtype.name);
    return old === undefined
      ? []
      : [{ name: streamtype.name, same: isSame(inEffect(old, before), inEffect(streamtype, after)) }];
  });
  return {
    added: [...after.streamtypes.keys()].filter((name) => !before.streamtypes.has(name)),
    removed: [...before.streamtypes.keys()].filter((name) => !after.streamtypes.has(name)),
    changed: both.filter((each) => !each.same).map((each) => each.name),
    unchanged: both.filter((each) => each.same).map((each) => each.name),
  };
}

/** What a streamtype does, without the names of what it refers to. */
function inEffect(streamtype: Streamtype, policy: Policy): unknown {
  const { retry, trustStore, auth, server } = streamtype;
  return {
    ...streamtype,
    retry: { ...retry, name: "" },
    trustStore: trustStore && { ...trustStore, name: "" },
    auth: auth && { ...auth, name: "" },
    server: server && {
      certificate: policy.certificates.get(server.certificate ?? ""),
      key: policy.certificates.get(server.key ?? ""),
    },
  };
}
