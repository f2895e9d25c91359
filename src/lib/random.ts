/** A source of randomness, handed in so that machines stay repeatable. */
export interface Random {
  /** A number in [0, 1). */
  fraction(): number;
  /** An integer in [0, 65535]. */
  uint16(): number;
  /** `length` bytes. */
  bytes(length: number): Uint8Array;
}
