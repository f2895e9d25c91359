// The properties of src/policy/fuzz.test.ts, 10^5 times.
process.env.SECURE_STREAMS_FUZZ_RUNS ??= "100000";
await import("../../src/policy/fuzz.test.ts");
