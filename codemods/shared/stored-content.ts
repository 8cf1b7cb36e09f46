/** What a file contains, as JSON can hold it. */
export type StoredContent = string | { readonly base64: string };

export function storedFromContent(content: string | Uint8Array): StoredContent {
  return typeof content === "string" ? content : { base64: Buffer.from(content).toString("base64") };
}

export function contentFromStored(stored: StoredContent): string | Uint8Array {
  return typeof stored === "string" ? stored : new Uint8Array(Buffer.from(stored.base64, "base64"));
}
