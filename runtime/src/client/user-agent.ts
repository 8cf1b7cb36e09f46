/** Value of `user-agent`; a header of the caller wins. */
export const userAgent = "connect-migrate/0.1.0";
