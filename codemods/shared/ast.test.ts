import { expect, test } from "vitest";
import { saysName } from "./ast.js";

for (const [text, name, says] of [
  ["typeof shop.v1.Shop", "shop", true],
  ["new shop.Shop()", "Shop", false],
  ["workshop.Shop", "shop", false],
  ["shops.Shop", "shop", false],
  ["$shop.Shop", "$shop", true],
  ["shop$.Shop", "shop$", true],
  ["shop$.Shop", "shop", false],
  ["$shop.Shop", "shop", false],
  ["{ ...shop, more }", "shop", true],
] as const)
  test(`${text} ${says ? "says" : "does not say"} ${name}`, () => expect(saysName(text, name)).toBe(says));
