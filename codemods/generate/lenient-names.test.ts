import { expect, test } from "vitest";
import { missingTypesOf, withFullNames } from "./lenient-names.js";

const services = 'syntax = "proto3";\nimport "a.proto";\nservice S {\n  rpc Do(In) returns (Out);\n}\n';
const a = { name: "a.proto", text: 'syntax = "proto3";\npackage auth;\nimport "b.proto";\nmessage In {}\n' };
const b = { name: "b.proto", text: 'syntax = "proto3";\npackage deep;\nmessage Out {}\n' };
const errors = [
  "s.proto:4:10:cannot find `In` in this scope",
  "s.proto:4:23:cannot find `Out` in this scope",
  "s.proto:9:1:something else",
].join("\n");

test("a bare name that one reachable file declares gets its full name, and an import where there was none", () => {
  const result = withFullNames([{ name: "s.proto", text: services }, a, b], missingTypesOf(errors));
  expect(result?.files[0]?.text).toBe(
    'syntax = "proto3";\nimport "a.proto"; import "b.proto";\nservice S {\n  rpc Do(.auth.In) returns (.deep.Out);\n}\n',
  );
  expect(result?.found).toHaveLength(2);
});

test("nothing is guessed: two declarations, a nested one of that name, or a file that is not imported", () => {
  const missing = missingTypesOf("s.proto:4:10:cannot find `In` in this scope");
  const s = { name: "s.proto", text: services };
  const other = { name: "b.proto", text: 'syntax = "proto3";\npackage deep;\nmessage In {}\n' };
  const nested = { name: "b.proto", text: 'syntax = "proto3";\npackage deep;\nmessage Out { message In {} }\n' };
  expect(withFullNames([s, a, other], missing)).toBeNull();
  expect(withFullNames([s, a, nested], missing)).toBeNull();
  expect(withFullNames([{ name: "s.proto", text: services.replace(/import.*\n/, "\n") }, a], missing)).toBeNull();
});
