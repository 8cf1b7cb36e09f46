import { type ClientErrorFact, clientFacts } from "../analysis/client-facts.js";
import {
  type File,
  indentAt,
  isFunction,
  isIdentifier,
  keyName,
  lineEndingOf,
  memberName,
  type Node,
  nodeAt,
  parentMap,
  textOf,
  unwrap,
  walk,
} from "../shared/ast.js";
import { unitOf } from "../shared/indentation.js";
import { reason as reasonOf } from "../shared/reasons.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { isNewPromise, platformName, scopesOf } from "../shared/scope.js";
import { transformFromRule } from "../shared/transform.js";
import { asksForDeadline, asksNameForDeadline } from "./deadline-words.js";
import { rethrows, statusComparisons } from "./error-in-body.js";
import { isLooseType } from "./error-types.js";
import { type ErrorUse, planError } from "./plan-error.js";
import { fileOf, freshName, GRPC_JS, keywordFor, plannedCalls, RUNTIME } from "./write-call.js";
import { NO_RESPONSE } from "./write-handed.js";

const id = "clients/error-to-connect-error";
const BRIDGED = { rule: id, outcome: "bridged" } as const;

/** Caught errors of migrated calls: their uses become ConnectError's, or the error is turned back into a ServiceError. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    const file = fileOf(ctx);
    const parents = parentMap(file);
    // What only rejects goes away with its callback.
    const gone = plannedCalls(ctx).flatMap(({ plan }) => {
      if (plan.kind === "executor") return [plan.promise];
      if (plan.kind === "settled") return [plan.shape.callback];
      return plan.kind === "block" && plan.place?.isThrownOnly && plan.shape.error ? [plan.shape.error] : [];
    });
    for (const fact of clientFacts(ctx.facts, "client-error")) {
      if (gone.some(({ start, end }) => start <= fact.start && fact.end <= end)) continue;
      const param = namedAt(file, fact.start, fact.end);
      const owner = param && parents.get(param);
      if (!param || !owner) continue;
      const finding = { rule: id, construct: "caught error", start: fact.start, end: fact.end, rpc: null };
      if (fact.place === "rejection" || fact.place === "callbackified") {
        if (fact.place === "rejection") writeRejection(ctx, param);
        else writeCallbackified(ctx, param);
        ctx.report({ ...finding, outcome: "bridged", reason: fact.reason });
        continue;
      }
      if (fact.mode === "wrapped") {
        writeWrapped(ctx, param, owner, fact.place === "callback");
        // In TypeScript the two enums are no match for each other's comparisons.
        if (ctx.language === "js")
          for (const { member, name } of statusComparisons(file, param, bodyOf(owner, parents)))
            ctx.edit.overwrite(member.start, member.end, `${ctx.imports.add(RUNTIME, "Code")}.${name}`, {
              rule: id,
              outcome: "idiomatic",
            });
        ctx.report({ ...finding, outcome: "bridged", reason: fact.reason });
        continue;
      }
      // Of another error, a pattern would take the wrong member.
      if (fact.place === "catch" && hasDetails(param) && !isOfCallsOnly(ctx, owner, parents)) {
        writeWrapped(ctx, param, owner, false);
        const reason = reasonOf("error-escapes", "other errors that it may be have details of their own");
        ctx.report({ ...finding, outcome: "bridged", reason });
        continue;
      }
      writeNative(ctx, param, owner, fact);
      ctx.report({ ...finding, outcome: fact.converted.length > 0 ? "bridged" : "idiomatic", reason: fact.reason });
    }
  },
};

/** `catch ({ details })` */
function hasDetails(param: Node): boolean {
  return param.type === "ObjectPattern" && (param.properties as Node[]).some((each) => keyName(each) === "details");
}

/** What stands at a range; of `{ name }`, the name. */
function namedAt(file: File, start: number, end: number): Node | undefined {
  const node = nodeAt(file, start, end);
  return node?.shorthand ? node.value : node;
}

/** `promise` -> `promise.catch((err) => { throw serviceErrorFrom(err); })`, also of a function that gives one. */
function writeRejection(ctx: RuleContext, promise: Node): void {
  const isGiven = isFunction(promise);
  if (isGiven) ctx.edit.insertRight(promise.start, "(", BRIDGED);
  const wrapped = `.catch((err) => { throw ${ctx.imports.add(GRPC_JS, "serviceErrorFrom")}(err); })`;
  ctx.edit.insertLeft(promise.end, `${isGiven ? ")()" : ""}${wrapped}`, BRIDGED);
}

