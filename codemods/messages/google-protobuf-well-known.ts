import type { DescMessage } from "@bufbuild/protobuf";
import { type CallExpression, Node, type PropertyAccessExpression } from "ts-morph";
import { accessorsOf, generatedNameOf, isOptionalScalar } from "./google-protobuf-names.js";
import { isDate, standsAlone } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/** The methods that google-protobuf's own classes have beside their accessors. True when the call is dealt with. */
export function followWellKnown(
  p: Proving,
  access: PropertyAccessExpression,
  call: CallExpression,
  desc: DescMessage,
): boolean {
  const method = `${desc.typeName}.${access.getName()}`;
  const of = access.getExpression();
  if (access.hasQuestionDotToken()) {
    const text = method === "google.protobuf.Timestamp.toDate" ? optionalText(p, of) : undefined;
    if (text !== undefined) datesOf(p, call, of, text);
    return text !== undefined;
  }
  const [first, second, third] = call.getArguments();
  switch (method) {
    case "google.protobuf.Timestamp.toDate": {
      // timestampDate() rounds to the millisecond, toDate() cuts off: 1.6 ms is 2 there and 1 here.
      const chain = p.chainText(of);
      if (chain === undefined) {
        p.block(call, "a timestamp that cannot be read twice");
        return true;
      }
      p.edit(call, call.getStart(), call.getStart(), ["new Date(Number("], "after");
      p.edit(call, of.getEnd(), call.getEnd(), [`.seconds) * 1000 + ${chain}.nanos / 1e6)`]);
      return true;
    }
    case "google.protobuf.Timestamp.fromDate":
      if (!first || second || !isDate(first) || !Node.isExpressionStatement(call.getParent())) return false;
      p.edit(call, call.getStart(), call.getStart(), ["Object.assign("], "after");
      p.edit(call, of.getEnd(), first.getStart(), [", ", { module: WKT, name: "timestampFromDate" }, "("]);
      p.edit(call, first.getEnd(), call.getEnd(), ["))"]);
      return true;
    case "google.protobuf.Any.getTypeName":
      p.edit(call, access.getNameNode().getStart(), call.getEnd(), ['typeUrl.replace(/^.*\\//s, "")']);
      p.flow(call, { kind: "value", as: { kind: "same", type: "string" } });
      return true;
    case "google.protobuf.Any.pack":
      return packs(p, call, of, first, second, third);
    case "google.protobuf.Any.unpack":
      return unpacks(p, call, of, first, second);
    default:
      return false;
  }
}

/** `message.getAt()?.toDate().getTime()`: nothing of the chain runs where there is no timestamp. */
function datesOf(p: Proving, call: CallExpression, of: Node, text: string): void {
  let end: Node = call;
  for (let above = end.getParent(); above && continues(above, end); above = end.getParent()) end = above;
  p.edit(end, end.getStart(), end.getStart(), [`(${text} && new Date(Number(`], "after");
  const millis = `.seconds) * 1000 + ${text.replaceAll("?.", ".")}.nanos / 1e6)`;
  p.edit(call, of.getEnd(), call.getEnd(), [millis]);
  p.edit(end, end.getEnd(), end.getEnd(), [")"], "before");
}

function continues(above: Node, chain: Node): boolean {
  const isPart =
    Node.isPropertyAccessExpression(above) || Node.isElementAccessExpression(above) || Node.isCallExpression(above);
  return isPart && above.getExpression() === chain;
}

/** `a?.getB()` as it will be, if it can be written twice. */
export function optionalText(p: Proving, node: Node): string | undefined {
  const plain = p.chainText(node);
  if (plain !== undefined) return plain;
  const access = Node.isCallExpression(node) && node.getArguments().length === 0 ? node.getExpression() : undefined;
  if (!Node.isPropertyAccessExpression(access)) return undefined;
  const kind = p.kinds.get(access.getExpression());
  const accessor = kind?.kind === "message" ? accessorsOf(kind.desc).get(access.getName()) : undefined;
  const object = optionalText(p, access.getExpression());
  if (object === undefined || accessor?.does !== "get" || accessor.field.oneof) return undefined;
  if (isOptionalScalar(accessor.field) || accessor.field.fieldKind === "map") return undefined;
  return `${object}${access.hasQuestionDotToken() ? "?." : "."}${accessor.field.localName}`;
}

const WKT = "@bufbuild/protobuf/wkt";

/** `any.pack(message.serializeBinary(), "pkg.Message")` */
function packs(p: Proving, call: CallExpression, any: Node, bytes?: Node, name?: Node, prefix?: Node): boolean {
  const desc = namedBy(p, name);
  const made = Node.isCallExpression(bytes) ? bytes.getExpression() : undefined;
  const message =
    Node.isPropertyAccessExpression(made) && made.getName() === "serializeBinary" ? made.getExpression() : undefined;
  if (!desc || !message || !bytes || prefix || !Node.isExpressionStatement(call.getParent())) return false;
  if (!Node.isIdentifier(any)) return false;
  p.edit(call, call.getStart(), message.getStart(), [
    { module: WKT, name: "anyPack" },
    "(",
    p.generated(desc, "descriptor", call),
    ", ",
  ]);
  p.edit(call, message.getEnd(), call.getEnd(), [`, ${any.getText()})`]);
  p.packed.add(bytes);
  p.sink(message, { kind: "message", desc });
  return true;
}

/** The first argument of `any.pack(…)`. */
export function isPacked(bytes: Node): boolean {
  const call = bytes.getParent();
  const callee = Node.isCallExpression(call) && call.getArguments()[0] === bytes ? call.getExpression() : undefined;
  return Node.isPropertyAccessExpression(callee) && callee.getName() === "pack";
}

/** `any.unpack(Message.deserializeBinary, "pkg.Message")`: the message, or null for another one. */
function unpacks(p: Proving, call: CallExpression, any: Node, deserialize?: Node, name?: Node): boolean {
  const desc = namedBy(p, name);
  const owner =
    Node.isPropertyAccessExpression(deserialize) && deserialize.getName() === "deserializeBinary"
      ? generatedNameOf(p.project, deserialize.getExpression())
      : undefined;
  if (!desc || owner?.kind !== "message" || owner.desc.typeName !== desc.typeName) return false;
  const [opening, closing] = standsAlone(call) ? ["", ""] : ["(", ")"];
  p.edit(call, call.getStart(), call.getStart(), [opening, { module: WKT, name: "anyUnpack" }, "("], "after");
  p.edit(call, any.getEnd(), call.getEnd(), [", ", p.generated(desc, "descriptor", call), `) ?? null${closing}`]);
  p.flow(call, { kind: "message", desc });
  return true;
}

function namedBy(p: Proving, name: Node | undefined): DescMessage | undefined {
  return Node.isStringLiteral(name) ? p.project.protos.message(name.getLiteralText()) : undefined;
}
