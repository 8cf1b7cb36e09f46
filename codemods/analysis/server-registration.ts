import { type CallExpression, Node, SyntaxKind, type VariableDeclaration } from "ts-morph";
import { saysName } from "../shared/ast.js";
import { type Reason, reason } from "../shared/reasons.js";
import { descriptorReason, missingProto } from "./meant-proto.js";
import { placeOf, shownPlace } from "./places.js";
import type { AnalysisProject } from "./project.js";
import type { RegistrationFact } from "./server-facts.js";

/** An addService call, before anything is decided about its handlers. */
export interface Draft {
  readonly fact: Omit<RegistrationFact, "implementation" | "bridgedKeys" | "bridgedSpreads">;
  readonly codec: Node | null;
  readonly definitionNode: Node | null;
  readonly call: CallExpression;
  readonly implementation: Node;
}

/** `router`: how the router is named where the call stands. */
export function registrationOf(project: AnalysisProject, call: CallExpression, router = "router"): Draft | Reason {
  const [definition, given] = call.getArguments();
  const bridged = given && bridgedImplementation(given, "toCallbacks");
  const implementation = bridged?.implementation ?? given;
  const where = shownPlace(call);
  if (!definition || !implementation) return reason("types-unknown", `the arguments of addService (${where})`);
  const origin = project.originOf(definition);
  const isKnown = origin.kind === "service-definition";
  const service = isKnown ? project.protos.service(origin.service) : undefined;
  const packageDefinition = isKnown ? origin.packageDefinition : null;
  const definitionNode = isKnown ? origin.definition : null;
  const why = isKnown
    ? service
      ? descriptorReason(
          project,
          origin.service,
          packageDefinition,
          definitionNode?.getSourceFile() ?? call.getSourceFile(),
        )
      : missingProto(project, origin.service, packageDefinition, definitionNode?.getSourceFile())
    : reason("types-unknown", `the service definition ${definition.getText()} (${where})`);
  // What addService takes is a definition, whatever it comes from. It is named twice: it must cost nothing.
  if (why && !isChain(definition)) return why;
  const file = call.getSourceFile().getFilePath() as string;
  const generated = why || !service ? null : project.protos.importPathFor(service, file);
  const held = packageDefinition?.call.getParent();
  const holder = held && Node.isAwaitExpression(held) ? held.getParent() : held;
  const isHere =
    isKnown &&
    holder &&
    Node.isVariableDeclaration(holder) &&
    holder.getSourceFile() === call.getSourceFile() &&
    Node.isSourceFile(holder.getVariableStatement()?.getParent()) &&
    Node.isIdentifier(holder.getNameNode());
  return {
    call,
    implementation,
    codec: packageDefinition?.call ?? null,
    definitionNode,
    fact: {
      kind: "registration",
      ...placeOf(call),
      // Without a descriptor nothing is known of its methods.
      service: generated && isKnown ? origin.service : "",
      shown: isKnown ? origin.service : definition.getText(),
      router,
      descriptor: generated ? { module: generated.module, name: generated.descriptor } : null,
      ownReason: why && ownReason(why),
      definition: isHere ? `${(holder as VariableDeclaration).getName()}['${origin.service}']` : null,
      isBridged: bridged !== undefined,
    },
  };
}

/** The same registration, served by its own definition; the reason why not, where that cannot be named twice. */
export function byOwnDefinition(draft: Draft, why: Reason): Draft | Reason {
  const [definition] = draft.call.getArguments();
  if (!definition || !isChain(definition)) return why;
  return { ...draft, fact: { ...draft.fact, service: "", descriptor: null, ownReason: ownReason(why) } };
}

function ownReason(why: Reason): Reason {
  return reason("own-definition", why.text.slice(0, 1).toLowerCase() + why.text.slice(1).replace(/\.$/, ""));
}

/** Names and members, with constant keys. */
function isChain(node: Node): boolean {
  if (Node.isIdentifier(node) || node.getKind() === SyntaxKind.ThisKeyword) return true;
  if (Node.isNonNullExpression(node) || Node.isParenthesizedExpression(node)) return isChain(node.getExpression());
  if (Node.isPropertyAccessExpression(node)) return isChain(node.getExpression());
  if (!Node.isElementAccessExpression(node) || !isChain(node.getExpression())) return false;
  const key = node.getArgumentExpression();
  return key !== undefined && (Node.isStringLiteral(key) || Node.isNumericLiteral(key) || isChain(key));
}

/** What stands in a bridge of the runtime: `handlers` of `fromCallbacks(handlers)`, of `toCallbacks(Service, handlers)`. */
export function bridgedImplementation(
  node: Node,
  bridge: "fromCallbacks" | "toCallbacks",
): { readonly call: CallExpression; readonly implementation: Node } | undefined {
  if (!Node.isCallExpression(node) || node.getExpression().getText() !== bridge) return undefined;
  const implementation = node.getArguments()[bridge === "fromCallbacks" ? 0 : 1];
  return implementation && { call: node, implementation };
}

/** All calls of a bridge in the project. */
export function bridgesNamed(project: AnalysisProject, bridge: "fromCallbacks" | "toCallbacks") {
  return project.files
    .filter((file) => file.getFullText().includes(`${bridge}(`))
    .flatMap((file) => file.getDescendantsOfKind(SyntaxKind.CallExpression))
    .flatMap((call) => bridgedImplementation(call, bridge) ?? []);
}

/** `const proto = grpc.loadPackageDefinition(definition).pkg` that only the removed registrations named. */
export function unusedDeclarations(
  project: AnalysisProject,
  calls: readonly CallExpression[],
  drafts: readonly Draft[],
  /** What other rewrites write: it may name such a declaration again, as a type does. */
  written: readonly string[],
): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  const definitions = calls.map((call) => call.getArguments()[0]).filter((node) => node !== undefined);
  if (drafts.some((draft) => draft.fact.definition === null)) return found;
  for (const definition of definitions) {
    const name = definition.getDescendantsOfKind(SyntaxKind.Identifier)[0];
    const named = name && project.declarationOf(name);
    const declaration = named && Node.isBindingElement(named) ? named.getParent().getParent() : named;
    if (!declaration || !Node.isVariableDeclaration(declaration)) continue;
    const statement = declaration.getVariableStatement();
    const initializer = declaration.getInitializer();
    if (!initializer || statement?.getDeclarations().length !== 1) continue;
    if (project.originOf(initializer).kind !== "grpc-object") continue;
    const pattern = declaration.getNameNode();
    const names = Node.isObjectBindingPattern(pattern)
      ? pattern.getElements().map((element) => element.getNameNode())
      : [pattern];
    const uses = names.flatMap((each) => project.referencesTo(each).filter((node) => node !== each));
    const isWritten = (name: string) => written.some((text) => saysName(text, name));
    const isGone =
      names.every((each) => Node.isIdentifier(each) && !isWritten(each.getText())) &&
      uses.every((node) =>
        definitions.some(
          (gone) =>
            gone.getStart() <= node.getStart() &&
            node.getEnd() <= gone.getEnd() &&
            gone.getSourceFile() === node.getSourceFile(),
        ),
      );
    const range = { start: statement.getStart(), end: statement.getEnd() };
    if (isGone && !found.some((each) => each.start === range.start)) found.push(range);
  }
  return found;
}
