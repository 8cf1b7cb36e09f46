/** Nothing was written; the message names the file and what to do. */
export class WriteError extends Error {}
