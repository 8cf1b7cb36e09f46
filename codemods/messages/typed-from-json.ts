import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { type CallExpression, type MethodDeclaration, Node, SyntaxKind } from "ts-morph";
import { reachable } from "./google-protobuf-generated.js";
import type { Proving } from "./proof.js";
import { type TypedCode, zeroConstant } from "./typed-code.js";

/**
 * `Thing.fromJSON(object)` of ts-proto's code, which reads each field by one or two names: the runtime reads them so. False where
 * the generated function does anything else, or has maps, oneofs or well-known types in it.
 */
export function madeOfJson(p: Proving, code: TypedCode, call: CallExpression, desc: DescMessage): boolean {
  const [argument, more] = call.getArguments();
  const makesWith = code.flavour.showsWith?.fromJson;
  if (!makesWith || !argument || more) return false;
  const all = reachable(desc);
  const styles = new Set(all.flatMap((one) => stylesOf(p, code, one)));
  const [style] = styles;
  if (styles.size > 1 || style === "other") return false;
  p.edit(call, call.getStart(), argument.getStart(), [
    { module: "@connect-migrate/runtime/grpc-js", name: makesWith },
    "(",
    p.generated(desc, "descriptor", call),
    ", ",
  ]);
  p.edit(call, argument.getEnd(), call.getEnd(), [style === "both" ? ", { names: true })" : ")"]);
  return true;
}

/** The names that a function reads fields by: of JSON, as older versions do, or also of the .proto. */
type Style = "camel" | "both";

/** One for each field whose names differ. */
function stylesOf(p: Proving, code: TypedCode, desc: DescMessage): (Style | "other")[] {
  const method = methodOf(code, desc);
  const [statement, more] = method?.getStatements() ?? [];
  const made = Node.isReturnStatement(statement) ? statement.getExpression() : undefined;
  if (!method || more || !Node.isObjectLiteralExpression(made) || desc.oneofs.length > 0) return ["other"];
  const properties = made.getProperties();
  if (properties.length !== desc.fields.length) return ["other"];
  return desc.fields.flatMap((field, index) => {
    const property = properties[index];
    const key = code.propertyOf(field)?.key;
    if (!Node.isPropertyAssignment(property) || key === undefined || property.getName() !== key) return ["other"];
    const text = property.getInitializerOrThrow().getText().replace(/\s+/g, "").replaceAll("globalThis.", "");
    // `env=node` makes a Buffer of it.
    const plain = text
      .replace(/Buffer\.from\((bytesFromBase64\([\w.]+\))\)/g, "$1")
      .replace("Buffer.alloc(0)", "newUint8Array(0)");
    return styleOf(p, code, field, plain, method) ?? [];
  });
}

function methodOf(code: TypedCode, desc: DescMessage): MethodDeclaration | undefined {
  const declaration = code.declarationOf(desc);
  const functions = declaration
    ?.getSourceFile()
    .getVariableDeclaration(declaration.getName() ?? "")
    ?.getInitializer();
  const method = Node.isObjectLiteralExpression(functions) ? functions.getProperty("fromJSON") : undefined;
  return Node.isMethodDeclaration(method) ? method : undefined;
}

/** `isSet(object.total) ? Number(object.total) : 0`; undefined where the field has one name only. */
function styleOf(
  p: Proving,
  code: TypedCode,
  field: DescField,
  text: string,
  method: MethodDeclaration,
): Style | "other" | undefined {
  const isList = field.fieldKind === "list";
  const convert = conversionOf(code, field, method);
  if (convert === undefined || field.fieldKind === "map" || p.kindOf(field).kind === "wrapper") return "other";
  const part = (name: string) =>
    isList
      ? `Array.isArray(object?.${name})?object.${name}.map((e:any)=>${convert("e")}):`
      : `isSet(object.${name})?${convert(`object.${name}`)}:`;
  const otherwise = isList ? "[]" : defaultOf(code, field);
  const camel = field.localName.replace(/\$$/, "");
  const isOne = text === `${part(camel)}${otherwise}`;
  if (camel === field.name) return isOne ? undefined : "other";
  if (isOne) return "camel";
  return text === `${part(camel)}${part(field.name)}${otherwise}` ? "both" : "other";
}

function defaultOf(code: TypedCode, field: DescField): string {
  if (field.presence === FeatureSet_FieldPresence.EXPLICIT) return "undefined";
  if (!("scalar" in field) || field.scalar === undefined) return zeroConstant(code, field) ?? "0";
  if (field.scalar === ScalarType.STRING) return '""';
  if (field.scalar === ScalarType.BOOL) return "false";
  return field.scalar === ScalarType.BYTES ? "newUint8Array(0)" : "0";
}

/** What generated code makes of a value of the field, as text; undefined where that is not known. */
function conversionOf(code: TypedCode, field: DescField, method: MethodDeclaration) {
  const named = (name: string) => (value: string) => `${name}(${value})`;
  if ("message" in field && field.message) {
    const declaration = code.declarationOf(field.message);
    const name = declaration?.getName();
    return field.message.typeName.startsWith("google.protobuf.") || !name ? undefined : named(`${name}.fromJSON`);
  }
  if ("enum" in field && field.enum) {
    const { enum: desc } = field;
    if (new Set(desc.values.map((value) => value.number)).size < desc.values.length) return undefined;
    const name = method.getDescendantsOfKind(SyntaxKind.Identifier).find((one) => {
      const found = code.enumFunction(one);
      return found?.direction === "from" && found.desc.typeName === desc.typeName;
    });
    return name && named(name.getText());
  }
  const scalar = "scalar" in field ? field.scalar : undefined;
  if (scalar === undefined || ("longAsString" in field && field.longAsString)) return undefined;
  switch (scalar) {
    case ScalarType.STRING:
      return named("String");
    case ScalarType.BOOL:
      return named("Boolean");
    case ScalarType.BYTES:
      return readsWithBuffer(method) ? named("bytesFromBase64") : undefined;
    default:
      return named("Number");
  }
}

/** With `env=browser` it is another function, which refuses more. */
function readsWithBuffer(method: MethodDeclaration): boolean {
  const text = method.getSourceFile().getFunction("bytesFromBase64")?.getText() ?? "";
  return /Buffer\.from\(b64, "base64"\)/.test(text);
}
