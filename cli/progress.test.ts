import { expect, it } from "vitest";
import { createProgress } from "./progress.js";

function shown(isTTY: boolean) {
  let time = 0;
  let text = "";
  const write = (part: string) => {
    text += part;
    return true;
  };
  const stream = { isTTY, columns: 60, write };
  const progress = createProgress(stream as unknown as NodeJS.WriteStream, () => time);
  return {
    progress,
    at(milliseconds: number, what: string, share: number) {
      time = milliseconds;
      text = "";
      progress.report(what, share);
      return text.replace("\r\u001b[2K", "");
    },
  };
}

it("says what it does, and after two seconds how long it will take", () => {
  const { at, progress } = shown(true);
  expect(at(0, "compiling .proto files", 0.08)).toBe("compiling .proto files");
  expect(at(1900, "analysing", 0.15)).toBe("analysing");
  expect(at(6000, "rewriting 3/9 a.ts", 0.6)).toBe("60 %, about 4 s left: rewriting 3/9 a.ts");
  expect(at(600_000, "checking the result", 0.8)).toBe("80 %, about 3 min left: checking the result");
  expect(at(600_010, "too soon after the last one", 0.8)).toBe("");
  expect(at(601_000, "x".repeat(100), 0.9).length).toBe(59);
  progress.done();
});

it("is silent where nobody looks", () => {
  expect(shown(false).at(9000, "analysing", 0.5)).toBe("");
});
