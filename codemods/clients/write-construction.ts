import { type ClientConstructionFact, clientFacts } from "../analysis/client-facts.js";
import {
  indentAt,
  isIdentifier,
  lineEndingOf,
  type Node,
  nodeAt,
  parentMap,
  semicolonOf,
  statementOf,
} from "../shared/ast.js";
import { keepComments } from "../shared/comments.js";
import type { RuleContext } from "../shared/rule.js";
import { scopesOf } from "../shared/scope.js";
import { withImports } from "../shared/with-imports.js";
import { fileOf, GRPC_JS, RUNTIME } from "./write-call.js";

/** Writes transport and client for one construction. */
export function writeConstruction(ctx: RuleContext, fact: ClientConstructionFact, rule: string): void {
  const node = nodeAt(fileOf(ctx), fact.start, fact.end);
  if (!node || !fact.definition) return;
  const origin = { rule, outcome: fact.outcome, reason: fact.reason };
  const isBridge = fact.shape === "callbacks";
  const create = isBridge ? ctx.imports.add(GRPC_JS, "createGrpcJsClient") : ctx.imports.add(RUNTIME, "createClient");
  const createTransport = fact.channel
    ? ctx.imports.add(GRPC_JS, "transportFromGrpcJs")
    : ctx.imports.add("@connect-migrate/runtime/node", "createGrpcTransport");
  const types = ctx.language === "ts" ? fact.definition.types : undefined;
  const typeArgument =
    types === undefined
      ? ""
      : `<${typeof types === "string" ? types : ctx.imports.add(types.module, types.name, { typeOnly: true })}>`;
  const messages = `${ctx.imports.add(GRPC_JS, "grpcJsMessages")}${typeArgument}`;
  const descriptor = fact.descriptor && ctx.imports.add(fact.descriptor.module, fact.descriptor.name);
  const definition =
    fact.definition.kind === "text"
      ? fact.definition.text
      : ctx.imports.add(fact.definition.module, fact.definition.name);
  const transport = fact.channel
    ? `${createTransport}(new ${grpcMember(ctx, "Client")}(${fact.channel.join(", ")}))`
    : `${createTransport}({ ${withImports(ctx, fact.transport.join(", "), fact.imports)} })`;
  const name = transportName(ctx, fact);
  // A class with generated methods is more than its calls: the type stays what it was.
  const through = fact.typeText === "any" ? "as any" : `as unknown as ${fact.typeText}`;
  const cast = isBridge && fact.typeText !== null ? ` ${through}` : "";
  const parent = parentMap(fileOf(ctx)).get(node) as Node;
  const needsParens = cast !== "" && /^(Member|OptionalMember|Call|Await)/.test(parent.type);
  keepComments(ctx, node, [], origin);
  const field = isBridge ? null : fact.field;
  const client = `${create}(${descriptor ?? `${ctx.imports.add(GRPC_JS, "grpcJsService")}(${definition})`}, ${field ? `this.${field.transport}` : (name ?? transport)}, { messages: ${messages}(${definition}) })${cast}`;
  ctx.edit.overwrite(node.start, node.end, needsParens ? `(${client})` : client, origin);
  if (field) {
    writeField(ctx, fact, node, transport, createTransport, rule);
    return;
  }
  if (name === undefined) return;
  const statement = statementOf(node, parentMap(fileOf(ctx))) as Node;
  const indent = indentAt(ctx.source, statement.start);
  const semicolon = semicolonOf(ctx.source, statement);
  ctx.edit.insertRight(
    statement.start,
    `const ${name} = ${transport}${semicolon}${lineEndingOf(ctx.source)}${indent}`,
    origin,
  );
}

/** A name of grpc-js as the file writes it: a member of its namespace, or an import of its own. */
function grpcMember(ctx: RuleContext, name: string): string {
  const source = `['"]@grpc/grpc-js['"]`;
  const namespace =
    new RegExp(String.raw`^\s*import\s+(?:\*\s+as\s+)?([\w$]+)\s+(?:from|=\s*require\()\s*${source}`, "m").exec(
      ctx.source,
    )?.[1] ??
    new RegExp(String.raw`^(?:const|let|var)\s+([\w$]+)\s*=\s*require\(\s*${source}\s*\)`, "m").exec(ctx.source)?.[1];
  return namespace === undefined ? ctx.imports.add("@grpc/grpc-js", name) : `${namespace}.${name}`;
}

/** The transport as a field beside the client's. */
function writeField(
  ctx: RuleContext,
  fact: ClientConstructionFact,
  node: Node,
  transport: string,
  createTransport: string,
  rule: string,
): void {
  const { field } = fact;
  if (!field) return;
  const origin = { rule, outcome: fact.outcome, reason: fact.reason };
  const eol = lineEndingOf(ctx.source);
  const parents = parentMap(fileOf(ctx));
  const around = (field.isMember ? parents.get(node) : statementOf(node, parents)) as Node;
  const semicolon = semicolonOf(ctx.source, around);
  const insert = (position: number, text: string) => {
    ctx.edit.insertRight(position, `${text}${semicolon}${eol}${indentAt(ctx.source, position)}`, origin);
  };
  if (field.isMember && field.declaration !== null) {
    insert(field.declaration, `${field.modifiers}${field.transport} = ${transport}`);
    return;
  }
  insert(around.start, `this.${field.transport} = ${transport}`);
  if (field.declaration !== null) {
    const type = ctx.language === "ts" ? `${field.isLate ? "!" : ""}: ReturnType<typeof ${createTransport}>` : "";
    insert(field.declaration, `${field.modifiers}${field.transport}${type}`);
  }
}

/** A transport gets a name where the client is declared by a statement of its own. */
export function transportName(ctx: RuleContext, fact: ClientConstructionFact): string | undefined {
  const file = fileOf(ctx);
  const parents = parentMap(file);
  const node = nodeAt(file, fact.start, fact.end);
  const declarator = node && parents.get(node);
  if (declarator?.type !== "VariableDeclarator" || !isIdentifier(declarator.id)) return undefined;
  const declaration = parents.get(declarator) as Node;
  const statement = statementOf(declaration, parents);
  if ((declaration.declarations as Node[]).length !== 1) return undefined;
  if (statement !== declaration && statement?.declaration !== declaration) return undefined;
  const isOnly = clientFacts(ctx.facts, "client-construction").length === 1;
  const { names } = scopesOf(file);
  return isOnly && !names.has("transport") ? "transport" : `${declarator.id.name}Transport`;
}