/** `callbackify(ask)` -> `callbackify((...args) => ask(...args).catch(…))` */
function writeCallbackified(ctx: RuleContext, fn: Node): void {
  const convert = ctx.imports.add(GRPC_JS, "serviceErrorFrom");
  const [open, close] = isIdentifier(fn) ? ["", ""] : ["(", ")"];
  const name = ctx.source.slice(fn.start, fn.end);
  const type = ctx.language !== "ts" ? "" : isIdentifier(fn) ? `: Parameters<typeof ${name}>` : ": any[]";
  ctx.edit.insertRight(fn.start, `(...args${type}) => ${open}`, BRIDGED);
  ctx.edit.insertLeft(fn.end, `${close}(...args).catch((err) => { throw ${convert}(err); })`, BRIDGED);
}

/** Where the error is used; uses elsewhere were refused. */
function bodyOf(owner: Node, parents: ReturnType<typeof parentMap>): Node {
  if (owner.type === "CatchClause") return owner.body;
  return isFunction(owner) ? owner.body : (parents.get(owner) as Node);
}

/** Can nothing but calls fail where this error is caught? Errors of other libraries have `details`, too. */
function isOfCallsOnly(ctx: RuleContext, owner: Node, parents: ReturnType<typeof parentMap>): boolean {
  const around = parents.get(owner);
  if (owner.type === "CatchClause" && around) return failsByCallsOnly(ctx, around.block);
  const callee = around?.type === "CallExpression" ? around.callee : undefined;
  return callee !== undefined && memberName(callee) === "catch" && failsByCallsOnly(ctx, callee.object);
}

/** What runs here calls clients, `console` and functions of this file that do no more. */
function failsByCallsOnly(ctx: RuleContext, root: Node, depth = 0): boolean {
  const calls = clientFacts(ctx.facts, "client-call");
  const scopes = scopesOf(fileOf(ctx));
  const mayFail = ({ callee, start, end, type }: Node): boolean => {
    if (calls.some((call) => call.start === start && call.end === end)) return false;
    if (type === "NewExpression") return !isIdentifier(callee, "Promise");
    if (!isIdentifier(callee)) return !isIdentifier(callee.object, "console");
    const declaration = scopes.bindingOf(callee)?.declaration;
    const own = isFunction(declaration) ? declaration : declaration?.init;
    return depth === 2 || !isFunction(own) || !failsByCallsOnly(ctx, own.body as Node, depth + 1);
  };
  const parents = parentMap(fileOf(ctx));
  let isSure = true;
  walk(root, (node, [parent]) => {
    // The function that a promise is made with runs at once; others when somebody calls them.
    if (isFunction(node) && !isNewPromise(parent, parents)) return false;
    const mayThrow = /^(Optional)?CallExpression$|^NewExpression$/.test(node.type)
      ? mayFail(node)
      : node.type === "ThrowStatement";
    if (mayThrow) isSure = false;
    return undefined;
  });
  return isSure;
}

