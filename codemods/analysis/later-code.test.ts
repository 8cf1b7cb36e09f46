import { Node, SyntaxKind } from "ts-morph";
import { expect, it } from "vitest";
import { runsLater } from "./later-code.js";
import { projectOf } from "./testing/projects.js";

/** Is `mark()` among the statements of `main` in front of `end()` run later than they? */
function isLater(statements: string): boolean {
  const project = projectOf({ "main.js": `function main() {\n${statements}\nend();\n}\nmain();\n` });
  const [file] = project.files;
  const main = file?.getFunctionOrThrow("main");
  const all = main?.getStatements() ?? [];
  const mark = file
    ?.getDescendantsOfKind(SyntaxKind.CallExpression)
    .find((call) => call.getExpression().getText() === "mark");
  const end = all.findIndex((each) => Node.isExpressionStatement(each) && each.getText() === "end();");
  return runsLater(project, mark as Node, all.slice(0, end));
}

it.each([
  "process.on('SIGTERM', () => mark());",
  "process.once('SIGTERM', () => { setTimeout(function () { mark(); }, 1); });",
  "for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => mark());",
  "['SIGINT', 'SIGTERM'].forEach((signal) => process.on(signal, () => mark()));",
  "function stop() { mark(); }\nprocess.on('SIGINT', stop);",
  "const stop = () => mark();\nprocess.on('SIGINT', () => stop());",
  "const stop = () => mark();\nend();\nstop();",
  "const stop = () => other();\nconst other = () => mark();\nprocess.on('SIGINT', stop);",
  "setImmediate(() => mark());",
])("%s", (statements) => expect(isLater(statements)).toBe(true));

it.each([
  "mark();",
  "[1].forEach(() => mark());",
  "(() => mark())();",
  "process.on('exit', () => mark());",
  "process.on('uncaughtException', () => mark());",
  "for (const event of ['SIGINT', 'exit']) process.on(event, () => mark());",
  "function listen(event) { process.on(event, () => mark()); }\nlisten('exit');",
  "const stop = () => mark();\nstop();",
  "let stop = () => mark();\nprocess.on('SIGINT', () => stop());",
  "const stop = () => mark();\nuse(stop);",
  "const stop = () => mark();\nconst other = () => stop();\nother();",
  "emitter.on('close', () => mark());",
])("now, or it is not known: %s", (statements) => expect(isLater(statements)).toBe(false));
