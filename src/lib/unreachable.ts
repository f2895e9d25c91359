/** The default of an exhaustive switch: a compile error if a case is missing, a clear throw if the types lied. */
export function unreachable(value: never): never {
  throw new TypeError(`Cannot handle: unexpected value ${JSON.stringify(value)}`);
}
