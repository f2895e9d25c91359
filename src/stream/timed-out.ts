import type { Layer, Reason } from "../lib/errors.ts";

/**
 * Why a limit of time has passed, in words that begin with `message`: what failed last before it is told with its layer.
 * The reason is of that layer, too, unless a connection stands by now: then of `own`.
 */
export function timedOut(
  message: string,
  last: Reason | undefined,
  { own, isConnected }: { readonly own: Layer; readonly isConnected: boolean },
): Reason {
  if (last === undefined) return { layer: own, code: "timeout", message };
  const layer = isConnected ? own : last.layer;
  return {
    layer,
    code: "timeout",
    message: `${message}; the last failure (${last.layer}): ${last.message}`,
  };
}
