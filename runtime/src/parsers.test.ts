import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBinaryHeader } from "./binary-header.js";
import { createCallPolicies } from "./client/service-config.js";
import { Code } from "./code.js";
import { ConnectError } from "./connect-error.js";
import { endStreamFromJsonBytes, endStreamToJsonBytes, errorFromJsonBytes, errorToJsonBytes } from "./connect-json.js";
import { parseContentType } from "./content-type.js";
import { decodeRpcStatus, errorFromGrpcTrailer } from "./grpc-status.js";
import { createHeaders, headerLines, headersFromRaw } from "./headers.js";
import { resolveListenAddress } from "./node/listen-address.js";
import { parseProxy, proxyFromEnvironment } from "./node/proxy.js";
import { createBase64Decoder } from "./server/base64-text.js";
import { connectGetWires, wireFromContentType } from "./server/wire.js";
import { parseConnectTimeout, parseGrpcTimeout } from "./timeout.js";

// What a peer or an environment says, in any shape: a value, or the parser's own kind of error, and never another one.
// (Envelopes, gRPC messages, targets, snappy and whole bodies have property tests of their own.)

const utf8 = new TextEncoder();
const fallback = new ConnectError("fallback", Code.Unknown);

/** JSON that looks like what is expected, with wrong parts in it. */
const detail = fc.record(
  {
    type: fc.oneof(fc.string(), fc.constant(7)),
    value: fc.oneof(fc.base64String(), fc.string(), fc.constant(null)),
    debug: fc.jsonValue(),
  },
  { requiredKeys: [] },
);
const errorJson = fc.record(
  {
    code: fc.oneof(fc.constantFrom("not_found", "canceled", "no_such"), fc.jsonValue()),
    message: fc.oneof(fc.string(), fc.jsonValue()),
    details: fc.oneof(fc.array(detail), fc.jsonValue()),
  },
  { requiredKeys: [] },
);
const headerName = fc.oneof(
  fc.stringMatching(/^[a-z0-9-]{1,12}$/),
  fc.constantFrom("constructor", "__proto__", "hasownproperty", "trailer-constructor"),
);
const endStreamJson = fc.record(
  {
    error: fc.oneof(errorJson, fc.jsonValue()),
    metadata: fc.oneof(
      fc.dictionary(fc.oneof(headerName, fc.string()), fc.array(fc.string())),
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.jsonValue(),
    ),
  },
  { requiredKeys: [] },
);
const jsonBytes = (json: fc.Arbitrary<unknown>) =>
  fc.oneof(
    json.map((value) => utf8.encode(JSON.stringify(value))),
    fc.uint8Array({ maxLength: 80 }),
  );

function onlyConnectErrors(run: () => unknown): void {
  try {
    run();
  } catch (e) {
    expect(e).toBeInstanceOf(ConnectError);
  }
}

