// The interoperability cases of gRPC and Connect. A case gets a client (see peers.mjs) and throws when something is wrong.
import assert from "node:assert/strict";
import { connect, failure } from "./peers.mjs";

const payload = (size) => ({ type: 0, body: new Uint8Array(size) });
const zeros = (message, size) => {
  assert.equal(message.payload?.body.length ?? 0, size);
  assert.ok((message.payload?.body ?? []).every((byte) => byte === 0));
};
const outputs = (...sizes) => sizes.map((size) => ({ size, intervalUs: 0 }));
const outputSizes = [31415, 9, 2653, 58979];
const inputSizes = [27182, 8, 1828, 45904];

async function* stream(...items) {
  yield* items;
}
async function all(messages) {
  const list = [];
  for await (const message of messages) list.push(message);
  return list;
}
async function failureOf(client, call) {
  try {
    await call;
  } catch (error) {
    return client.read(error);
  }
  assert.fail("the call succeeded");
}
/** Requests that are given one by one. */
function channel() {
  const items = [];
  let wake = () => {};
  let closed = false;
  return {
    send(item) {
      items.push(item);
      wake();
    },
    close() {
      closed = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      while (true) {
        while (items.length > 0) yield items.shift();
        if (closed) return;
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
const canceled = 1;
const deadlineExceeded = 4;
const unimplemented = 12;
const unavailable = 14;

export const cases = {
  async empty_unary({ test }) {
    await test.emptyCall({});
  },
  async cacheable_unary({ test }, protocol) {
    let method;
    const options = {
      onHeader: (h) => {
        method = h.get("x-method");
      },
    };
    zeros(await test.cacheableUnaryCall({ responseSize: 1, payload: payload(1) }, options), 1);
    if (protocol === "Connect") assert.equal(method, "GET");
  },
  async large_unary({ test }) {
    zeros(await test.unaryCall({ responseSize: 314159, payload: payload(271828) }), 314159);
  },
  async client_streaming({ test }) {
    const response = await test.streamingInputCall(stream(...inputSizes.map((size) => ({ payload: payload(size) }))));
    assert.equal(response.aggregatedPayloadSize, 74922);
  },
  async server_streaming({ test }) {
    const responses = await all(test.streamingOutputCall({ responseParameters: outputs(...outputSizes) }));
    assert.equal(responses.length, outputSizes.length);
    for (const [i, response] of responses.entries()) zeros(response, outputSizes[i]);
  },
  async ping_pong({ test }) {
    const requests = channel();
    const responses = test.fullDuplexCall(requests)[Symbol.asyncIterator]();
    for (const [i, size] of outputSizes.entries()) {
      requests.send({ responseParameters: outputs(size), payload: payload(inputSizes[i]) });
      zeros((await responses.next()).value, size);
    }
    requests.close();
    assert.equal((await responses.next()).done, true);
  },
  async empty_stream({ test }) {
    assert.deepEqual(await all(test.fullDuplexCall(stream())), []);
  },
  async cancel_after_begin(client) {
    const controller = new AbortController();
    const requests = channel();
    const call = failureOf(client, client.test.streamingInputCall(requests, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 10);
    assert.equal((await call).code, canceled);
    requests.close();
  },
  async cancel_after_first_response(client) {
    const controller = new AbortController();
    const requests = channel();
    const responses = client.test.fullDuplexCall(requests, { signal: controller.signal })[Symbol.asyncIterator]();
    requests.send({ responseParameters: outputs(31415), payload: payload(27182) });
    zeros((await responses.next()).value, 31415);
    controller.abort();
    assert.equal((await failureOf(client, responses.next())).code, canceled);
    requests.close();
  },
  async timeout_on_sleeping_server(client) {
    const requests = channel();
    requests.send({ responseParameters: [{ size: 31415, intervalUs: 50_000 }], payload: payload(27182) });
    const call = all(client.test.fullDuplexCall(requests, { timeoutMs: 1 }));
    assert.equal((await failureOf(client, call)).code, deadlineExceeded);
    requests.close();
  },
  async custom_metadata({ test }) {
    const headers = {
      "x-grpc-test-echo-initial": "test_initial_metadata_value",
      "x-grpc-test-echo-trailing-bin": "q6ur",
    };
    for (const kind of ["unary", "bidi"]) {
      const seen = {};
      const options = {
        headers,
        onHeader: (h) => {
          seen.initial = h.get("x-grpc-test-echo-initial");
        },
        onTrailer: (t) => {
          seen.trailing = t.get("x-grpc-test-echo-trailing-bin");
        },
      };
      if (kind === "unary") await test.unaryCall({ responseSize: 314159, payload: payload(271828) }, options);
      else
        await all(
          test.fullDuplexCall(stream({ responseParameters: outputs(314159), payload: payload(271828) }), options),
        );
      // grpc-js gives the status after the last message
      await new Promise((resolve) => setTimeout(resolve, 5));
      assert.deepEqual(seen, { initial: headers["x-grpc-test-echo-initial"], trailing: "q6ur" }, kind);
    }
  },
  async duplicated_custom_metadata({ test }) {
    const headers = new Headers();
    for (const value of ["a", "b"]) headers.append("x-grpc-test-echo-initial", value);
    for (const value of ["q6ur", "AQID"]) headers.append("x-grpc-test-echo-trailing-bin", value);
    const seen = {};
    await test.unaryCall(
      { responseSize: 1 },
      {
        headers,
        onHeader: (h) => {
          seen.initial = h.get("x-grpc-test-echo-initial");
        },
        onTrailer: (t) => {
          seen.trailing = t.get("x-grpc-test-echo-trailing-bin");
        },
      },
    );
    assert.deepEqual(
      [seen.initial, seen.trailing].map((value) => value?.split(",").map((part) => part.trim())),
      [
        ["a", "b"],
        ["q6ur", "AQID"],
      ],
    );
  },
  async status_code_and_message(client) {
    const responseStatus = { code: 2, message: "test status message" };
    const expected = { code: 2, text: "test status message" };
    for (const call of [
      () => client.test.unaryCall({ responseStatus }),
      () => all(client.test.fullDuplexCall(stream({ responseStatus }))),
    ]) {
      const { code, text } = await failureOf(client, call());
      assert.deepEqual({ code, text }, expected);
    }
  },
  async special_status_message(client) {
    const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    const { code, text } = await failureOf(client, client.test.unaryCall({ responseStatus: { code: 2, message } }));
    assert.deepEqual({ code, text }, { code: 2, text: message });
  },
  async fail_unary(client) {
    const { code, text, details } = await failureOf(client, client.test.failUnaryCall({ responseSize: 1 }));
    assert.deepEqual({ code, text }, { code: failure.code, text: failure.message });
    if (details !== undefined) assert.deepEqual(details, [failure.detail]);
  },
  async fail_server_streaming(client) {
    const { code, text } = await failureOf(
      client,
      all(client.test.failStreamingOutputCall({ responseParameters: [] })),
    );
    assert.deepEqual({ code, text }, { code: failure.code, text: failure.message });
  },
  async fail_server_streaming_after_response(client) {
    const sizes = [];
    const call = async () => {
      const responses = client.test.failStreamingOutputCall({ responseParameters: outputs(...outputSizes) });
      for await (const { payload: received } of responses) sizes.push(received.body.length);
    };
    const { code, text } = await failureOf(client, call());
    assert.deepEqual({ code, text, sizes }, { code: failure.code, text: failure.message, sizes: outputSizes });
  },
  async unimplemented_method(client) {
    assert.equal((await failureOf(client, client.test.unimplementedCall({}))).code, unimplemented);
  },
  async unimplemented_server_streaming_method(client) {
    assert.equal((await failureOf(client, all(client.test.unimplementedStreamingOutputCall({})))).code, unimplemented);
  },
  async unimplemented_service(client) {
    assert.equal((await failureOf(client, client.unimplemented.unimplementedCall({}))).code, unimplemented);
  },
  async unimplemented_server_streaming_service(client) {
    const call = all(client.unimplemented.unimplementedStreamingOutputCall({}));
    assert.equal((await failureOf(client, call)).code, unimplemented);
  },
  async unresolvable_host(_client, protocol, stack) {
    const nowhere = connect(stack, protocol, 443, "unresolvable-host.invalid");
    assert.equal((await failureOf(nowhere, nowhere.test.emptyCall({}))).code, unavailable);
    nowhere.close();
  },
};
