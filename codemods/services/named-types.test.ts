import { describe, expect, it } from "vitest";
import { type FunctionNode, isFunction, type Node, walk } from "../shared/ast.js";
import { parse } from "../shared/parse.js";
import { handlerTypes } from "./handler-types.js";
import { unneededTypes } from "./named-types.js";

/** The types of the first function of a source as a handler, and what is not needed any more when it has them itself. */
function typesIn(source: string): { request?: string; response?: string; unneeded: string[] } | undefined {
  const file = parse(source, "/project/handler.ts");
  const functions: FunctionNode[] = [];
  walk(file, (node) => {
    if (isFunction(node)) functions.push(node);
  });
  const types = handlerTypes(functions[0] as FunctionNode, "unary", file);
  if (!types) return undefined;
  const textOf = (node: Node | null) => (node ? source.slice(node.start, node.end) : undefined);
  const gone = [types.call, types.callback, types.declared].flatMap((type) => (type ? [type.typeName ?? type] : []));
  const unneeded = unneededTypes(new Set(types.through), gone, file).map(({ id }) => id.name as string);
  return { request: textOf(types.request), response: textOf(types.response), unneeded };
}

const handler = "function f(call: Call<Q>, callback: Reply<R>) {}";

describe("types of a file that stand for grpc-js's", () => {
  it.each<[name: string, source: string, request: string, response: string | undefined, unneeded: string[]]>([
    [
      "aliases",
      `type Call<T> = grpc.ServerUnaryCall<T, any>;\ntype Reply<T> = sendUnaryData<T>;\n${handler}`,
      "Q",
      "R",
      ["Call", "Reply"],
    ],
    [
      "an alias with all its types",
      "type Call = ServerUnaryCall<Q, R>;\nfunction f(call: Call) {}",
      "Q",
      "R",
      ["Call"],
    ],
    [
      "an interface with members",
      "interface Call<T, U = R> extends ServerUnaryCall<T, Out> { user?: User }\nfunction f(call: Call<Q[]>) {}",
      "Q[]",
      "Out",
      ["Call"],
    ],
    [
      "an alias of an alias",
      "type Any<A, B> = ServerUnaryCall<B, A>;\ntype Call<T> = Any<Out, T>;\nfunction f(call: Call<Q>) {}",
      "Q",
      "Out",
      ["Call", "Any"],
    ],
    [
      "of a whole handler",
      "type Handler<T, U> = handleUnaryCall<T, U>;\nconst f: Handler<Q, R> = (call, callback) => {};",
      "Q",
      "R",
      ["Handler"],
    ],
    ["one that is exported", "export type Call = ServerUnaryCall<Q, R>;\nfunction f(call: Call) {}", "Q", "R", []],
    [
      "one that is used elsewhere",
      "type Call = ServerUnaryCall<Q, R>;\nfunction f(call: Call) {}\nconst other = (call: Call) => {};",
      "Q",
      "R",
      [],
    ],
    [
      "one that is exported in a list",
      "type Call = ServerUnaryCall<Q, R>;\nfunction f(call: Call) {}\nexport type { Call };",
      "Q",
      "R",
      [],
    ],
  ])("%s", (_name, source, request, response, unneeded) => {
    expect(typesIn(source)).toEqual({ request, response, unneeded });
  });

  it.each<[name: string, source: string]>([
    [
      "a request of its own",
      "interface Call extends ServerUnaryCall<any, R> { request: Q }\nfunction f(call: Call) {}",
    ],
    [
      "an interface that is declared twice",
      "interface Call extends ServerUnaryCall<Q, R> {}\ninterface Call { user: U }\nfunction f(call: Call) {}",
    ],
    ["an interface of two", "interface Call extends ServerUnaryCall<Q, R>, Other {}\nfunction f(call: Call) {}"],
    ["a parameter inside a type", "type Call<T> = ServerUnaryCall<Page<T>, R>;\nfunction f(call: Call<Q>) {}"],
    ["a parameter that is not given", "type Call<T = Q> = ServerUnaryCall<T, R>;\nfunction f(call: Call) {}"],
    ["another kind of call", "type Call = ServerWritableStream<Q, R>;\nfunction f(call: Call) {}"],
    ["a type of more than a call", "type Call = ServerUnaryCall<Q, R> & { user: U };\nfunction f(call: Call) {}"],
    [
      "a name that stands for itself",
      "type ServerUnaryCall<T> = ServerUnaryCall<T>;\nfunction f(call: ServerUnaryCall<Q>) {}",
    ],
    ["names that stand for each other", "type A<T> = B<T>;\ntype B<T> = A<T>;\nfunction f(call: A<Q>) {}"],
  ])("not %s", (_name, source) => {
    expect(typesIn(source)).toBeUndefined();
  });
});