describe("any input is read or refused", () => {
  it("errors of Connect", () => {
    fc.assert(
      fc.property(jsonBytes(errorJson), (bytes) => {
        expect(errorFromJsonBytes(bytes, undefined, fallback)).toBeInstanceOf(ConnectError);
      }),
    );
  });

  it("ends of Connect streams, also with names that no header can have", () => {
    fc.assert(fc.property(jsonBytes(endStreamJson), (bytes) => onlyConnectErrors(() => endStreamFromJsonBytes(bytes))));
    const bad = utf8.encode('{"metadata":{"a b":["x"]}}');
    expect(() => endStreamFromJsonBytes(bad)).toThrow(ConnectError);
  });

  it("statuses of gRPC in trailers", () => {
    const value = fc.option(fc.oneof(fc.string(), fc.nat().map(String), fc.base64String()), { nil: undefined });
    fc.assert(
      fc.property(value, value, value, (status, message, details) => {
        const trailers: Record<string, string | undefined> = {
          "grpc-status": status,
          "grpc-message": message,
          "grpc-status-details-bin": details,
        };
        const error = errorFromGrpcTrailer(
          (name) => trailers[name],
          () => createHeaders(),
        );
        if (error !== undefined) expect(error).toBeInstanceOf(ConnectError);
      }),
    );
  });

  it("google.rpc.Status", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeRpcStatus(bytes);
        } catch (e) {
          expect((e as Error).name).toMatch(/Error$/);
        }
      }),
    );
  });

  it("timeouts: a number of milliseconds that a timer can be asked for, or invalid_argument", () => {
    const near = fc
      .tuple(fc.stringMatching(/^[0-9]{0,12}$/), fc.constantFrom(..."HMSmunx ", ""))
      .map((t) => t.join(""));
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => {
        for (const parse of [parseGrpcTimeout, parseConnectTimeout]) {
          const { timeoutMs, error } = parse(text);
          if (error === undefined) expect(timeoutMs === undefined || timeoutMs >= 0).toBe(true);
          else expect(error.code).toBe(Code.InvalidArgument);
        }
      }),
    );
  });

  it("content types", () => {
    const near = fc
      .tuple(
        fc.constantFrom("application/", "Application/", "text/", ""),
        fc.constantFrom("grpc", "grpc-web", "grpc-web-text", "connect", "json", "proto", "constructor", "__proto__"),
        fc.constantFrom("", "+proto", "+json", "+x", "; charset=utf-8", ";", ' ; charset="', "+"),
      )
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => {
        const parsed = parseContentType(text);
        const wire = wireFromContentType(text);
        expect(wire === undefined).toBe(parsed === undefined);
        if (wire !== undefined) expect(["proto", "json"]).toContain(wire.format);
      }),
    );
    expect(Object.keys(connectGetWires).sort()).toEqual(["json", "proto"]);
  });

  it("binary headers", () => {
    fc.assert(fc.property(fc.string(), (text) => onlyConnectErrors(() => decodeBinaryHeader(text))));
  });

  it("base64 of gRPC-Web in any split", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 5 }), (chunks) => {
        const decoder = createBase64Decoder();
        try {
          for (const chunk of chunks) decoder.push(chunk);
        } catch (e) {
          // The call makes invalid_argument of it
          expect(e).toBeInstanceOf(SyntaxError);
        }
        expect(decoder.pending).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it("raw headers", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(headerName, fc.string()), { maxLength: 8 }), (raw) => {
        for (const [name] of headerLines(headersFromRaw(raw))) expect(raw.map((r) => r.toLowerCase())).toContain(name);
      }),
    );
  });

  it("addresses to listen on", async () => {
    const near = fc
      .tuple(
        fc.constantFrom("", "ipv4:", "ipv6:", "unix:", "unix:///", "dns:///", "http://"),
        fc.constantFrom("127.0.0.1", "[::1]", "::1", "[", "", "/tmp/a", "a b"),
        fc.constantFrom("", ":0", ":80", ":", ":x", ",127.0.0.1:1"),
      )
      .map((parts) => parts.join(""));
    await fc.assert(
      fc.asyncProperty(near, async (text) => {
        const found = await resolveListenAddress(text).catch((e: Error) => e.message);
        if (typeof found === "string") expect(found).toMatch(/Could not parse|Name resolution failed/);
        else expect(found.length).toBeGreaterThan(0);
      }),
    );
  });

  it("proxies in the environment", () => {
    const near = fc
      .tuple(
        fc.constantFrom("http://", "https://", "socks5://", ""),
        fc.constantFrom("", "user@", "user:pass@", "%zz@", "%:%@"),
        fc.constantFrom("proxy", "10.0.0.1", "[::1]", ""),
        fc.constantFrom("", ":3128", ":x", "/path"),
      )
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), fc.string(), fc.string(), (proxy, exceptions, host) => {
        const parsed = parseProxy(proxy);
        if (parsed !== undefined) expect(parsed.port > 0 && parsed.port < 65536).toBe(true);
        proxyFromEnvironment(host, { grpc_proxy: proxy, no_proxy: exceptions });
      }),
    );
    expect(parseProxy("http://%zz:a@proxy")?.credentials).toBe("%zz:a");
  });

  it("service configs: policies, or an error that says what is wrong", () => {
    const config = fc.record(
      {
        methodConfig: fc.array(
          fc.record(
            {
              name: fc.constant([{}]),
              timeout: fc.constantFrom("1s", "0.5s", "1", "s", "1e3s"),
              retryPolicy: fc.record({
                maxAttempts: fc.constantFrom(0, 2, 1.5, 99),
                initialBackoff: fc.constantFrom("1s", "x"),
                maxBackoff: fc.constant("1s"),
                backoffMultiplier: fc.double(),
                retryableStatusCodes: fc.array(
                  fc.oneof(fc.nat({ max: 20 }), fc.constantFrom("UNAVAILABLE", "constructor")),
                ),
              }),
            },
            { requiredKeys: ["name"] },
          ),
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(config, (value) => {
        try {
          createCallPolicies(JSON.stringify(value))("/a.B/C");
        } catch (e) {
          expect((e as Error).message).toMatch(/^Service config: /);
        }
      }),
    );
  });
});

describe("what is written is read again", () => {
  const text = fc.string({ unit: "grapheme" });

  it("errors of Connect", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 16 }), (message, code) => {
        const read = errorFromJsonBytes(errorToJsonBytes(new ConnectError(message, code)), undefined, fallback);
        expect([read.rawMessage, read.code]).toEqual([message, code]);
      }),
    );
  });

  it("ends of Connect streams, with every name that a header can have", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(headerName, fc.stringMatching(/^[!-~]{0,10}$/))), (lines) => {
        const headers = createHeaders(lines);
        const { metadata, error } = endStreamFromJsonBytes(endStreamToJsonBytes(headers, undefined));
        expect(error).toBeUndefined();
        expect([...metadata].sort()).toEqual([...headers].sort());
      }),
    );
  });
});
