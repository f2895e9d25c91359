import { X509Certificate } from "node:crypto";
import { createRequire } from "node:module";

/** What OpenSSL says of a chain: Node's name of its error, and its sentence. */
export interface ChainFault {
  readonly code: string;
  readonly message: string;
}

export interface ChainTrust {
  /** PEM or DER. */
  readonly roots: readonly (string | Uint8Array)[];
  /** DER. */
  readonly revocations: readonly Uint8Array[];
}

/**
 * Judges the chain of a server, its own certificate first, as a handshake does, at `at` (ms since 1970) instead of the
 * system's time. Undefined: it is good.
 */
export type ChainJudge = (
  chain: readonly Uint8Array[],
  trust: ChainTrust,
  at: number,
) => ChainFault | undefined;

/** openssl/x509_vfy.h; Node's names of what is not told by a sentence alone. */
const ERROR_NAMES: Readonly<Record<number, string>> = {
  2: "UNABLE_TO_GET_ISSUER_CERT",
  3: "UNABLE_TO_GET_CRL",
  7: "CERT_SIGNATURE_FAILURE",
  8: "CRL_SIGNATURE_FAILURE",
  9: "CERT_NOT_YET_VALID",
  10: "CERT_HAS_EXPIRED",
  11: "CRL_NOT_YET_VALID",
  12: "CRL_HAS_EXPIRED",
  18: "DEPTH_ZERO_SELF_SIGNED_CERT",
  19: "SELF_SIGNED_CERT_IN_CHAIN",
  20: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  21: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  22: "CERT_CHAIN_TOO_LONG",
  23: "CERT_REVOKED",
  25: "PATH_LENGTH_EXCEEDED",
  26: "INVALID_PURPOSE",
  27: "CERT_UNTRUSTED",
  28: "CERT_REJECTED",
  79: "INVALID_CA",
};
/** X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL */
const CHECK_REVOCATION = 0x4 | 0x8;
/** As in the secure contexts: 112 bits. */
const LEVEL = 2;

type Pointer = unknown;
type Calls = ReturnType<typeof loadCalls>;

let judge: ChainJudge | undefined;

/**
 * The judge that speaks to the OpenSSL inside this process; Node has no way to hand a time to a handshake. Undefined
 * without the optional package koffi.
 */
export function loadChainJudge(): ChainJudge | undefined {
  if (judge !== undefined) return judge;
  try {
    const calls = loadCalls();
    judge = (chain, trust, at) => judgeChain(calls, chain, trust, at);
  } catch {
    return undefined;
  }
  return judge;
}

function loadCalls() {
  const koffi: typeof import("koffi") = createRequire(import.meta.url)("koffi");
  const process = koffi.load(null);
  const call = (result: string, name: string, ...args: string[]) => process.func(name, result, args);
  return {
    parseCertificate: call("void *", "d2i_X509", "void *", "uint8_t **", "long"),
    freeCertificate: call("void", "X509_free", "void *"),
    parseRevocations: call("void *", "d2i_X509_CRL", "void *", "uint8_t **", "long"),
    freeRevocations: call("void", "X509_CRL_free", "void *"),
    createStore: call("void *", "X509_STORE_new"),
    freeStore: call("void", "X509_STORE_free", "void *"),
    addCertificate: call("int", "X509_STORE_add_cert", "void *", "void *"),
    addRevocations: call("int", "X509_STORE_add_crl", "void *", "void *"),
    setFlags: call("int", "X509_STORE_set_flags", "void *", "ulong"),
    createStack: call("void *", "OPENSSL_sk_new_null"),
    pushStack: call("int", "OPENSSL_sk_push", "void *", "void *"),
    freeStack: call("void", "OPENSSL_sk_free", "void *"),
    createContext: call("void *", "X509_STORE_CTX_new"),
    freeContext: call("void", "X509_STORE_CTX_free", "void *"),
    initContext: call("int", "X509_STORE_CTX_init", "void *", "void *", "void *", "void *"),
    setDefault: call("int", "X509_STORE_CTX_set_default", "void *", "str"),
    parameters: call("void *", "X509_STORE_CTX_get0_param", "void *"),
    setTime: call("void", "X509_VERIFY_PARAM_set_time", "void *", "int64_t"),
    setLevel: call("void", "X509_VERIFY_PARAM_set_auth_level", "void *", "int"),
    verify: call("int", "X509_verify_cert", "void *"),
    error: call("int", "X509_STORE_CTX_get_error", "void *"),
    sentence: call("str", "X509_verify_cert_error_string", "long"),
  };
}

function judgeChain(
  calls: Calls,
  chain: readonly Uint8Array[],
  { roots, revocations }: ChainTrust,
  at: number,
): ChainFault | undefined {
  const undo: (() => void)[] = [];
  const keep = (pointer: Pointer, free: (pointer: Pointer) => void): Pointer => {
    if (pointer === null) throw new Error("Cannot judge the chain: OpenSSL refuses a part of it");
    undo.push(() => free(pointer));
    return pointer;
  };
  const certificate = (der: Uint8Array): Pointer =>
    keep(calls.parseCertificate(null, [der], der.length), calls.freeCertificate);
  try {
    const store = keep(calls.createStore(), calls.freeStore);
    for (const root of roots) calls.addCertificate(store, certificate(derOf(root)));
    for (const der of revocations) {
      const list = keep(calls.parseRevocations(null, [der], der.length), calls.freeRevocations);
      calls.addRevocations(store, list);
    }
    if (revocations.length > 0) calls.setFlags(store, CHECK_REVOCATION);
    const [leaf, ...others] = chain.map(certificate);
    const stack = keep(calls.createStack(), calls.freeStack);
    for (const other of others) calls.pushStack(stack, other);
    const context = keep(calls.createContext(), calls.freeContext);
    calls.initContext(context, store, leaf, stack);
    calls.setDefault(context, "ssl_server");
    const parameters = calls.parameters(context);
    calls.setTime(parameters, Math.floor(at / 1000));
    calls.setLevel(parameters, LEVEL);
    if (calls.verify(context) === 1) return undefined;
    const number: number = calls.error(context);
    return { code: ERROR_NAMES[number] ?? "UNSPECIFIED", message: calls.sentence(number) };
  } catch (error) {
    return { code: "UNSPECIFIED", message: error instanceof Error ? error.message : String(error) };
  } finally {
    for (const free of undo.reverse()) free();
  }
}

function derOf(certificate: string | Uint8Array): Uint8Array {
  return typeof certificate === "string" ? new X509Certificate(certificate).raw : certificate;
}
