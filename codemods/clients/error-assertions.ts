import { type File, isIdentifier, isNothing, memberName, type Node, type Parents, parentMap } from "../shared/ast.js";
import { requiredModule } from "../shared/imports.js";
import { scopesOf } from "../shared/scope.js";

const EXPECT = /^(vitest|@jest\/globals|jest|expect|bun:test|chai)$/;
const ASSERT = /^(node:)?assert(\/strict)?$|^chai$/;

/**
 * Does a test ask of an error only whether it is there? `expect(err).toBeNull()`, `expect(err).to.not.exist`, `assert.ok(err)`,
 * `assert.strictEqual(err, null)`: every error gives the same answer, and what is printed of one that should not be there is for people.
 */
export function isOnlyAsserted(file: File, node: Node, parent: Node): boolean {
  if (parent.type !== "CallExpression") return false;
  const args = parent.arguments as Node[];
  const callee = parent.callee as Node;
  if (isIdentifier(callee, "expect"))
    return args[0] === node && isFrom(file, callee, EXPECT, true) && asksIfThere(parent);
  const root = isIdentifier(callee) ? callee : callee.object;
  if (!isIdentifier(root) || !isFrom(file, root, ASSERT, false)) return false;
  const name = isIdentifier(callee) ? "ok" : (memberName(callee) ?? "");
  if (/^(ok|exists|notExists|isNull|isNotNull|isUndefined|isDefined|isOk|isNotOk)$/.test(name)) return args[0] === node;
  if (!/^(not)?(equal|strictEqual)$/i.test(name)) return false;
  const index = args.indexOf(node);
  return (index === 0 || index === 1) && isNothing(args[1 - index]);

  function asksIfThere(call: Node): boolean {
    const parents: Parents = parentMap(file);
    const names: string[] = [];
    let at = call;
    for (
      let next = parents.get(at);
      next && memberName(next) !== undefined && next.object === at;
      next = parents.get(at)
    ) {
      names.push(memberName(next) as string);
      at = next;
    }
    const asked = names.join(".");
    const use = parents.get(at) as Node;
    if (use.type !== "CallExpression" || use.callee !== at)
      return /^((to|be|not)\.)+(null|undefined|ok|exist)$/.test(asked);
    const [expected] = use.arguments as Node[];
    if (/^(not\.)?to(Be|Equal|StrictEqual)$/.test(asked)) return isNothing(expected);
    if (/^(not\.)?toBeInstanceOf$/.test(asked)) return isIdentifier(expected, "Error");
    return /^(not\.)?toBe(Null|Undefined|Defined|Truthy|Falsy)$/.test(asked);
  }
}

/** `done(err)` of a test's function, `assert.ifError(err)`: the test fails, and the runner prints the error. */
export function isToldToTest(file: File, call: Node): boolean {
  const { callee } = call;
  if (memberName(callee) === "ifError")
    return isIdentifier(callee.object) && isFrom(file, callee.object, ASSERT, false);
  if (!isIdentifier(callee)) return false;
  const parents = parentMap(file);
  const declaration = scopesOf(file).bindingOf(callee)?.declaration;
  const test = declaration && parents.get(declaration);
  const around = test && parents.get(test);
  if (!test || around?.type !== "CallExpression" || test.params?.[0] !== declaration) return false;
  if (!(around.arguments as Node[]).includes(test)) return false;
  const runner = memberName(around.callee) === "only" ? around.callee.object : around.callee;
  return isIdentifier(runner) && RUNNER.test(runner.name) && isFrom(file, runner, EXPECT_OR_NODE, true);
}

const RUNNER = /^(it|test|specify|before|after|beforeEach|afterEach|beforeAll|afterAll)$/;
const EXPECT_OR_NODE = /^(mocha|@jest\/globals|node:test)$/;

/** Is a name that of a module, or of nothing in the file, as test runners have it? */
function isFrom(file: File, name: Node, modules: RegExp, mayBeGlobal: boolean): boolean {
  const binding = scopesOf(file).bindingOf(name);
  if (!binding) return mayBeGlobal;
  const { declaration } = binding;
  const statement = parentMap(file).get(declaration);
  const from = statement?.type === "ImportDeclaration" ? statement.source.value : moduleOf(declaration.init);
  return typeof from === "string" && modules.test(from);
}

/** `require("chai")`, also of `require("chai").expect` and `require("assert").strict`. */
function moduleOf(init: Node | null | undefined): string | undefined {
  return requiredModule(init) ?? (init && memberName(init) !== undefined ? requiredModule(init.object) : undefined);
}
