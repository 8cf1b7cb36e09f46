import { describe, expect, it } from "vitest";
import type { Node } from "../shared/ast.js";
import { parse } from "../shared/parse.js";
import { planError } from "./plan-error.js";

function plan(body: string, file = "a.js") {
  const tree = parse(
    `import { status, type ServiceError } from "@grpc/grpc-js";\ntry { call(); } catch (err) { ${body} }`.replace(
      file === "a.js" ? ", type ServiceError" : "",
      "",
    ),
    file,
  );
  const { handler } = (tree.program.body as Node[])[1] as Node;
  const { mode, uses, reason, converted } = planError(tree, handler.param, handler.body);
  if (mode === "wrapped") return `wrapped: ${reason}`;
  const kinds = [mode, ...uses.map((use) => use.kind)].join(" ");
  return converted.length > 0 ? `${kinds}, converted: ${reason}` : kinds;
}

describe("what becomes of a caught error", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["retry();", "none"],
    ["log(err.code);", "native"],
    ["if (err.code === status.NOT_FOUND) return;", "native status"],
    ["if (err.code === 5) return;", "native"],
    ["if (err.code === 'ENOENT') return;", "native"],
    ["switch (err.code) { case status.ABORTED: retry(); }", "native status"],
    ["if (err.code === other.NOT_FOUND) return;", "native"],
    ["log(err.details);", "native details"],
    ["log(err.metadata.get('a')[0]);", "native values trailers"],
    ["throw err;", "native"],
    ["const e = err; log(e.details);", "native details"],
    ["if (err instanceof Error) log(err.code);", "native"],
    ["log(err.message);", "native message"],
    ["log(err?.message);", "native message"],
    ["err.message = 'x'; throw err;", "native"],
    ["err.message += 'x';", "wrapped: message is assigned"],
    ["err.retryable = err.code === 14;", "native"],
    ["throw Object.assign(err, { status: 404 });", "native"],
    ["Object.assign(err, { code: 'E_CALL' });", "wrapped: it is passed to a function"],
    ["log(err.status, err.response);", "native"],
    ["log(err.name);", "native, converted: name is read"],
    ["console.error(err.stack);", "native"],
    ["log(err.details); show(err);", "native details, converted: it is passed to a function"],
    ["show(err); tell(err);", "wrapped: it is passed to a function"],
    ["log(String(err), err.toString());", "native text text"],
    ["log(err.toString);", "native, converted: toString is read"],
    ["const String = shown; log(String(err));", "native, converted: it is passed to a function"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
    ["log(sql`failed: ${err}`);", "native, converted: it is used as a whole"],
    ["log(err);", "native, converted: it is passed to a function"],
    ["console.error('failed', err);", "native"],
    ["console.log({ err });", "native"],
    ["console.log([err.code, { of: err }]);", "native"],
    ["console.error('%s', err);", "native, converted: it is passed to a function"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
    ["console.log(`failed: ${err}`);", "native text"],
    ["const console = logger; console.error(err);", "native, converted: it is passed to a function"],
    ["log(status[err.code]);", "native name"],
    ["log(names[err.code]);", "native"],
    ["log(err === null, undefined != err);", "native"],
    ["log(err === other);", "native, converted: it is used as a whole"],
    ["if (err.code === 404) return;", "wrapped: its code is compared with one that gRPC does not have"],
    ["if ('code' in err) log(err.code);", "native"],
    ["for (const key in err) log(key);", "native, converted: it is used as a whole"],
    ["log('' + err);", "native text"],
    ["log(count + err);", "native, converted: it is used as a whole"],
    ["log(count + '' + err);", "native text"],
    ["log(err.metadata.get('a-bin'));", "native values trailers"],
    ["log(err.metadata?.get('a')[0]?.toString());", "native values trailers"],
    ["log(err.metadata?.get('a')[0]);", "native values trailers"],
    ["log(err.metadata?.get('a')[0].toString());", "native, converted: metadata is used as a whole"],
    ["log(err.metadata?.get('a'));", "native, converted: metadata is used as a whole"],
    ["log(err?.metadata.get('a'));", "native, converted: metadata is used as a whole"],
    ["const trailers = err.metadata; log(trailers.get('a'), trailers.get('b'));", "native values values trailers"],
    ["const trailers = err.metadata; log(trailers);", "native, converted: metadata is used as a whole"],
    ["const { code, metadata } = err; log(code, metadata.get('a'));", "native values property"],
    ["log(err.metadata.get);", "native, converted: metadata is used as a whole"],
    ["log(err.metadata.getMap());", "native, converted: metadata is used as a whole"],
    ["expect(err).toBeNull(); expect(err).not.toBeUndefined(); expect(err).toBe(null);", "native"],
    ["expect(err).to.not.exist; expect(err).to.be.an('error');", "native, converted: it is passed to a function"],
    ["expect(err).toMatchObject({ code: 5 });", "native, converted: it is passed to a function"],
    ["const expect = shown; expect(err).toBeNull();", "native, converted: it is passed to a function"],
    ["const assert = require('assert'); assert(err); assert.ok(err); assert.strictEqual(err, null);", "native"],
    [
      "const assert = require('assert'); assert.deepEqual(err, { code: 5 });",
      "native, converted: it is passed to a function",
    ],
    ["assert.ok(err);", "native, converted: it is passed to a function"],
    ["const { code, message: text } = err;", "native property"],
    ["const { message, metadata } = err; log(metadata);", "native, converted: metadata is used as a whole"],
    ["err = null;", "wrapped: err is assigned again"],
    ["err.code = 3;", "wrapped: code is assigned"],
    ["return { code: err.code, ...err };", "native, converted: it is used as a whole"],
  ];
  it.each(cases)("%s -> %s", (body, expected) => {
    expect(plan(body)).toBe(expected);
  });

  it("knows the type of a ServiceError", () => {
    expect(plan("const e = err as ServiceError; log(e.code);", "a.ts")).toBe("native type");
    expect(plan("log((err as ServiceError).details);", "a.ts")).toBe("native type details");
    expect(plan("if ((err as { code?: number }).code === 5) retry();", "a.ts")).toBe("native");
    expect(plan("log((err as Error).message);", "a.ts")).toBe("native message");
    expect(plan("log((err as Shop).message);", "a.ts")).toBe("native, converted: it is cast to another type");
  });
});
