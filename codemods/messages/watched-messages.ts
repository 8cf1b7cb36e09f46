import type { DescService } from "@bufbuild/protobuf";
import { type CallExpression, Node, type SourceFile, SyntaxKind } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";

/** Why the messages of a service or client stay as they are: somebody else looks at them, too. */
export function watchedMessages(
  project: AnalysisProject,
  of: "service" | "client",
  call: CallExpression,
  service: DescService,
): string | undefined {
  const stubbed = of === "client" ? project.files.find((file) => stubs(project, file, service)) : undefined;
  if (stubbed) return `a test answers for the client (${stubbed.getBaseName()})`;
  const watched = watchingFile(project, of, call);
  const hooked = hasOldInterceptors(project, of, call) ? project.files.find(hooksMessages) : undefined;
  const file = watched ?? hooked;
  return file && `interceptors look at messages (${file.getBaseName()})`;
}

/** Where an interceptor of this service or client reads or changes messages; where they cannot be seen, any interceptor that may be one of them. */
function watchingFile(
  project: AnalysisProject,
  of: "service" | "client",
  call: CallExpression,
): SourceFile | undefined {
  const apps = project
    .identifiersNamed("createApp")
    .map((name) => name.getParent())
    .filter(
      (made): made is CallExpression => Node.isCallExpression(made) && made.getExpression().getText() === "createApp",
    );
  const ofServers = apps.map((app) => interceptorsOf(project, app));
  const app = apps.find((each) => call.getAncestors().includes(each));
  const transport = of === "client" ? transportOf(project, call) : undefined;
  const own =
    of === "client"
      ? transport && interceptorsOf(project, transport)
      : app
        ? interceptorsOf(project, app)
        : ofServers.every((each) => each !== undefined)
          ? ofServers.flat()
          : undefined;
  if (own) return own.find((each) => readsMessages(each).length > 0)?.getSourceFile();
  const others = of === "client" ? ofServers.flatMap((each) => each ?? []) : [];
  return project.files.find((file) =>
    readsInFile(project, file).some(
      (read) => !others.some((each) => each === read || read.getAncestors().includes(each)),
    ),
  );
}

/** The declarations of the interceptors that an app or a transport is made with; undefined where they cannot be seen. */
function interceptorsOf(project: AnalysisProject, made: CallExpression): Node[] | undefined {
  const [options] = made.getArguments();
  if (!options) return [];
  if (!Node.isObjectLiteralExpression(options)) return undefined;
  if (options.getProperties().some((each) => Node.isSpreadAssignment(each))) return undefined;
  const property = options.getProperty("interceptors");
  if (!property) return [];
  const list = Node.isPropertyAssignment(property) ? property.getInitializer() : undefined;
  if (!Node.isArrayLiteralExpression(list)) return undefined;
  const found = list.getElements().map((element) => {
    if (Node.isArrowFunction(element) || Node.isFunctionExpression(element)) return element;
    const name = Node.isCallExpression(element) ? element.getExpression() : element;
    if (/^(?:fromServerInterceptors|callCredentials)$/.test(name.getText())) return element;
    return Node.isIdentifier(name) ? project.declarationOf(name) : undefined;
  });
  return found.every((each) => each !== undefined) ? (found as Node[]) : undefined;
}

/** `req.message` and `res.message`, in code that hands a request on, and functions that `watchCall` gives messages. */
function readsMessages(within: Node): Node[] {
  const text = within.getText();
  const hooks = /\bwatchCall\(/.test(text) ? within.getDescendantsOfKind(SyntaxKind.PropertyAssignment) : [];
  const isHandedOn = /\bnext\((?:req\b|\{ \.\.\.req\b)/.test(text);
  const members = isHandedOn ? within.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression) : [];
  return [
    ...hooks.filter((each) => /^(?:sent|received)$/.test(each.getName())),
    ...members.filter((access) => /^(?:req|res)\.message$/.test(access.getText())),
  ];
}

/** What was found out of a project's files: it is asked for every service and client. */
interface FromFiles {
  readonly reads: Map<SourceFile, readonly Node[]>;
  readonly named: Map<string, boolean>;
}
const fromFiles = new WeakMap<AnalysisProject, FromFiles>();

function knownOf(project: AnalysisProject): FromFiles {
  const known = fromFiles.get(project) ?? { reads: new Map(), named: new Map() };
  fromFiles.set(project, known);
  return known;
}

/** `readsMessages` of a whole file. */
function readsInFile(project: AnalysisProject, file: SourceFile): readonly Node[] {
  const { reads } = knownOf(project);
  const found = reads.get(file) ?? readsMessages(file);
  reads.set(file, found);
  return found;
}

/** Is the name in a text of the project? */
function isNamed(project: AnalysisProject, name: string): boolean {
  const { named } = knownOf(project);
  const found = named.get(name) ?? project.files.some((file) => file.getFullText().includes(name));
  named.set(name, found);
  return found;
}

/** The transport that a client is made with, where it is made. */
function transportOf(project: AnalysisProject, call: CallExpression): CallExpression | undefined {
  const transport = call.getArguments()[1];
  const declaration = Node.isIdentifier(transport) ? project.declarationOf(transport) : undefined;
  const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : transport;
  return Node.isCallExpression(made) ? made : undefined;
}

/** Is there an interceptor of grpc-js that is called with messages? */
function hooksMessages(file: SourceFile): boolean {
  return /\b(?:with(?:OnReceive|Send)Message|onReceiveMessage|sendMessage)\b/.test(file.getFullText());
}

/** Do interceptors of grpc-js stand between this service or client and its messages? Yes, where it cannot be seen. */
function hasOldInterceptors(project: AnalysisProject, of: "service" | "client", call: CallExpression): boolean {
  const name = of === "service" ? "fromServerInterceptors" : "transportFromGrpcJs";
  if (!isNamed(project, name)) return false;
  if (of === "service") {
    const app = call.getFirstAncestor(
      (node) => Node.isCallExpression(node) && node.getExpression().getText() === "createApp",
    );
    const [options] = Node.isCallExpression(app) ? app.getArguments() : [];
    if (!Node.isObjectLiteralExpression(options)) return true;
    return options.getProperties().some((one) => Node.isSpreadAssignment(one) || one.getName() === "interceptors");
  }
  return transportOf(project, call)?.getExpression().getText() !== "createGrpcTransport";
}

/** Does a test put functions of its own in the place of a method? Of a module or an object that the project has written, it replaces those. */
function stubs(project: AnalysisProject, file: SourceFile, service: DescService): boolean {
  if (!/\b(?:method|spyOn|stub)\(/.test(file.getFullText())) return false;
  const names = new Set(service.methods.map((method) => method.localName));
  return file.getDescendantsOfKind(SyntaxKind.CallExpression).some((call) => {
    const [object, name] = call.getArguments();
    return (
      /\b(?:method|spyOn|stub)$/.test(call.getExpression().getText()) &&
      (Node.isStringLiteral(name) || Node.isNoSubstitutionTemplateLiteral(name)) &&
      names.has(name.getLiteralText()) &&
      !/^(?:module|object)$/.test(project.originOf(object as Node).kind)
    );
  });
}
