/** One line on stderr that says what a long run is doing; nothing where stderr is no terminal. */
export interface Progress {
  report(what: string): void;
  done(): void;
}

export function createProgress(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return { report: () => {}, done: () => {} };
  let last = 0;
  let isShown = false;
  return {
    report(what) {
      const now = Date.now();
      if (isShown && now - last < 80) return;
      last = now;
      isShown = true;
      const width = Math.max(20, (stream.columns ?? 80) - 1);
      stream.write(`\r\u001b[2K${what.slice(0, width)}`);
    },
    done() {
      if (isShown) stream.write("\r\u001b[2K");
      isShown = false;
    },
  };
}
