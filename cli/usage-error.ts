/** Something the user can put right: the message says what was found where, and what to do. Exit code 1, no stack. */
export class UsageError extends Error {}
