import { expect, test } from "vitest";
import { beyondOfficial } from "./official.js";
import { parse } from "./parse.js";

test.each([
  ["client.getItem(request, { interceptors: [auth] });", "interceptors of one call"],
  ["client.getItem(request, { timeoutMs: 500 });", undefined],
  ["const transport = createGrpcTransport({ target, interceptors: [auth] });", undefined],
  ["const transport = createGrpcTransport({ target, proxy: false });", "proxy of createGrpcTransport"],
  ["await ctx.sendHeaders();", "sendHeaders"],
])("%s", (source, found) => {
  expect(beyondOfficial(parse(source, "file.js"))).toBe(found);
});
