import { expect, it } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import { createConnectRouter, createFetchHandler } from "../index.js";

it("a handler of a router answers a Request of the Fetch API", async () => {
  const router = createConnectRouter();
  router.service(Echo, {
    unary: (request) => ({ text: request.text.toUpperCase() }),
    async *serverStream(request) {
      for (let i = 0; i < request.count; i++) yield { count: i };
    },
  });
  const post = async (name: string, contentType: string, body: BodyInit) => {
    const handler = router.handlers.find((each) => each.method.name === name);
    if (handler === undefined) throw new Error(`no handler of ${name}`);
    const url = `https://example.org${handler.requestPath}`;
    const init = { method: "POST", headers: { "content-type": contentType }, body };
    return await createFetchHandler(handler)(new Request(url, init));
  };
  const answer = await post("Unary", "application/json", '{"text":"hi"}');
  expect([answer.status, await answer.json()]).toEqual([200, { text: "HI" }]);
  const refused = await post("Unary", "text/plain", "hi");
  expect([refused.status, await refused.text()]).toEqual([415, ""]);
  const request = Buffer.concat([Buffer.from([0, 0, 0, 0, 11]), Buffer.from('{"count":2}')]);
  const stream = await post("ServerStream", "application/connect+json", request);
  const text = await stream.text();
  expect(text.match(/\{[^{}]*\}/g)).toEqual(["{}", '{"count":1}', "{}"]);
});
