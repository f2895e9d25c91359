export { NtpClient } from "./client.ts";
export type { NtpFault, NtpInput, NtpOptions, NtpOutput, NtpServer, Opinion, RequestId } from "./words.ts";
