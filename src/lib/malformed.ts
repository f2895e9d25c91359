/** Bytes that are not what they claim to be. Thrown by decoders, caught where bytes of a peer enter. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}
