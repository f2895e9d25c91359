/** Whether `code`, a name of errno, says that the process or the system has no file descriptor left. */
export function isOutOfDescriptors(code: unknown): boolean {
  return code === "EMFILE" || code === "ENFILE";
}