function writeNative(ctx: RuleContext, param: Node, owner: Node, fact: ClientErrorFact): void {
  const origin = { rule: id, outcome: "idiomatic" } as const;
  const file = fileOf(ctx);
  const parents = parentMap(file);
  const isConverted = (node: Node) => fact.converted.some(({ start, end }) => start <= node.start && node.end <= end);
  for (const { start, end } of fact.converted) {
    const convert = `${ctx.imports.add(GRPC_JS, "serviceErrorFrom")}(`;
    const isShorthand = nodeAt(file, start, end)?.shorthand === true;
    ctx.edit.insertRight(start, `${isShorthand ? `${ctx.source.slice(start, end)}: ` : ""}${convert}`, BRIDGED);
    ctx.edit.insertLeft(end, ")", BRIDGED);
  }
  const body = fact.place === "value" ? file.program : bodyOf(owner, parents);
  // A function whose parameter is annotated is given what it says, if it says anything.
  const type = param.typeAnnotation?.typeAnnotation;
  const isTyped = isFunction(owner) && type !== undefined && !isLooseType(type);
  const isSure = /^(callback|handed)$/.test(fact.place) || isTyped || isOfCallsOnly(ctx, owner, parents);
  // Of a cancelled call, a function knows grpc-js's.
  const hasOwnText = isSure && !fact.ofCancelled;
  /** `err.details` -> `serviceErrorDetails(err)`, `(err as Error).details` -> `serviceErrorDetails(err as Error)` */
  const writeGiven = (member: Node, name: string, more = "") => {
    const isEnclosed = member.object.start > member.start;
    ctx.edit.insertRight(member.start, ctx.imports.add(GRPC_JS, name) + (isEnclosed ? "" : "("), origin);
    const dot = ctx.source.lastIndexOf(".", member.property.start);
    ctx.edit.overwrite(dot, member.end, (isEnclosed ? "" : ")") + more, origin);
  };
  /** `err?.message` -> `serviceErrorFrom(err)?.message` */
  const writeOptional = (member: Node) => {
    ctx.edit.insertRight(member.start, `${ctx.imports.add(GRPC_JS, "serviceErrorFrom")}(`, origin);
    ctx.edit.insertLeft(member.object.end, ")", origin);
  };
  // Functions that it is passed to have been looked at.
  const plan = planError(file, param, body, {
    passedTo: () => undefined,
    conversions: Number.POSITIVE_INFINITY,
    isConverted,
  });
  /** By declarator: what its pattern takes that a function gives now. */
  const asked = new Map<Node, PropertyUse[]>();
  for (const use of plan.uses) {
    switch (use.kind) {
      case "details":
        if ((use.member.optional ? !fact.ofCancelled : hasOwnText) && !asksForDeadline(file, use.member)) {
          ctx.edit.overwrite(use.member.property.start, use.member.property.end, "rawMessage", origin);
          break;
        }
        if (use.member.optional) {
          writeOptional(use.member);
          break;
        }
        writeGiven(use.member, "serviceErrorDetails");
        break;
      case "detailsProperty": {
        const { key, shorthand } = use.property;
        ctx.edit.overwrite(key.start, key.end, shorthand ? `rawMessage: ${key.name}` : "rawMessage", origin);
        break;
      }
      case "property":
        if (hasOwnText && use.name === "details" && !asksNameForDeadline(file, use.property.value)) {
          const { key, shorthand } = use.property;
          ctx.edit.overwrite(key.start, key.end, shorthand ? "rawMessage: details" : "rawMessage", origin);
        } else asked.set(use.declarator, [...(asked.get(use.declarator) ?? []), use]);
        break;
      case "message":
        if (use.member.optional) {
          writeOptional(use.member);
          break;
        }
        writeGiven(use.member, "serviceErrorMessage");
        break;
      case "text": {
        const { whole, error } = use;
        const open = `${ctx.imports.add(GRPC_JS, "serviceErrorText")}(`;
        if (whole === error) {
          ctx.edit.insertRight(error.start, open, origin);
          ctx.edit.insertLeft(error.end, ")", origin);
        } else {
          if (whole.start < error.start) ctx.edit.overwrite(whole.start, error.start, open, origin);
          else ctx.edit.insertRight(error.start, open, origin);
          ctx.edit.overwrite(error.end, whole.end, ")", origin);
        }
        break;
      }
      case "trailers":
        // A ServiceError has the trailers only; other errors that `err.metadata?.get(…)` asks may have none.
        writeGiven(
          use.member,
          "trailerOf",
          !isSure && parents.get(use.member)?.optional ? ` ?? new ${platformName(file, "Headers")}()` : "",
        );
        break;
      case "values": {
        const [key] = use.get.arguments as [Node];
        ctx.edit.insertRight(use.metadata.start, `${ctx.imports.add(GRPC_JS, "headerValues")}(`, origin);
        ctx.edit.overwrite(use.metadata.end, key.start, ", ", origin);
        break;
      }
      case "name":
        ctx.edit.overwrite(use.member.start, use.code.start, `${ctx.imports.add(GRPC_JS, "grpcStatusName")}(`, origin);
        ctx.edit.overwrite(use.code.end, use.member.end, ")", origin);
        break;
      case "relayed":
        if (!fact.relays || !isSure) break;
        ctx.edit.remove(use.call.start, use.call.arguments[0].start, origin);
        ctx.edit.remove(use.call.arguments[0].end, use.call.end, origin);
        break;
      case "type":
        // A callback's parameter goes away with its type.
        if (use.type.end <= param.end && fact.place === "callback") break;
        ctx.edit.overwrite(use.type.start, use.type.end, ctx.imports.add(RUNTIME, "ConnectError"), origin);
        break;
      case "callbackType": {
        const { type, callback } = use;
        const [message] = (type.typeParameters ?? type.typeArguments).params as [Node];
        const [error, response] = callback.params as Node[];
        const name = isIdentifier(response) ? response.name : "response";
        const head = `(${error?.name}: ${ctx.imports.add(RUNTIME, "ConnectError")} | null, ${name}?: `;
        ctx.edit.overwrite(type.start, message.start, head, origin);
        ctx.edit.overwrite(message.end, type.end, ") => void", origin);
        break;
      }
      default:
        ctx.edit.overwrite(use.member.start, use.member.end, `${ctx.imports.add(RUNTIME, "Code")}.${use.name}`, origin);
    }
  }
  for (const [declarator, uses] of asked) writeAsked(ctx, declarator, uses);
}

type PropertyUse = Extract<ErrorUse, { kind: "property" }>;

