import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { changeManifest, type ManifestNeeds } from "./package-json.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const runtime = {
  version: "0.1.0",
  tarball: "/tool/connect-migrate-runtime-0.1.0.tgz",
  folder: "/tool",
  protobuf: "^2.1.0",
};

function change(text: string, needs: Partial<ManifestNeeds>) {
  const folder = mkdtempSync(path.join(tmpdir(), "manifest-"));
  folders.push(folder);
  const file = path.join(folder, "package.json");
  writeFileSync(file, text);
  return {
    folder,
    ...changeManifest({ file, modules: new Set(), gone: new Set(), runtime: "vendor", ...needs }, runtime),
  };
}

describe("package.json", () => {
  it("gets the vendored runtime and protobuf, sorted as the list is, and loses what nothing names any more", () => {
    const before =
      '{\n    "name": "x",\n    "dependencies": {\n        "@grpc/grpc-js": "^1",\n        "@grpc/proto-loader": "^0.7",\n        "zod": "3"\n    }\n}\n';
    const result = change(before, {
      modules: new Set(["@connect-migrate/runtime", "@bufbuild/protobuf"]),
      gone: new Set(["@grpc/grpc-js"]),
    });
    expect(result.after).toBe(
      '{\n    "name": "x",\n    "dependencies": {\n        "@bufbuild/protobuf": "^2.1.0",\n        "@connect-migrate/runtime": "file:vendor/connect-migrate-runtime-0.1.0.tgz",\n        "@grpc/proto-loader": "^0.7",\n        "zod": "3"\n    }\n}\n',
    );
    expect(result.vendor).toEqual({
      from: runtime.tarball,
      to: path.join(result.folder, "vendor", "connect-migrate-runtime-0.1.0.tgz"),
    });
    expect(result.findings.map((finding) => finding.construct)).toEqual([
      '"@connect-migrate/runtime": "file:vendor/connect-migrate-runtime-0.1.0.tgz"',
      '"@bufbuild/protobuf": "^2.1.0"',
      '"@grpc/grpc-js" removed',
    ]);
  });

  it("gets a dependencies section where it has none, with CRLF and without a final newline", () => {
    expect(
      change('{\r\n  "name": "x"\r\n}', { modules: new Set(["@connect-migrate/runtime"]), runtime: "npm" }).after,
    ).toBe('{\r\n  "name": "x",\r\n  "dependencies": {\r\n    "@connect-migrate/runtime": "^0.1.0"\r\n  }\r\n}');
  });

  it("stays as it is when it has everything", () => {
    const text = '{ "devDependencies": { "@connect-migrate/runtime": "workspace:*", "@bufbuild/protobuf": "2" } }';
    const result = change(text, { modules: new Set(["@connect-migrate/runtime", "@bufbuild/protobuf"]) });
    expect(result).toMatchObject({ after: text, vendor: null, findings: [] });
  });

  it("that is not JSON is left alone", () => {
    expect(change("{ nope", { modules: new Set(["@connect-migrate/runtime"]) })).toMatchObject({
      after: "{ nope",
      error: "is not valid JSON",
    });
  });
});
