import { type Context, type ContextOptions, createContextOver, type PolicySource } from "./context/index.ts";
import { UsageError } from "./lib/errors.ts";
import { createNodePorts, type NodePortsOptions } from "./node/index.ts";
import type { DEFAULT_POLICY } from "./policy/index.ts";

/**
 * Reads the policy and makes a context of it: `context.open(streamtype)` and `context.request(streamtype)` do the rest.
 * Rejects with PolicyError, every fault of the policy in it with file, line and column.
 */
export async function createContext<const P extends PolicySource = typeof DEFAULT_POLICY>(
  options: ContextOptions<P> & NodePortsOptions = {},
): Promise<Context<P>> {
  if (typeof options !== "object" || options === null) {
    throw new UsageError("Cannot create the context: expected an object of options");
  }
  const { resolver, time, ...rest } = options;
  const ports = createNodePorts({
    ...(resolver === undefined ? {} : { resolver }),
    ...(time === undefined ? {} : { time }),
  });
  return createContextOver<P>(ports, rest as ContextOptions<P>);
}

export {
  type Abortable,
  type Acknowledgement,
  type Body,
  type ConnectionInfo,
  Context,
  type ContextOptions,
  DESTROY_ME,
  DISCONNECT_ME,
  type Handlers,
  type Inspection,
  type Logger,
  type Message,
  type MessageOptions,
  type OpenOptions,
  type Payload,
  type Piece,
  type PolicySource,
  Reply,
  type RequestOptions,
  type StateEvent,
  Stream,
  type StreamInfo,
  type TimeSource,
  type Verdict,
} from "./context/index.ts";
export {
  ERROR_CODES,
  type ErrorCode,
  type Layer,
  type Reason,
  SecureStreamsError,
  UsageError,
} from "./lib/errors.ts";
export {
  definePolicy,
  formatProblem,
  type MetadataName,
  PolicyError,
  type PolicyInput,
  type Problem,
  type StreamtypeName,
} from "./policy/index.ts";
export type { ClientCertificate, Identity, StateName, UserState } from "./stream/index.ts";
