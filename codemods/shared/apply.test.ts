import { describe, expect, it } from "vitest";
import { applyRules } from "./apply.js";
import { isIdentifier, memberName, type Node, parentMap, statementOf } from "./ast.js";
import { reason } from "./reasons.js";
import type { Rule } from "./rule.js";

const options = { facts: [], target: "bundled", messages: "auto" } as const;

/** Turns every `X.status.Y` into `Code.Y`, and leaves a TODO at every `eval(…)`. */
const rule: Rule = {
  id: "services/sample",
  side: "services",
  apply({ root, edit, imports, todo }) {
    const file = root.get().value as Node;
    const parents = parentMap(file);
    for (const [node] of parents) {
      if (node.type === "MemberExpression" && memberName(node.object) === "status") {
        const Code = imports.add("@connect-migrate/runtime", "Code");
        edit.overwrite(node.object.start, node.object.end, Code, { rule: "services/sample", outcome: "idiomatic" });
      }
      if (node.type === "CallExpression" && isIdentifier(node.callee, "eval")) {
        const statement = statementOf(node, parents) as Node;
        todo({
          rule: "services/sample",
          construct: "eval",
          reason: reason("no-equivalent", "eval"),
          start: statement.start,
          end: statement.end,
          rpc: null,
        });
      }
    }
  },
};
const run = (source: string, path = "/p/a.js") => applyRules(source, path, [rule], options).text;

describe("the import phase writes as the file does", () => {
  it.each([
    [
      "CommonJS, single quotes; the unused grpc import goes",
      "'use strict';\n// licence\nconst grpc = require('@grpc/grpc-js');\nconst fs = require('fs');\n\nfs.x(grpc.status.OK);\n",
      "'use strict';\n// licence\nconst fs = require('fs');\nconst { Code } = require('@connect-migrate/runtime');\n\nfs.x(Code.OK);\n",
    ],
    [
      "no semicolons",
      "const grpc = require('@grpc/grpc-js')\nconst x = grpc.status.OK\nuse(grpc, x)\n",
      "const grpc = require('@grpc/grpc-js')\nconst { Code } = require('@connect-migrate/runtime')\nconst x = Code.OK\nuse(grpc, x)\n",
    ],
    [
      "ES modules with double quotes, CRLF",
      'import * as grpc from "@grpc/grpc-js";\r\nimport { a } from "./a";\r\n\r\na(grpc.status.OK);\r\n',
      'import { a } from "./a";\r\nimport { Code } from "@connect-migrate/runtime";\r\n\r\na(Code.OK);\r\n',
    ],
    [
      "an import of the module is extended",
      'import { ConnectError } from "@connect-migrate/runtime";\nimport { status, Server } from "@grpc/grpc-js";\nnew Server(g.status.OK, ConnectError, status);\n',
      'import { ConnectError, Code } from "@connect-migrate/runtime";\nimport { status, Server } from "@grpc/grpc-js";\nnew Server(Code.OK, ConnectError, status);\n',
    ],
    [
      "a require of the module is extended, over lines",
      "const {\n  ConnectError,\n  ConnectRouter,\n} = require('@connect-migrate/runtime');\nuse(ConnectError, g.status.OK);\n",
      "const {\n  ConnectError,\n  ConnectRouter,\n  Code,\n} = require('@connect-migrate/runtime');\nuse(ConnectError, Code.OK);\n",
    ],
    [
      "a name that is taken gets another one",
      "const grpc = require('@grpc/grpc-js');\nfunction f(Code) { return grpc.status.OK + Code; }\n",
      "const { Code: ConnectCode } = require('@connect-migrate/runtime');\nfunction f(Code) { return ConnectCode.OK + Code; }\n",
    ],
    [
      "nothing imported yet: below the licence, above the code",
      "/* licence */\n\nmodule.exports = (g) => g.status.OK;\n",
      "/* licence */\n\nconst { Code } = require('@connect-migrate/runtime');\n\nmodule.exports = (g) => Code.OK;\n",
    ],
  ])("%s", (_name, before, after) => {
    expect(run(before)).toBe(after);
    expect(run(after)).toBe(after);
  });

  it("keeps one specifier of several", () => {
    const text = 'import { status as s, Server } from "@grpc/grpc-js";\nnew Server(g.status.OK);\n';
    expect(run(text, "/p/a.ts")).toContain('import { status as s, Server } from "@grpc/grpc-js";');
  });

  it("does not touch a file without edits", () => {
    const text = "const grpc = require('@grpc/grpc-js'); // unused\r\n\tlet x=1\n";
    expect(run(text)).toBe(text);
  });
});

