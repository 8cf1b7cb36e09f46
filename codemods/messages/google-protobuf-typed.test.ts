import { expect, it } from "vitest";
import { testSameBytes } from "./testing/typed-programs.js";

/** Handlers in TypeScript, on google-protobuf's classes with a .d.ts beside them. */
const handlers = `
import { Thing, Lines } from './old/same_pb';

export function describeIt(req: Thing): Lines {
  const lines = new Lines();
  req.getNumMapMap().forEach((value: number, key: string) => { lines.addLinesOut(\`\${key}=\${value}\`); });
  req.getItemMapMap().forEach((item: Thing, key: string) => { lines.addLinesOut(key + item.getItemName() + item.getBigCount()); });
  return lines;
}
`;

const old = { generator: "google-protobuf", definition: "SameService", module: "./old/same_grpc_pb" } as const;
const programs = testSameBytes(old, handlers, () => ({ bits: 53n, runs: 200 }));

it("has the parameters of a loop over a map without types", () => {
  expect(programs().migrated).toContain("([key, item]) => { lines.linesOut.push(key + item.itemName + Number(item.bigCount)); }");
});
