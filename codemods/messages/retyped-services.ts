import type { DescService } from "@bufbuild/protobuf";
import { Node } from "ts-morph";
import { declarationsBehind } from "../analysis/assignments.js";
import { generatorOf } from "../project/generated.js";
import type { Proving } from "./proof.js";
import { loadedService } from "./proto-loader-types.js";

/** The types of a service's handlers, wherever they stand. */
export function retypeHandlers(p: Proving, desc: DescService): void {
  for (const file of p.project.files) {
    if (!file.getFullText().includes("ServiceImplOf<")) continue;
    for (const type of file.getDescendants()) retypeService(p, type, desc);
  }
}

/**
 * `ServiceImplOf<BakeryHandlers>`, `ServiceImplOf<typeof BakeryService>` become `ServiceImpl<typeof Bakery>`, and
 * `ClientOf<BakeryClient>` becomes `Client<typeof Bakery>`. True for these.
 */
export function retypeService(p: Proving, type: Node, desc: DescService): boolean {
  const head = Node.isTypeReference(type)
    ? type.getTypeName()
    : Node.isExpressionWithTypeArguments(type)
      ? type.getExpression()
      : undefined;
  const text = head?.getText();
  const made = text === "ServiceImplOf" ? "ServiceImpl" : text === "ClientOf" ? "Client" : undefined;
  const [argument] =
    Node.isTypeReference(type) || Node.isExpressionWithTypeArguments(type) ? type.getTypeArguments() : [];
  if (!head || !made || !argument || !describes(p, argument, desc)) return false;
  const service = p.project.protos.importPathFor(desc, type.getSourceFile().getFilePath());
  p.replace(head, { module: "@connect-migrate/runtime", name: made, typeOnly: true });
  p.replace(argument, "typeof ", { module: service.module, name: service.descriptor, typeOnly: true });
  return true;
}

/** Is a type that of the definition, the handlers or the client of a service in old generated code, of the generator that is left? */
function describes({ project, shape }: Proving, type: Node, desc: DescService): boolean {
  const isOf = (flavour: string) => shape.rule === `messages/${flavour}-native`;
  if (Node.isTypeQuery(type)) {
    const origin = project.originOf(type.getExprName());
    if (origin.kind !== "service-definition" || origin.service !== desc.typeName) return false;
    return isOf(origin.flavour === "generic" ? "protobufjs" : origin.flavour);
  }
  if (!Node.isTypeReference(type)) return false;
  if (loadedService(project, type) === desc) return isOf("proto-loader");
  // `IBakeryServer`, `BakeryClient` and `IBakeryClient` of code for google-protobuf.
  const [declaration] = declarationsBehind(type.getTypeName());
  const file = declaration?.getSourceFile();
  const isNamed = [`I${desc.name}Server`, `I${desc.name}Client`, `${desc.name}Client`].includes(
    type.getTypeName().getSymbol()?.getName() ?? "",
  );
  return (
    isNamed &&
    isOf("google-protobuf") &&
    file !== undefined &&
    generatorOf(file.getFilePath(), file.getFullText()) === "google-protobuf" &&
    new RegExp(`\\b${desc.typeName.replaceAll(".", "\\.")}\\b`).test(file.getFullText())
  );
}