describe("TODO lines", () => {
  it("stand once above the statement, indented, and stay as they are in a second run", () => {
    const once = run("function f() {\n\teval(a); eval(b);\n\tif (x) eval(c);\n}\n");
    expect(once).toBe(
      "function f() {\n\t// TODO(connect-migrate/services/sample): Connect has no equivalent for eval. See MIGRATION.md#servicessample\n" +
        "\teval(a); eval(b);\n\t// TODO(connect-migrate/services/sample): Connect has no equivalent for eval. See MIGRATION.md#servicessample\n" +
        "\tif (x) eval(c);\n}\n",
    );
    expect(run(once)).toBe(once);
  });

  it("stand above a decorated class member and an export", () => {
    const text = "export const a = eval(1);\nclass A {\n  @dec()\n  run() { eval(2); }\n}\n";
    const once = run(text, "/p/a.ts");
    expect(once.split("\n").map((line) => line.trim().slice(0, 8).trim())).toEqual([
      "// TODO(",
      "export c",
      "class A",
      "// TODO(",
      "@dec()",
      "run() {",
      "}",
      "",
    ]);
    expect(run(once, "/p/a.ts")).toBe(once);
  });
});

describe("--target connectrpc", () => {
  const asking = (module: string, name: string): Rule => ({
    ...rule,
    apply: ({ edit, imports, report }) => {
      edit.overwrite(0, 1, imports.add(module, name), { rule: rule.id, outcome: "idiomatic" });
      report({ rule: rule.id, outcome: "idiomatic", construct: "x", reason: null, start: 0, end: 1, rpc: null });
    },
  });
  const official = { ...options, target: "connectrpc" } as const;

  it("imports the same names from the official packages", () => {
    expect(
      applyRules("x();\n", "/p/a.js", [asking("@connect-migrate/runtime/node", "compressionGzip")], official).text,
    ).toBe("const { compressionGzip } = require('@connectrpc/connect-node');\n\ncompressionGzip();\n");
  });

  it("imports what they lack from connect-compat, and leaves the file where that has no place", () => {
    const rules = [asking("@connect-migrate/runtime/node", "serve")];
    const compat = "./gen/connect-compat.js";
    const text = "x(app, { address: 'localhost:1' });\n";
    expect(applyRules(text, "/p/a.js", rules, { ...official, compat }).text).toBe(
      `const { serve } = require('${compat}');\n\nserve(app, { address: 'localhost:1' });\n`,
    );
    expect(applyRules(text, "/p/a.js", rules, official).text).toBe(text);
  });

  it("leaves a file with an option or a member that only our runtime knows", () => {
    const rules = [asking("@connect-migrate/runtime/node", "serve")];
    const given = { ...official, compat: "./gen/connect-compat.js" };
    for (const [text, what] of [
      ["x(app, { address, keepaliveTimeMs: 1 });", "keepaliveTimeMs of serve"],
      ["x(app, options);", "serve with options from elsewhere"],
      ["x(app, { ...options });", "spread options of serve"],
      ["x(app, { address }); ctx.sendHeaders();", "sendHeaders"],
    ] as const) {
      const result = applyRules(text, "/p/a.js", rules, given);
      expect(result.text).toBe(text);
      expect(result.findings[0]?.reason?.text).toContain(`no equivalent for ${what} in the official packages`);
    }
  });

  it("leaves a file that needs what only our runtime has, with the reason", () => {
    const result = applyRules(
      "x();\n",
      "/p/a.js",
      [asking("@connect-migrate/runtime/health", "createHealth")],
      official,
    );
    expect(result.text).toBe("x();\n");
    expect(result.findings).toMatchObject([{ outcome: "manual", reason: { code: "no-equivalent" } }]);
    expect(result.findings[0]?.reason?.text).toContain(
      "createHealth of @connect-migrate/runtime/health, which line 1 needs,",
    );
  });
});

describe("conflicts", () => {
  it("leave the file alone and say which rules and where", () => {
    const other: Rule = {
      id: "services/other",
      side: "services",
      apply: ({ edit }) => edit.overwrite(0, 12, "x", { rule: "services/other", outcome: "idiomatic" }),
    };
    const result = applyRules("f(g.status.OK);", "/p/a.js", [rule, other], options);
    expect(result.text).toBe("f(g.status.OK);");
    expect(result.conflict).toMatch(/services\/other at 1:1 and services\/sample at 1:3/);
  });
});

describe("parsing", () => {
  it("accepts sloppy CommonJS, JSX, TypeScript and a hashbang", () => {
    expect(run("#!/usr/bin/env node\nwith (a) { delete x; var y = 010; }\nreturn;\n")).toContain("with");
    expect(run("const a = <b/>;\n", "/p/a.jsx")).toContain("<b/>");
    expect(run("const a = <T,>(x: T) => x as unknown;\n", "/p/a.ts")).toContain("unknown");
  });

  it("says where a file does not parse", () => {
    expect(() => run("let a;\nconst = ;\n")).toThrow(expect.objectContaining({ line: 2, column: 7 }));
  });
});
