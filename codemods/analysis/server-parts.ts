import type { DescFile, DescService } from "@bufbuild/protobuf";
import { type CallExpression, type NewExpression, Node, SyntaxKind } from "ts-morph";
import { type Reason, reason } from "../shared/reasons.js";
import type { NamedImport } from "../shared/with-imports.js";
import { contains, peeled } from "./around-values.js";
import { requireSpecifier } from "./exports.js";
import { memberCall, memberOf } from "./member-calls.js";
import { shownPlace } from "./places.js";
import type { AnalysisProject } from "./project.js";
import type { ServerValueFact } from "./server-facts.js";
import { valueFact } from "./server-options.js";
import { followValue } from "./value-flow.js";

/** A service that a library adds to a server, and what a `routes` function mounts instead. */
export interface Part {
  readonly text: string;
  readonly imports: readonly NamedImport[];
  readonly facts: readonly ServerValueFact[];
  /** Statements that nothing needs then. */
  readonly unused: readonly Node[];
}

const HEALTH = "grpc-health-check";
const LIBRARIES: Readonly<Record<string, string>> = {
  [HEALTH]: "HealthImplementation",
  "@grpc/reflection": "ReflectionService",
};

/** `x.addToServer(…)` of grpc-health-check or @grpc/reflection. */
export function isPart(project: AnalysisProject, call: CallExpression): boolean {
  const callee = call.getExpression();
  return (
    Node.isPropertyAccessExpression(callee) &&
    callee.getName() === "addToServer" &&
    constructionOf(project, callee.getExpression()) !== undefined
  );
}

/** What is made by a library that servers know, as an expression says it. */
export function isPartMade(project: AnalysisProject, node: Node): boolean {
  return libraryOf(project, peeled(node)) !== undefined;
}

/** What `health.addToServer(server)` and the construction of `health` become. `router`: how the router is named there. */
export function partOf(project: AnalysisProject, call: CallExpression, router: string): Part | Reason {
  const callee = call.getExpression();
  const object = Node.isPropertyAccessExpression(callee) ? callee.getExpression() : undefined;
  const construction = object && constructionOf(project, object);
  const where = shownPlace(call);
  if (!construction) return reason("types-unknown", `what is added to the server (${where})`);
  const { made, library } = construction;
  const created =
    library === HEALTH
      ? healthOf(made)
      : (reflectionOf(project, made) ?? reason("no-equivalent", `these arguments of ReflectionService (${where})`));
  if ("code" in created) return created;
  // `new ReflectionService(definition).addToServer(server)`: it has no name.
  if (made === peeled(object))
    return { text: `${created.text}.routes(${router})`, imports: created.imports, facts: [], unused: [] };
  const types = typesOf(project, construction);
  if ("code" in types) return types;
  const construct = `new ${LIBRARIES[library]}()`;
  return {
    text: `${object.getText()}.routes(${router})`,
    imports: [],
    facts: [{ ...valueFact(made, created.text, construct), imports: created.imports }, ...types],
    unused: construction.required ? [construction.required] : [],
  };
}

interface Made {
  readonly text: string;
  readonly imports: readonly NamedImport[];
}

function healthOf(made: NewExpression): Made {
  const [statuses] = made.getArguments();
  return {
    text: `createHealth(${statuses?.getText() ?? "{}"})`,
    imports: [{ module: "@connect-migrate/runtime/health", name: "createHealth" }],
  };
}

function reflectionOf(project: AnalysisProject, made: NewExpression): Made | Reason | undefined {
  const [definition, options] = made.getArguments();
  const origin = definition && project.originOf(definition);
  if (origin?.kind !== "package-definition" || origin.protos.length === 0) return undefined;
  const files = origin.protos.map((proto) => project.protos.fileBySource(proto));
  if (files.some((file) => file === undefined)) return reason("proto-missing", origin.protos.join(", "));
  const from = made.getSourceFile().getFilePath();
  const shown = shownServices(
    withImports(files.flatMap((file) => file ?? [])),
    options ? project.constantOf(options) : {},
  );
  if (!shown) return undefined;
  const services = shown.map((service) => project.protos.importPathFor(service, from));
  return {
    text: `createReflection({ services: [${services.map(({ descriptor }) => descriptor).join(", ")}] })`,
    imports: [
      { module: "@connect-migrate/runtime/reflection", name: "createReflection" },
      ...services.map(({ module, descriptor }) => ({ module, name: descriptor })),
    ],
  };
}

/** Files and all that they import. */
function withImports(files: readonly DescFile[]): ReadonlySet<DescFile> {
  const all = new Set(files);
  for (const file of all) for (const dependency of file.dependencies) all.add(dependency);
  return all;
}

/**
 * The services that are listed with these options; undefined where they are not constant. Of files without a listed service
 * the library still tells what is in them: then the options cannot be said.
 */
function shownServices(files: ReadonlySet<DescFile>, options: unknown): readonly DescService[] | undefined {
  const services = [...files].flatMap((file) => file.services);
  if (typeof options !== "object" || options === null) return undefined;
  const { services: names, ...others } = options as { readonly services?: unknown };
  if (Object.keys(others).length > 0) return undefined;
  if (names === undefined) return services;
  if (!Array.isArray(names)) return undefined;
  const shown = services.filter((service) => names.includes(service.typeName));
  return withImports(shown.map((service) => service.file)).size === files.size ? shown : undefined;
}

