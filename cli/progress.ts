/** One line on stderr that says what a long run is doing; nothing where stderr is no terminal. */
export interface Progress {
  /** `share`: how much of the run lies behind, from 0 to 1. */
  report(what: string, share?: number): void;
  done(): void;
}

/** A run that is this old, in milliseconds, says how long it will take. */
const ESTIMATE_AFTER = 2000;

export function createProgress(
  stream: Pick<NodeJS.WriteStream, "isTTY" | "columns" | "write">,
  now: () => number = Date.now,
): Progress {
  if (!stream.isTTY) return { report: () => {}, done: () => {} };
  const started = now();
  let last = 0;
  let isShown = false;
  return {
    report(what, share = 0) {
      const time = now();
      if (isShown && time - last < 80) return;
      last = time;
      isShown = true;
      const width = Math.max(20, (stream.columns ?? 80) - 1);
      stream.write(`\r\u001b[2K${(estimate(time - started, share) + what).slice(0, width)}`);
    },
    done() {
      if (isShown) stream.write("\r\u001b[2K");
      isShown = false;
    },
  };
}

function estimate(elapsed: number, share: number): string {
  if (elapsed < ESTIMATE_AFTER || share <= 0.05) return "";
  const left = Math.max(1, Math.round((elapsed * (1 - share)) / share / 1000));
  return `${Math.round(share * 100)} %, about ${left < 90 ? `${left} s` : `${Math.round(left / 60)} min`} left: `;
}
