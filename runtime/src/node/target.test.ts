import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTarget, splitHostPort } from "./target.js";

const tcp = (host: string, port: number, authority: string) => ({ scheme: "dns", host, port, authority });

describe("parseTarget", () => {
  it.each([
    ["localhost:50051", tcp("localhost", 50051, "localhost:50051")],
    ["example.com", tcp("example.com", 443, "example.com")],
    ["my_service.ns.svc:80", tcp("my_service.ns.svc", 80, "my_service.ns.svc:80")],
    ["dns:localhost:50051", tcp("localhost", 50051, "localhost:50051")],
    ["dns:///localhost:50051", tcp("localhost", 50051, "localhost:50051")],
    ["dns://8.8.8.8/example.com:1", tcp("example.com", 1, "example.com:1")],
    ["127.0.0.1:80", tcp("127.0.0.1", 80, "127.0.0.1:80")],
    ["[::1]:80", tcp("::1", 80, "[::1]:80")],
    ["::1", tcp("::1", 443, "::1")],
    ["[::1]", tcp("::1", 443, "[::1]")],
    ["unix:/tmp/a.sock", { scheme: "unix", path: "/tmp/a.sock", authority: "localhost" }],
    ["unix:a.sock", { scheme: "unix", path: "a.sock", authority: "localhost" }],
    ["unix:///tmp/a.sock", { scheme: "unix", path: "/tmp/a.sock", authority: "localhost" }],
    [
      "ipv4:10.0.0.1:80,10.0.0.2",
      {
        scheme: "ip",
        addresses: [
          { host: "10.0.0.1", port: 80 },
          { host: "10.0.0.2", port: 443 },
        ],
        authority: "10.0.0.1:80",
      },
    ],
    ["ipv6:[::1]:80", { scheme: "ip", addresses: [{ host: "::1", port: 80 }], authority: "[::1]:80" }],
  ])("%s", (text, target) => {
    expect(parseTarget(text)).toEqual(target);
  });

  it.each([
    "",
    ":80",
    "host:x",
    "host:99999",
    "[::1",
    "[host]:80",
    "a:b:c",
    "ipv4:host:80",
    "ipv4:::1",
    "unix:",
    "unix://host/a",
    "xds:///x",
    "dns://x",
  ])("%j is refused and named", (text) => {
    expect(() => parseTarget(text)).toThrow(`the target "${text}"`);
  });

  it("never fails in another way, and gives a usable port", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.ipV6(), fc.constant("dns:")), (text) => {
        try {
          const target = parseTarget(text);
          if (target.scheme === "dns") {
            expect(target.port).toBeGreaterThanOrEqual(0);
            expect(target.port).toBeLessThanOrEqual(65535);
          }
        } catch (e) {
          expect((e as Error).message).toContain("Could not parse the target");
        }
      }),
    );
  });

  it("round trip of hosts and ports", () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.ipV4()), fc.integer({ min: 0, max: 65535 }), (host, port) => {
        expect(splitHostPort(`${host}:${port}`)).toEqual({ host, port });
        expect(splitHostPort(host)).toEqual({ host, port: undefined });
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), fc.integer({ min: 0, max: 65535 }), (host, port) => {
        expect(splitHostPort(`[${host}]:${port}`)).toEqual({ host, port });
      }),
    );
  });
});