interface Construction {
  readonly made: NewExpression;
  readonly library: string;
  /** Where a variable is declared again, the names that mean this construction. */
  readonly names: readonly Node[] | null;
  /** The statement that declared it first. */
  readonly required: Node | null;
}

/** What an expression was made by: `new HealthImplementation(…)`, or a variable or field that is given one and nothing else. */
function constructionOf(project: AnalysisProject, node: Node): Construction | undefined {
  const value = peeled(node);
  const own = libraryOf(project, value);
  if (own) return { ...own, names: null, required: null };
  const name = Node.isPropertyAccessExpression(value) ? value.getNameNode() : value;
  const declaration = Node.isIdentifier(name) ? project.declarationOf(name) : undefined;
  if (!declaration) return undefined;
  if (Node.isVariableDeclaration(declaration) || Node.isPropertyDeclaration(declaration)) {
    const made = declaration.getInitializer();
    const library = made && libraryOf(project, peeled(made));
    return library ? { ...library, names: null, required: null } : redeclared(project, name);
  }
  // What JavaScript has for a declared field: `this.health = new HealthImplementation(…)`.
  const assignment = declaration.getParent();
  const library =
    Node.isPropertyAccessExpression(declaration) && Node.isBinaryExpression(assignment)
      ? libraryOf(project, peeled(assignment.getRight()))
      : undefined;
  return library && { ...library, names: null, required: null };
}

function libraryOf(project: AnalysisProject, made: Node) {
  if (!Node.isNewExpression(made)) return undefined;
  const origin = project.originOf(made.getExpression());
  if (origin.kind !== "external" || LIBRARIES[origin.module] !== origin.path) return undefined;
  return { made, library: origin.module };
}

/**
 * `var reflection = require('@grpc/reflection'); var reflection = new reflection.ReflectionService(definition)`: at the top of a
 * module, what follows the second declaration means the second value, and the first one is needed for nothing else.
 */
function redeclared(project: AnalysisProject, name: Node): Construction | undefined {
  const declarations = (name.getSymbol()?.getDeclarations() ?? []).filter(Node.isVariableDeclaration);
  const statements = declarations.map((each) => each.getVariableStatement());
  const [first, second] = declarations;
  const given = first?.getInitializer();
  const made = second?.getInitializer();
  const library = given && requireSpecifier(given);
  if (!first || !second || declarations.length !== 2 || !library || !Node.isNewExpression(made)) return undefined;
  if (!statements.every((each) => each?.getDeclarations().length === 1 && Node.isSourceFile(each.getParent())))
    return undefined;
  const callee = made.getExpression();
  if (callee.getText() !== `${first.getName()}.${LIBRARIES[library]}`) return undefined;
  const names = project
    .referencesTo(name)
    .filter((each) => each !== first.getNameNode() && each !== second.getNameNode() && !contains(callee, each));
  const isLater = names.every(
    (each) => each.getSourceFile() === second.getSourceFile() && each.getStart() > second.getEnd(),
  );
  return isLater ? { made, library, names, required: statements[0] ?? null } : undefined;
}

/** All that is done with it has a counterpart; types that say what it is. */
function typesOf(project: AnalysisProject, { made, library, names }: Construction): ServerValueFact[] | Reason {
  const isTaken = (node: Node): boolean => {
    const call = memberCall(node);
    const member = call && memberOf(call);
    return member === "addToServer" || (member === "setStatus" && library === HEALTH);
  };
  const construct = LIBRARIES[library] as string;
  if (names) {
    const other = names.find((name) => !isTaken(name));
    return other ? reason("server-escapes", `${other.getText()} is used for more (${shownPlace(other)})`) : [];
  }
  const followed = followValue(
    project,
    {
      type: construct,
      module: library,
      unknownUse: `${construct} is used for more`,
      fields: true,
      isSource: (node) => node === made,
      isSink: isTaken,
    },
    (flow) => {
      flow.value(made);
      flow.use(made);
    },
  );
  if (!followed.ok) return reason("server-escapes", followed.detail);
  const name = library === HEALTH ? "Health" : "Reflection";
  const module = `@connect-migrate/runtime/${name.toLowerCase()}`;
  const types = [...followed.flow.types].map(
    (type): ServerValueFact => ({
      ...valueFact(type, name, construct),
      imports: [{ module, name, typeOnly: true }],
    }),
  );
  return library === HEALTH ? [...types, ...statusTypes(project, made)] : types;
}

/** `ServingStatusMap` of grpc-health-check, in the file that makes the health. */
function statusTypes(project: AnalysisProject, made: NewExpression): ServerValueFact[] {
  return made
    .getSourceFile()
    .getDescendantsOfKind(SyntaxKind.TypeReference)
    .flatMap((type) => {
      const origin = project.originOfType(type);
      if (origin.kind !== "external" || origin.module !== HEALTH || !/^ServingStatus(Map)?$/.test(origin.path))
        return [];
      const named = { module: "@connect-migrate/runtime/health", name: origin.path, typeOnly: true };
      return [{ ...valueFact(type, origin.path, origin.path), imports: [named] }];
    });
}
