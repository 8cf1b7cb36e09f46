/** A deadline that is over. */
const over = Number.MIN_VALUE;

/** The longest timeout that every gRPC server understands in milliseconds. */
const longest = 99_999_999;

/**
 * `timeoutMs` for a grpc-js deadline (a Date or milliseconds since 1970). No deadline, `Infinity`, an invalid one and
 * one more than a day away give undefined. A deadline in the past gives less than a millisecond, with which a call fails before
 * it is sent: zero would mean no timeout.
 */
export function timeoutFromDeadline(deadline: Date | number | null | undefined): number | undefined {
  if (deadline === null || deadline === undefined) {
    return undefined;
  }
  const left = Number(deadline) - Date.now();
  if (!Number.isFinite(left)) {
    return left === Number.NEGATIVE_INFINITY ? over : undefined;
  }
  if (left > longest) {
    return undefined;
  }
  return left <= 0 ? over : Math.ceil(left);
}
