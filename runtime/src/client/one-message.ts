/** The request of a server-streaming call. Transports recognise it and send the message without iterating. */
export class OneMessage<T> implements AsyncIterable<T> {
  constructor(readonly value: T) {}

  [Symbol.asyncIterator](): AsyncIterator<T> {
    let taken = false;
    const { value } = this;
    return {
      next() {
        if (taken) {
          return Promise.resolve({ done: true, value: undefined });
        }
        taken = true;
        return Promise.resolve({ done: false, value });
      },
      // @connectrpc/connect's transports want a generator's whole interface
      return(value?: unknown) {
        taken = true;
        return Promise.resolve({ done: true, value });
      },
      throw(reason: unknown) {
        taken = true;
        return Promise.reject(reason);
      },
    };
  }
}
