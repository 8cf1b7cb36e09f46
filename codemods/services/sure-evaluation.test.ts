import { expect, it } from "vitest";
import { isIdentifier, type Node, parentMap, walk } from "../shared/ast.js";
import { parse } from "../shared/parse.js";
import { scopesOf } from "../shared/scope.js";
import { isSurelyEvaluated } from "./sure-evaluation.js";

// What stands in `tell(…)` is asked about.
it.each([
  ["tell(call.request.id)", true],
  ["tell(call.request.owner.id)", false],
  ["tell(call.request?.owner?.id)", true],
  [`const { id, n } = call.request; tell(\`\${id} of \${n}\`, id < n, !id && n > 0)`, true],
  ["const { id } = call.request; tell(id + 1)", false],
  ["const { id } = call.request; tell('no ' + id)", true],
  ["const { id } = call.request; tell(id.trim())", false],
  ["tell(call.metadata.get('x-user')[0])", true],
  ["tell(call.metadata.get('x-user')[0].length)", false],
  ["tell(call.metadata.get('x-user')[0]?.startsWith('a'))", true],
  ["tell(call.metadata.get('x-user-bin')[0]?.startsWith('a'))", false],
  ["tell(call.metadata.get('x user'))", false],
  ["tell(call.metadata.get(name))", false],
  ["tell(call.metadata.getMap().authorization)", true],
  ["const [user] = call.metadata.get('x-user'); tell(!user || user.split(' ')[1])", true],
  ["const [user] = call.metadata.get('x-user'); tell(user && known.has(user.toLowerCase()))", true],
  ["const [user] = call.metadata.get('x-user'); if (!user) return; tell(user.slice('Bearer '.length))", true],
  ["const [user] = call.metadata.get('x-user'); if (user) return; tell(user.slice(1))", false],
  ["const [user = 'nobody'] = call.metadata.get('x-user'); tell(user.slice(1) + ' asks')", true],
  ["const [user = who()] = call.metadata.get('x-user'); tell(user.slice(1))", false],
  ["let [user] = call.metadata.get('x-user'); user = null; tell(user.slice(1))", false],
  ["tell(unknown.get('a'))", false],
  ["tell(missing)", false],
  ["tell(later); const later = 1;", false],
  ["tell(status.NOT_FOUND, grpc.status.OK)", false],
  ["tell(status.NOT_FOUND, Number(call.request.n), String(known.get(1)))", false],
  ["tell(new Error('no ' + call.request.id), { code: status.NOT_FOUND })", true],
  ["const md = new Metadata(); tell(md.set('a', 'b'))", true],
  ["const md = new Metadata(); tell(md.set('a', call.request.id))", false],
  ["tell(console.log(call.request))", true],
  [`try { go(); } catch (error) { tell(\`caught \${error.message}\`); }`, true],
  ["tell(call.request.id === undefined ? 'a' : known.get('b'))", true],
  ["tell(JSON.parse('{}'))", false],
] as const)("%s: %s", (text, isSure) => {
  const file = parse(
    `const { status, Metadata } = require('@grpc/grpc-js'); const known = new Map();\nfunction guard(call, unknown) { ${text} }`,
    "a.js",
  );
  const scopes = scopesOf(file);
  const asked: Node[] = [];
  let call: Node | undefined;
  walk(file, (node) => {
    if (node.type === "CallExpression" && isIdentifier(node.callee, "tell")) asked.push(...(node.arguments as Node[]));
    if (node.type === "FunctionDeclaration") [call] = node.params as Node[];
  });
  const around = { file, parents: parentMap(file), scopes, call: call && scopes.bindingOf(call) };
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.every((each) => isSurelyEvaluated(around, each))).toBe(isSure);
});
