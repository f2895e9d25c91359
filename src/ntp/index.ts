export { NtpClient } from "./client.ts";
export type { NtpFault, NtpInput, NtpOptions, NtpOutput, Opinion } from "./words.ts";
