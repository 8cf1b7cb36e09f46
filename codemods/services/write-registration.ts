import type { RegistrationFact } from "../analysis/server-facts.js";
import { keyName, type Node, textOf, unwrap } from "../shared/ast.js";
import { reason } from "../shared/reasons.js";
import type { RuleContext } from "../shared/rule.js";
import { spreadOverrides } from "./handler-bridge.js";
import { styleOf } from "./write-serve.js";

const id = "services/server-to-app";
const BRIDGE = "@connect-migrate/runtime/grpc-js";
const origin = { rule: id, outcome: "idiomatic" } as const;

/** What stands before and behind an implementation. */
export function registrationParts(context: RuleContext, add: RegistrationFact, call: Node) {
  const { source, imports } = context;
  const [definition, given] = call.arguments as [Node, Node];
  const implementation = add.isBridged ? ((unwrap(given).arguments as Node[])[1] as Node) : given;
  const [before, after] = around(context, add, textOf(source, implementation));
  const codec = add.definition === null ? textOf(source, definition) : quoted(add.definition, styleOf(source).quote);
  const descriptor = add.descriptor
    ? imports.add(add.descriptor.module, add.descriptor.name)
    : `${imports.add(BRIDGE, "grpcJsService")}(${codec})`;
  return {
    implementation,
    route: `${add.router}.service(${descriptor}, ${before}`,
    messages: `${after}, { messages: ${imports.add(BRIDGE, "grpcJsMessages")}(${codec}) })`,
  };
}

/** `server.addService(definition, implementation)` -> `router.service(Service, implementation, { messages })`, where it stands. */
export function writeRegistration(context: RuleContext, add: RegistrationFact, call: Node): void {
  const { edit } = context;
  const { route, implementation, messages } = registrationParts(context, add, call);
  edit.overwrite(call.start, implementation.start, route, origin);
  edit.overwrite(withoutOldType(add, implementation).end, call.end, messages, origin);
}

/** `{ … } as Handlers` says what the handlers were. */
function withoutOldType({ implementation }: RegistrationFact, node: Node): Node {
  return implementation !== "callbacks" && /^TS(As|Satisfies)Expression$/.test(node.type) ? unwrap(node) : node;
}

/** The text of an implementation that moves to the app, with bridged members wrapped. */
export function implementationText(
  context: RuleContext,
  registration: RegistrationFact,
  node: Node,
  eol: string,
  indent: string,
  unit: string,
): string {
  const { source, imports } = context;
  const literal = unwrap(node);
  if (literal.type !== "ObjectExpression") return textOf(source, withoutOldType(registration, node));
  const members = (literal.properties as Node[]).flatMap((property) => {
    if (property.type === "SpreadElement")
      return [textOf(source, property), ...spreadOverrides(context, registration, property)];
    const key = keyName(property);
    if (registration.implementation !== "members" || key === undefined || !registration.bridgedKeys.includes(key))
      return textOf(source, property);
    return `${textOf(source, property.key)}: ${imports.add(BRIDGE, "fromCallback")}(${textOf(source, property.value)})`;
  });
  const line = `{ ${members.join(", ")} }`;
  if (line.length < 60 && !textOf(source, literal).includes("\n")) return line;
  return `{${members.map((member) => `${eol}${indent}${unit}${member},`).join("")}${eol}${indent}}`;
}

/** What stands around an implementation. */
function around(context: RuleContext, registration: RegistrationFact, text: string): [open: string, close: string] {
  const { imports } = context;
  if (registration.implementation === "callbacks") return [`${imports.add(BRIDGE, "fromCallbacks")}(`, ")"];
  if (registration.implementation === "some") {
    const keys = registration.bridgedKeys.map((key) => quoted(`'${key}'`, styleOf(context.source).quote));
    return [`${imports.add(BRIDGE, "fromCallbacks")}(`, `, [${keys.join(", ")}])`];
  }
  if (registration.implementation !== "spread") return ["", ""];
  const bridge = imports.add(BRIDGE, "fromCallback");
  const members = registration.bridgedKeys.map((key) => `${key}: ${bridge}(${text}.${key})`);
  return ["{ ...", `, ${members.join(", ")} }`];
}

export function reportRegistration(context: RuleContext, registration: RegistrationFact): void {
  const { start, end, implementation } = registration;
  const isBridged = implementation === "callbacks";
  context.report({
    rule: id,
    outcome: isBridged ? "bridged" : "idiomatic",
    construct: `addService(${registration.shown})`,
    reason: isBridged
      ? (registration.ownReason ?? reason("call-escapes", "the implementation keeps its callbacks as a whole"))
      : null,
    start,
    end,
    rpc: null,
  });
}

function quoted(text: string, quote: string): string {
  return quote === "'" ? text : text.replaceAll("'", quote);
}
