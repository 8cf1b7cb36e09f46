import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { Edition, FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import {
  type CallExpression,
  type FunctionDeclaration,
  Node,
  type ObjectLiteralExpression,
  type SourceFile,
  type Type,
} from "ts-morph";
import type { TextPart } from "./message-facts.js";
import { isPlain, isStruct, isTextEnum, type Kind, unsupportedIn } from "./message-kind.js";
import { isAbsent, isOperand, isTruthTest, isValueOfLogical, topOf, unquoted, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { type TypedCode, zeroConstant } from "./typed-code.js";
import { createdOptions, dependsOnSent, madeOrChanged } from "./typed-created.js";
import { literalAround } from "./typed-places.js";
import type { TypedTypes } from "./typed-types.js";
import { isPart, makesJson, shownBy } from "./whole-messages.js";

const RUNTIME = "@connect-migrate/runtime/grpc-js";

export type TypedShows = ReturnType<typeof createTypedShows>;

/** Messages of ts-proto that are printed, logged, answered as JSON, or given to their `toJSON`. */
export function createTypedShows(p: Proving, code: TypedCode, types: TypedTypes, files: readonly SourceFile[]) {
  const { messageIn } = types;
  /** Literals that are messages as they are written: their keys, and the order of them. */
  const literals: { readonly desc: DescMessage; readonly keys: readonly string[]; readonly isLed: boolean }[] = [];

  const written = new Set<DescMessage>();

  return {
    /** `thing.total = 5`, `thing.parts.push(part)`. */
    writes(field: DescField): void {
      written.add(field.parent);
      if (scalarOf(field) === ScalarType.BYTES && !isBuffer(field)[0]) p.unlike.add(field);
    },

    /** Bytes that the program sets are what it says; those of a decoded message are a Buffer, whatever their type is. */
    gives(value: Node, field: DescField): void {
      if (scalarOf(field) !== ScalarType.BYTES || isBuffer(field)[0]) return;
      const given = unwrapped(value);
      const of = Node.isPropertyAccessExpression(given) ? messageIn(given.getExpression().getType()) : undefined;
      const from = of && Node.isPropertyAccessExpression(given) ? p.fieldBy(of, given.getName()) : undefined;
      if (from?.fieldKind !== field.fieldKind || from.presence !== field.presence) p.unlike.add(field);
    },

    /** Is it an argument of what shows it, or a part of one? */
    isShown(node: Node): boolean {
      return showing(topOf(node)) !== undefined;
    },

    /** `const thing: Thing = { … }`, which no function of generated code copies. */
    literal(object: ObjectLiteralExpression, desc: DescMessage): void {
      if (!code.flavour.showsWith || (!code.flavour.showsReceived && isCopied(object))) return;
      const [first] = object.getProperties();
      const isLed = Node.isSpreadAssignment(first) && messageIn(first.getExpression().getType()) === desc;
      const keys = object.getProperties().map((one) => (Node.isSpreadAssignment(one) ? "" : (keyIn(one) ?? "")));
      literals.push({ desc, keys, isLed });
    },

    /** True when the use is dealt with: the same plain object is made there. */
    shows(node: Node, type: Type): boolean {
      const { showsWith } = code.flavour;
      if (!showsWith) return false;
      const whole = type.getNonNullableType();
      const item = whole.isArray() ? whole.getArrayElementType() : undefined;
      const desc = messageIn(item ?? whole);
      const outer = topOf(node);
      const call = showing(outer) ?? keysOfWhole(outer, desc);
      if (!call || (item && type.isNullable())) return false;
      // What stands in them is looked at for itself.
      if (Node.isObjectLiteralExpression(node) || Node.isArrayLiteralExpression(node)) return true;
      if (!desc) return false;
      const options = code.flavour.showsReceived ? optionsOfCreated(desc) : optionsOf(desc);
      if (options === undefined) return false;
      const prints = !makesJson(call);
      if (code.flavour.showsReceived && dependsOnSent(within(desc)))
        for (const one of within(desc)) p.remembered.add(one);
      p.finals.push(() => {
        const descs = within(desc);
        if (code.flavour.showsReceived) return mustBeReceived(node, descs);
        const other = literals.find((one) => descs.has(one.desc) && !isLikeDecoded(one, prints));
        if (other) p.block(node, "a message is shown that may have been made with its fields in another order");
        const fields = [...descs].flatMap((one) => one.fields);
        if (fields.some((field) => p.unlike.has(field)))
          p.block(node, "a message is shown whose bytes may be no Buffer, as received ones are");
      });
      const prefix = p.keyPrefix(outer);
      // The key is written once, whatever else is written within.
      if (prefix !== "") p.renamedShorthands.add(outer);
      const opening: TextPart[] = [
        { module: RUNTIME, name: showsWith.object },
        "(",
        p.generated(desc, "descriptor", call),
        ", ",
      ];
      const closing = `${options})`;
      if (!item) {
        p.wrap(outer, [prefix, ...opening], closing);
        return true;
      }
      const [before, after] = isOperand(outer) ? ["", ""] : ["(", ")"];
      p.edit(outer, outer.getStart(), outer.getStart(), [`${prefix}${before}`], "after");
      p.edit(
        outer,
        outer.getEnd(),
        outer.getEnd(),
        [`${after}.map((item) => `, ...opening, `item${closing})`],
        "before",
      );
      return true;
    },

    /** `Thing.toJSON(thing)`, whose argument is certainly one. False where the generated function does anything else. */
    json(call: CallExpression, argument: Node, desc: DescMessage): boolean {
      const { showsWith } = code.flavour;
      const options = showsWith?.json === undefined ? undefined : optionsOf(desc, true);
      if (!showsWith?.json || options === undefined) return false;
      if ([...within(desc)].some((one) => !makesKnownJson(one))) return false;
      const schema = p.generated(desc, "descriptor", call);
      const name = { module: RUNTIME, name: showsWith.json };
      p.edit(call, call.getStart(), argument.getStart(), [name, "(", schema, ", "]);
      p.edit(call, argument.getEnd(), call.getEnd(), [`${options})`]);
      return true;
    },
  };

  /** The call that shows an expression, and asks for no message: a method of a client may be named `send` or `log`. */
  function showing(outer: Node): CallExpression | undefined {
    const call = shownBy(p, outer) ?? shownByFunction(outer);
    // Types are asked for no more than is needed: what one has in it is known to a depth that grows with what was asked before.
    if (!call) return undefined;
    const callee = call.getExpression();
    const asked = Node.isExpression(outer) ? outer.getContextualType() : undefined;
    const isOfClient = Node.isPropertyAccessExpression(callee) && types.isClientType(callee.getExpression().getType());
    return isOfClient || (asked && types.holds(asked)) ? undefined : call;
  }

  function mustBeReceived(node: Node, descs: ReadonlySet<DescMessage>): void {
    const holdsOne = (desc: DescMessage) => [...within(desc)].some((one) => descs.has(one));
    // A message that is put into another one may be copied there.
    const isGiven = ({ desc, keys }: (typeof literals)[number]) =>
      keys.some((key) => {
        const field = desc.fields.find((one) => code.propertyOf(one.oneof ?? one)?.key === key);
        return !field || (field.oneof?.fields ?? [field]).some(({ message }) => message && holdsOne(message));
      });
    const isMade = literals.some((one) => descs.has(one.desc) || (holdsOne(one.desc) && isGiven(one)));
    if (isMade || madeOrChanged(files, code, messageIn, descs, holdsOne))
      p.block(node, "a message is shown that the program may have made or changed");
  }

  /** Of `protobufTsObject`. */
  function optionsOfCreated(desc: DescMessage): string | undefined {
    const descs = within(desc);
    return createdOptions(p, code, descs, agreed([...descs].flatMap((one) => one.fields).flatMap(longsOf)));
  }

  /** `Object.keys(request)`: those of the plain object, and where all its values are plain, `Object.entries` and `Object.values`. */
  function keysOfWhole(message: Node, desc: DescMessage | undefined): CallExpression | undefined {
    const call = message.getParent();
    if (!desc || code.flavour.showsReceived || !Node.isCallExpression(call)) return undefined;
    if (call.getArguments().length !== 1) return undefined;
    const isPlainField = (field: DescField) => {
      const kind = p.kindOf(field);
      return kind.kind === "value" && isPlain(kind) && !isTextEnum(kind) && !isStruct(kind);
    };
    const name = /^Object\.(keys|values|entries)$/.exec(call.getExpression().getText())?.[1];
    return name === "keys" || (name !== undefined && desc.fields.every(isPlainField)) ? call : undefined;
  }

  /** `log("got", request)`: the call of a function of the project that shows what it is given, and does nothing else with it. */
  function shownByFunction(given: Node): CallExpression | undefined {
    let node = given;
    let above = node.getParent();
    while (above && isPart(above, node)) [node, above] = [above, above.getParent()];
    if (!Node.isCallExpression(above) || !above.getArguments().includes(node)) return undefined;
    const origin = p.project.originOf(above.getExpression());
    if (origin.kind !== "function" || !Node.isParametered(origin.node)) return undefined;
    const parameters = origin.node.getParameters();
    const parameter = parameters[Math.min(above.getArguments().indexOf(node), parameters.length - 1)];
    const name = parameter?.getNameNode();
    if (!parameter || !name || !Node.isIdentifier(name) || /\barguments\b/.test(origin.node.getText()))
      return undefined;
    const type = parameter.isRestParameter() ? parameter.getType().getArrayElementType() : parameter.getType();
    if (!type?.isUnknown() && !type?.isAny()) return undefined;
    const uses = p.project.referencesTo(name).filter((use) => use !== name);
    const isShown = (use: Node) => {
      const spread = use.getParent();
      return isTested(use) || shownBy(p, topOf(Node.isSpreadElement(spread) ? spread : use)) !== undefined;
    };
    const last = parameters.at(-1);
    const isTaken =
      parameter !== last || parameter.isRestParameter() || above.getArguments().length <= parameters.length;
    return isTaken && uses.every(isShown) ? above : undefined;
  }

  function isCopied(object: ObjectLiteralExpression): boolean {
    let top: Node = object;
    for (let around = literalAround(top); around; around = literalAround(top)) top = around;
    const call = topOf(top).getParent();
    const callee = Node.isCallExpression(call) ? call.getExpression() : undefined;
    return Node.isPropertyAccessExpression(callee) && code.nameOf(callee.getExpression())?.kind === "message";
  }

  /** Are the keys of a literal those of a decoded message, as far as it can be seen? */
  function isLikeDecoded(one: (typeof literals)[number], prints: boolean): boolean {
    const wanted = keysOf(one.desc);
    const own = one.isLed ? one.keys.slice(1) : one.keys;
    if (one.isLed) return own.every((key) => wanted.includes(key));
    if (prints) return own.join() === wanted.join();
    const places = own.map((key) => wanted.indexOf(key));
    const isOrdered = places.every((place, index) => place >= 0 && (index === 0 || place > (places[index - 1] ?? -1)));
    return isOrdered && (own.length === wanted.length || !written.has(one.desc));
  }

  function within(desc: DescMessage, found = new Set<DescMessage>()): Set<DescMessage> {
    if (found.has(desc)) return found;
    found.add(desc);
    for (const field of desc.fields) {
      const part = messageOf(p.kindOf(field));
      if (part) within(part, found);
    }
    return found;
  }

  /** The keys of a decoded message, in order. */
  function keysOf(desc: DescMessage): string[] {
    const keys = desc.fields.map((field) => {
      const union = field.oneof && code.propertyOf(field.oneof);
      return (union ?? code.propertyOf(field))?.key ?? "";
    });
    return [...new Set(keys)];
  }

  /** Of `tsProtoObject`, after a comma, for a message and all within it; undefined where there are none. */
  function optionsOf(desc: DescMessage, isForJson = false): string | undefined {
    const all = [...within(desc)];
    if (all.some((one) => one.file.edition !== Edition.EDITION_PROTO3 || !isBase(one))) return undefined;
    const fields = all.flatMap((one) => one.fields);
    if (fields.some((field) => unsupportedIn(p.kindOf(field)) !== undefined)) return undefined;
    const keep = agreed(fields.filter(({ name, localName }) => name !== localName).map(keepsCase));
    const longs = agreed(fields.flatMap(longsOf));
    const timestamps = agreed(
      fields.filter((field) => timestampIn(field)).map((field) => representationIn(p.kindOf(field))?.kind !== "date"),
    );
    const buffers = agreed(fields.flatMap(isBuffer)) ?? true;
    const unions = agreed(fields.flatMap((field) => (field.oneof ? [unionOf(field)] : [])));
    const enums = agreed(fields.flatMap(enumsOf));
    if ([keep, longs, timestamps, buffers, unions, enums].includes("both") || keep === "other") return undefined;
    const isByteless = !fields.some((field) => scalarOf(field) === ScalarType.BYTES);
    const options = [
      ...(keep === true ? ["keepCase: true"] : []),
      ...(longs === undefined || longs === "Number" ? [] : [`longs: ${longs}`]),
      ...(enums === "String" && !isForJson ? ["enums: String"] : []),
      ...(timestamps === true && !isForJson ? ["timestamps: true"] : []),
      ...(isByteless || isForJson ? [] : [buffers ? "buffers: true" : 'buffers: "received"']),
      ...(unions === undefined || unions === "members" || isForJson ? [] : [`unions: "${unions}"`]),
    ];
    return options.length > 0 ? `, { ${options.join(", ")} }` : "";
  }

  function keepsCase(field: DescField): boolean | "other" {
    const key = (code.propertyOf(field) ?? code.memberOf(field))?.key;
    const text = key === "value" ? code.memberOf(field)?.text : key;
    if (text === field.name) return true;
    return text === field.localName.replace(/\$$/, "") ? false : "other";
  }

  function longsOf(field: DescField): string[] {
    const as = representationIn(p.kindOf(field));
    if (as?.kind === "int64-string") return "longAsString" in field && field.longAsString ? [] : ["String"];
    if (as?.kind === "int64-number") return ["Number"];
    return as?.kind === "same" && as.type === "bigint" ? ["BigInt"] : [];
  }

  function enumsOf(field: DescField): string[] {
    const as = representationIn(p.kindOf(field));
    return as?.kind === "enum-number" ? [as.isText ? "String" : "Number"] : [];
  }

  function unionOf(field: DescField): "members" | "name" | "value" {
    const member = code.memberOf(field);
    if (!member) return "members";
    return member.key === "value" && member.text !== "value" ? "value" : "name";
  }

  function isBuffer(field: DescField): boolean[] {
    if (scalarOf(field) !== ScalarType.BYTES) return [];
    return [(code.propertyOf(field) ?? code.memberOf(field))?.type.getText().match(/\bBuffer\b/) != null];
  }

  /** Does generated code make a message with all its keys, and nothing else in it? */
  function isBase(desc: DescMessage): boolean {
    const declaration = code.declarationOf(desc);
    if (!Node.isInterfaceDeclaration(declaration)) return false;
    const make = declaration.getSourceFile().getFunction(`createBase${declaration.getName()}`);
    const keys = keysOf(desc).join();
    return (
      declaration.getProperties().length === keysOf(desc).length && make !== undefined && keysMade(make).join() === keys
    );
  }

  /** Is the JSON that generated code makes of a message what the runtime makes of it? */
  function makesKnownJson(desc: DescMessage): boolean {
    const declaration = code.declarationOf(desc);
    const file = declaration?.getSourceFile();
    const functions = file?.getVariableDeclaration(declaration?.getName() ?? "")?.getInitializer();
    const method = Node.isObjectLiteralExpression(functions) ? functions.getProperty("toJSON") : undefined;
    if (!Node.isMethodDeclaration(method)) return false;
    const statements = method.getStatements().map((one) => one.getText().replace(/\s+/g, ""));
    const isUnknownEnum = method
      .getDescendants()
      .some((one) => Node.isIdentifier(one) && /ToJSON$/.test(one.getText()) && !code.enumFunction(one));
    // The members of a union are one statement.
    const body = statements.slice(1, -1).flatMap((one) => one.split(/(?<=\})else(?=if\()/));
    if (
      isUnknownEnum ||
      statements[0] !== "constobj:any={};" ||
      body.length !== desc.fields.length ||
      statements.at(-1) !== "returnobj;"
    )
      return false;
    return desc.fields.every((field, index) => isKnownStatement(field, body[index] ?? ""));
  }

  /** `if (message.total !== 0) { obj.total = Math.round(message.total); }` */
  function isKnownStatement(field: DescField, text: string): boolean {
    const member = field.oneof && code.memberOf(field);
    const key = member?.text ?? code.propertyOf(field)?.key;
    const [, test, to, value] = /^if\((.*?)\)\{(?:constentries=.*?)?obj\.(\w+)=(.*)\}$/.exec(text) ?? [];
    if (!key || !test || to !== key || !value) return false;
    const of = `message.${key}`;
    const union = field.oneof && code.propertyOf(field.oneof)?.key;
    const zeros = ["0", "false", "0n", '"0"', '""', 'BigInt("0")'].map((zero) => `${of}!==${zero}`);
    const first = zeroConstant(code, field);
    if (first !== undefined) zeros.push(`${of}!==${first}`);
    const wanted = member
      ? [`message.${union}?.${code.flavour.discriminator}==="${member.text}"`]
      : field.fieldKind === "list"
        ? [`${of}?.length`]
        : field.fieldKind === "map"
          ? [of]
          : field.presence === FeatureSet_FieldPresence.IMPLICIT
            ? [...zeros, `${of}.length!==0`]
            : [`${of}!==undefined`];
    const isTested = wanted.includes(test.replace(`${of}!==undefined&&${of}`, of));
    const scalar = scalarOf(field);
    const isFloat = scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT;
    // A wrapper's value is given on as it is.
    const as = representationIn(p.kindOf(field));
    if (
      p.kindOf(field).kind === "wrapper" &&
      (scalar === ScalarType.BYTES || (as?.kind === "same" && as.type === "bigint"))
    )
      return false;
    if (as?.kind === "struct" && field.fieldKind !== "map" && value !== `${of};`) return false;
    if (as?.kind === "mask" && value !== `FieldMask.toJSON(FieldMask.wrap(${of}));`) return false;
    return (
      isTested && (!isFloat || value.includes("floatToJson(")) && (!timestampIn(field) || /toISOString\(\)/.test(value))
    );
  }
}

/** `value === undefined`, `if (value)`. */
function isTested(use: Node): boolean {
  const parent = use.getParent();
  if (!parent) return false;
  if (Node.isBinaryExpression(parent) && /^[!=]==?$/.test(parent.getOperatorToken().getText()))
    return isAbsent(parent.getLeft() === use ? parent.getRight() : parent.getLeft());
  return isTruthTest(parent, use) && !isValueOfLogical(parent);
}

function keyIn(property: Node): string | undefined {
  return Node.isPropertyAssignment(property) || Node.isShorthandPropertyAssignment(property)
    ? unquoted(property.getName())
    : undefined;
}

function keysMade(make: FunctionDeclaration): string[] {
  const [statement] = make.getStatements();
  const made = Node.isReturnStatement(statement) ? statement.getExpression() : undefined;
  const object = made && unwrapped(made);
  return Node.isObjectLiteralExpression(object) ? object.getProperties().map((one) => keyIn(one) ?? "?") : [];
}

/** What all agree on; undefined where there is none, "both" where they do not. */
function agreed<T>(all: readonly T[]): T | undefined | "both" {
  const [first, ...others] = new Set(all);
  return others.length > 0 ? "both" : first;
}

function messageOf(kind: Kind): DescMessage | undefined {
  if (kind.kind === "list" || kind.kind === "map") return messageOf(kind.of);
  return kind.kind === "message" ? kind.desc : undefined;
}

function representationIn(kind: Kind) {
  const one = kind.kind === "list" || kind.kind === "map" || kind.kind === "wrapper" ? kind.of : kind;
  return one.kind === "value" ? one.as : undefined;
}

function scalarOf(field: DescField): ScalarType | undefined {
  const one = field.fieldKind === "message" && isWrapperDesc(field.message) ? field.message.fields[0] : field;
  return one && "scalar" in one ? one.scalar : undefined;
}

function timestampIn(field: DescField): boolean {
  return "message" in field && field.message?.typeName === "google.protobuf.Timestamp";
}
