import type { DescService } from "@bufbuild/protobuf";
import { type CallExpression, Node, type SourceFile } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";

/** Why the messages of a service or client stay as they are: somebody else looks at them, too. */
export function watchedMessages(
  project: AnalysisProject,
  of: "service" | "client",
  call: CallExpression,
  service: DescService,
): string | undefined {
  const stubbed = of === "client" ? project.files.find((file) => stubs(file, service)) : undefined;
  if (stubbed) return `a test answers for the client (${stubbed.getBaseName()})`;
  const watched = of === "client" ? project.files.find(watchesMessages) : undefined;
  const hooked = hasOldInterceptors(project, of, call) ? project.files.find(hooksMessages) : undefined;
  const file = watched ?? hooked;
  return file && `interceptors look at messages (${file.getBaseName()})`;
}

/** Is there an interceptor that reads or changes messages? Which clients it is for is not asked. */
function watchesMessages(file: SourceFile): boolean {
  const text = file.getFullText();
  return /\bnext\((?:req\b|\{ \.\.\.req\b)/.test(text) && /\b(?:req|res)\.message\b/.test(text);
}

/** Is there an interceptor of grpc-js that is called with messages? */
function hooksMessages(file: SourceFile): boolean {
  return /\b(?:with(?:OnReceive|Send)Message|onReceiveMessage|sendMessage)\b/.test(file.getFullText());
}

/** Do interceptors of grpc-js stand between this service or client and its messages? Yes, where it cannot be seen. */
function hasOldInterceptors(project: AnalysisProject, of: "service" | "client", call: CallExpression): boolean {
  const name = of === "service" ? "fromServerInterceptors" : "transportFromGrpcJs";
  if (!project.files.some((file) => file.getFullText().includes(name))) return false;
  if (of === "service") {
    const app = call.getFirstAncestor(
      (node) => Node.isCallExpression(node) && node.getExpression().getText() === "createApp",
    );
    const [options] = Node.isCallExpression(app) ? app.getArguments() : [];
    if (!Node.isObjectLiteralExpression(options)) return true;
    return options.getProperties().some((one) => Node.isSpreadAssignment(one) || one.getName() === "interceptors");
  }
  const transport = call.getArguments()[1];
  const declaration = Node.isIdentifier(transport) ? project.declarationOf(transport) : undefined;
  const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : transport;
  if (!Node.isCallExpression(made)) return true;
  return made.getExpression().getText() !== "createGrpcTransport";
}

/** Does a test put functions of its own in the place of a method? */
function stubs(file: SourceFile, service: DescService): boolean {
  const text = file.getFullText();
  if (!/\b(?:method|spyOn|stub)\(/.test(text)) return false;
  return service.methods.some((method) =>
    new RegExp(`\\b(?:method|spyOn|stub)\\([^)]*['"\`]${method.localName}['"\`]`).test(text),
  );
}