/** The functions that give what a ServiceError has under a name. */
const ASKED = { details: "serviceErrorDetails", message: "serviceErrorMessage", metadata: "trailerOf" } as const;

/** `const { code, message } = err` -> `const { code } = err, message = serviceErrorMessage(err)` */
function writeAsked(ctx: RuleContext, { id: pattern, init }: Node, uses: readonly PropertyUse[]): void {
  const origin = { rule: id, outcome: "idiomatic" } as const;
  const open = ({ name }: PropertyUse) => ctx.imports.add(GRPC_JS, ASKED[name]);
  const error = unwrap(init).name as string;
  const properties = pattern.properties as Node[];
  const isAsked = (property: Node) => uses.some((use) => use.property === property);
  const last = properties.findLastIndex((property) => !isAsked(property));
  const [first, ...others] = uses as readonly [PropertyUse, ...PropertyUse[]];
  if (last === -1) {
    ctx.edit.overwrite(pattern.start, pattern.end, first.property.value.name, origin);
    ctx.edit.insertRight(init.start, `${open(first)}(`, origin);
  } else {
    for (const [index, property] of properties.slice(0, last).entries())
      if (isAsked(property)) ctx.edit.remove(property.start, (properties[index + 1] as Node).start, origin);
    const end = (properties.at(-1) as Node).end;
    const kept = properties[last] as Node;
    if (kept.end < end) ctx.edit.remove(kept.end, end, origin);
  }
  const more = (last === -1 ? others : uses).map((use) => `, ${use.property.value.name} = ${open(use)}(${error})`);
  ctx.edit.insertLeft(init.end, (last === -1 ? ")" : "") + more.join(""), origin);
}

function writeWrapped(ctx: RuleContext, param: Node, owner: Node, isCallback: boolean): void {
  const origin = BRIDGED;
  const text = textOf(ctx.source, param);
  // A listener with a name: the rule of the stream calls it.
  if (/^on(ce)?$/.test(memberName(owner.callee ?? owner) ?? "")) return;
  if (!isFunction(owner) && owner.type !== "CatchClause") {
    // `.catch(console.error)`
    const convert = ctx.imports.add(GRPC_JS, "serviceErrorFrom");
    const response = plannedCalls(ctx).some(({ call, fact }) => call === owner && fact.wantsResponse)
      ? NO_RESPONSE
      : "";
    ctx.edit.overwrite(param.start, param.end, `(error) => ${text}(${convert}(error)${response})`, origin);
    return;
  }
  const caught = freshName(ctx, "caught", "caughtError");
  const body = owner.body as Node;
  if (body.type === "BlockStatement")
    for (const error of rethrows(param, body)) ctx.edit.overwrite(error.start, error.end, caught, origin);
  // A callback's parameter goes away: the rule of its call writes the variable.
  if (isCallback) return;
  const convert = ctx.imports.add(GRPC_JS, "serviceErrorFrom");
  if (body.type !== "BlockStatement") {
    if (!isIdentifier(param)) {
      // `({ message }) => …` -> `(caught) => { const { message } = serviceErrorFrom(caught); return …; }`
      const arrow = ctx.source.indexOf("=>", param.end) + 2;
      const declare = `const ${text} = ${convert}(${caught});`;
      ctx.edit.overwrite(param.start, param.end, caught, origin);
      ctx.edit.insertLeft(arrow, ` { ${declare} return`, origin);
      ctx.edit.insertLeft(owner.end, "; }", origin);
      return;
    }
    // `.catch((err) => console.error(err))`: the one expression takes the converted error.
    const uses: Node[] = [];
    walk(body, (node, [parent]) => {
      if (isIdentifier(node, param.name) && !(parent?.property === node && !parent.computed)) uses.push(node);
      return undefined;
    });
    for (const use of uses) {
      ctx.edit.insertRight(use.start, `${convert}(`, origin);
      ctx.edit.insertLeft(use.end, ")", origin);
    }
    return;
  }
  const first = (body.body as Node[])[0];
  const indent = first ? indentAt(ctx.source, first.start) : indentAt(ctx.source, body.start) + unitOf(ctx.source);
  const isOneLine = first && !ctx.source.slice(body.start, first.start).includes("\n");
  const declare = `${keywordFor(ctx, param)} ${text} = ${convert}(${caught});`;
  // Where nothing around the function says what its parameter is.
  const type = param.typeAnnotation && owner.type !== "CatchClause" ? ": unknown" : "";
  ctx.edit.overwrite(param.start, param.end, caught + type, origin);
  ctx.edit.insertLeft(
    body.start + 1,
    isOneLine ? ` ${declare}` : `${lineEndingOf(ctx.source)}${indent}${declare}`,
    origin,
  );
}

export default transformFromRule(rule);
