import type { DescMethod } from "@bufbuild/protobuf";
import { methodPath } from "../serialization.js";

/** `<baseUrl>/<package>.<Service>/<Method>`. With an empty baseUrl or "/" only the path. */
export function createMethodUrl(baseUrl: string | URL, method: DescMethod): string {
  return String(baseUrl).replace(/\/$/, "") + methodPath(method);
}
